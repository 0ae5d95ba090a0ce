//! Names that look like others: what nobody listed stands for no tool that has rules, in lists and in calls alike.

use std::sync::Arc;

use domain::{Outcome, Transport};
use policy::RiskClass;
use serde_json::{Value, json};

use crate::{
    client::{Client, names, stateless},
    fixture::Speaks,
    scripted::{Reply, Scripted, result},
    snapshots::until,
    world::{OPEN, World, decided},
};

/// What the server is known to have.
const KNOWN: [(&str, RiskClass); 4] = [
    ("echo", RiskClass::Read),
    ("delete_run", RiskClass::Destructive),
    // Two that look alike, both let in by a person.
    ("pay", RiskClass::Financial),
    ("Pay", RiskClass::Read),
];
const HIDES: &str = r#"{"version":"1","default":"allow","hide":["secret","adm_*"],"tools":{"delete_run":{"action":"deny"},
    "set_tag":{"rate_limit":{"max":1,"window":"day"}}}}"#;
/// What looks like a known tool.
const LIKE_KNOWN: [&str; 4] = ["Delete_Run", "d\u{435}lete_run", "deIete_run", "ECHO"];
/// What looks like a name that [`HIDES`] has a rule for.
const LIKE_RULED: [&str; 4] = ["SECRET", "\u{ff53}ecret", "Adm_drop", "Set_Tag"];
/// New, and like nothing.
const NEW: [&str; 2] = ["new_one", "secrets"];

/// A server that lists all of these, and does whatever it is asked to, as one does that does not mind how it is called.
async fn lenient(speaks: Speaks) -> Arc<Scripted> {
    let listed = KNOWN.iter().map(|(name, _)| *name).chain(LIKE_KNOWN).chain(LIKE_RULED).chain(NEW);
    let tools: Vec<Value> = listed.map(|name| json!({"name": name, "inputSchema": {"type": "object"}})).collect();
    let list = json!({"resultType": "complete", "ttlMs": 0, "cacheScope": "private", "tools": tools}).to_string();
    Scripted::start(speaks, json!({"tools": {}}), move |method, _| match method {
        "tools/list" => Some(Reply::Result(list.clone())),
        "tools/call" => result(&json!({"resultType": "complete", "content": []})),
        _ => None,
    })
    .await
}

/// A client of one era on one URL of an account whose server is lenient.
struct Stage {
    world: World,
    acme: crate::world::Account,
    upstream: Arc<Scripted>,
    client: Client,
    modern: bool,
    prefix: &'static str,
}

impl Stage {
    async fn new((path, speaks): (&str, Speaks), policy: &str) -> Self {
        let (world, upstream) = (World::start().await, lenient(speaks).await);
        let mut acme = world.account("acme");
        let server = acme.server("mlflow", Transport::Http { url: upstream.url.clone() }, &KNOWN);
        let agent = acme.agent("ci-runner");
        let policy = acme.policy(policy);
        acme.grant(agent.principal.as_subject(), server, Some(policy));
        world.publish(&acme).await;
        let client = Client::new(&world, &acme, path, &agent);
        let modern = speaks == Speaks::Stateless;
        let client = if modern { client } else { client.initialized().await };
        let prefix = if path == "/mcp" { "mlflow__" } else { "" };
        Self { world, acme, upstream, client, modern, prefix }
    }

    async fn ask(&self, method: &str, params: Value) -> Value {
        if self.modern {
            let (client, message) = stateless(self.client.clone(), method, params);
            return client.post(message).await.json();
        }
        let message = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
        self.client.post(message.to_string()).await.json()
    }

    async fn call(&self, tool: &str) -> Value {
        self.ask("tools/call", json!({"name": format!("{}{tool}", self.prefix), "arguments": {}})).await
    }

    /// Waits until these are listed: the account's URL leaves a server out that is late, as any is on a slow machine.
    async fn lists(&self, tools: &[&str]) {
        let expected: Vec<String> = tools.iter().map(|tool| format!("{}{tool}", self.prefix)).collect();
        until(|| async {
            let listed = names(&self.ask("tools/list", json!({})).await);
            assert!(listed.is_empty() || listed == expected, "{listed:?}");
            listed == expected
        })
        .await;
    }

    /// Whether a call comes to the server.
    async fn reaches(&self, tool: &str) -> bool {
        let before = self.upstream.asked("tools/call").len();
        let answer = self.call(tool).await;
        let reached = self.upstream.asked("tools/call").len() > before;
        assert_eq!(reached, answer["result"]["content"] == json!([]), "{tool}: {answer}");
        reached
    }
}

const EVERYWHERE: [(&str, Speaks); 4] = [
    ("/mlflow/mcp", Speaks::Sessions),
    ("/mcp", Speaks::Sessions),
    ("/mlflow/mcp", Speaks::Stateless),
    ("/mcp", Speaks::Stateless),
];

/// What a header can carry as it is.
fn plain(name: &&str) -> bool {
    name.is_ascii()
}

#[tokio::test]
async fn a_name_that_only_looks_like_another_is_neither_listed_nor_called() {
    for place in EVERYWHERE {
        let stage = Stage::new(place, HIDES).await;
        stage.lists(&["echo", "delete_run", "pay", "Pay", "new_one", "secrets"]).await;
        let told = |tool: &str, answer: Value| answer.to_string().replace(tool, "NAME");
        let hidden = told("secret", stage.call("secret").await);
        for tool in LIKE_KNOWN.into_iter().chain(LIKE_RULED).filter(|name| !stage.modern || plain(name)) {
            assert!(!stage.reaches(tool).await, "{place:?} {tool}");
            assert_eq!(told(tool, stage.call(tool).await), hidden, "{place:?}: as for what does not exist");
        }
        for tool in NEW.into_iter().chain(["echo", "pay", "Pay", "Set_tag2"]) {
            assert!(stage.reaches(tool).await, "{place:?} {tool}");
        }
        assert_eq!(stage.call("delete_run").await["result"]["isError"], true, "{place:?}: a denied tool is told so");
    }
}

#[tokio::test]
async fn without_rules_only_what_looks_like_a_known_tool_is_refused() {
    for place in EVERYWHERE {
        let stage = Stage::new(place, OPEN).await;
        let passes: Vec<&str> = KNOWN.iter().map(|(name, _)| *name).chain(LIKE_RULED).chain(NEW).collect();
        stage.lists(&passes).await;
        for tool in LIKE_KNOWN.into_iter().filter(|name| !stage.modern || plain(name)) {
            assert!(!stage.reaches(tool).await, "{place:?} {tool}");
        }
        for tool in passes.into_iter().filter(|name| !stage.modern || plain(name)) {
            assert!(stage.reaches(tool).await, "{place:?} {tool}");
        }
    }
}

#[tokio::test]
async fn a_refused_look_alike_leaves_a_record() {
    let stage = Stage::new(EVERYWHERE[0], HIDES).await;
    for (tool, rule) in [("SECRET", "/hide/0"), ("Delete_Run", "/tools/delete_run"), ("ECHO", "")] {
        stage.call(tool).await;
        let is_it = |record: &&domain::CallDecided| record.tool.as_deref() == Some(tool);
        let events =
            stage.world.records(&stage.acme, |events| events.iter().filter_map(decided).any(|r| is_it(&r))).await;
        let record = events.iter().filter_map(decided).find(is_it).unwrap();
        assert_eq!(
            (record.outcome, record.code.as_deref(), record.rule.as_str()),
            (Outcome::Deny, Some("hidden"), rule)
        );
        assert!(record.message.as_deref().unwrap().contains("looks like"), "{:?}", record.message);
    }
}
