//! Hidden means unlisted and uncallable: over random policies, on every page, however the list is sent, on both URLs.

use std::collections::BTreeSet;

use http::StatusCode;
use policy::RiskClass;
use serde_json::{Value, json};

use super::{
    generate::{CLASSES, Chance, TOOLS},
    upstream::{Sent, Upstream},
};
use crate::{
    client::{Client, names},
    world::World,
};

const POLICIES: usize = 150;
const PAGE: usize = 7;

fn class_of(tool: &str) -> RiskClass {
    let place = TOOLS.iter().position(|name| *name == tool).unwrap();
    CLASSES[place % CLASSES.len()]
}

/// POLICY.md §1, read anew: which tools a document hides.
fn hides(document: &Value, tool: &str) -> bool {
    let rules = document["tools"].as_object().unwrap();
    let hiding = |rule: &Value| rule["action"] == "hide" && rule["mode"] != "shadow";
    if let Some(exact) = rules.get(tool) {
        return hiding(exact);
    }
    let hide: Vec<&str> = document["hide"].as_array().unwrap().iter().map(|p| p.as_str().unwrap()).collect();
    if hide.contains(&tool) {
        return true;
    }
    let literal = |pattern: &str| pattern.chars().filter(|c| !"*?".contains(*c)).count();
    let listed = rules.iter().map(|(pattern, rule)| (pattern.as_str(), hiding(rule)));
    let globs = hide.iter().map(|pattern| (*pattern, true)).chain(listed).filter(|(pattern, _)| fits(pattern, tool));
    match globs.max_by_key(|(pattern, _)| literal(pattern)) {
        Some((_, hidden)) => hidden,
        None => hiding(&document["classes"][class_of(tool).as_str()]),
    }
}

/// Whether a pattern with `*` or `?` in it fits a name; the slow way.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.chars().next() {
        None => name.is_empty(),
        Some('*') => (0..=name.len()).any(|at| fits(&pattern[1..], &name[at..])),
        Some('?') => !name.is_empty() && fits(&pattern[1..], &name[1..]),
        Some(c) => name.starts_with(c) && fits(&pattern[1..], &name[1..]),
    }
}

/// Every page of a list, or that it could not be had.
async fn all_pages(client: &Client) -> Option<Vec<String>> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let params = cursor.map_or(json!({}), |cursor: String| json!({"cursor": cursor}));
        let message = json!({"jsonrpc": "2.0", "id": 3, "method": "tools/list", "params": params});
        let answer = client.post(message.to_string()).await;
        let json = answer.json();
        if json.get("result").is_none() {
            assert_eq!(answer.reason(), "upstream_invalid", "{json}");
            assert!(TOOLS.iter().all(|tool| !answer.text().contains(&format!("\"{tool}\""))), "{json}");
            return None;
        }
        found.extend(names(&json));
        match json["result"]["nextCursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return Some(found),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hidden_means_unlisted_and_uncallable_under_any_policy() {
    let (world, upstream) = (World::start().await, Upstream::start(TOOLS, PAGE).await);
    let chance = Chance::new(20_260_105);
    let (mut hidden_ones, mut lists) = (0, 0);
    for number in 0..POLICIES {
        let document = chance.policy();
        let mut acme = world.account(&format!("acme-{number}"));
        let tools: Vec<_> = TOOLS.iter().map(|tool| (*tool, class_of(tool))).collect();
        let transport = domain::Transport::Http { url: upstream.url.clone() };
        let server = acme.server("mlflow", transport, &tools);
        let agent = acme.agent("ci-runner");
        let policy = acme.policy(&document.to_string());
        acme.grant(agent.principal.as_subject(), server, Some(policy));
        world.publish(&acme).await;

        let hidden: BTreeSet<&str> = TOOLS.iter().copied().filter(|tool| hides(&document, tool)).collect();
        let shown: Vec<String> =
            TOOLS.iter().filter(|tool| !hidden.contains(*tool)).map(|tool| (*tool).to_owned()).collect();
        let one = Client::new(&world, &acme, "/mlflow/mcp", &agent).initialized().await;
        let all = Client::new(&world, &acme, "/mcp", &agent).initialized().await;
        for sent in [Sent::Json, Sent::Stream, Sent::Gzip] {
            *upstream.sent.lock().unwrap() = sent;
            let listed = all_pages(&one).await;
            assert!(listed.is_some() || sent == Sent::Gzip, "only what cannot be read may be refused whole");
            if let Some(listed) = listed {
                assert_eq!(listed, shown, "{sent:?} under {document}");
                lists += 1;
            }
        }
        *upstream.sent.lock().unwrap() = Sent::Json;
        let of_account: Vec<String> = shown.iter().map(|tool| format!("mlflow__{tool}")).collect();
        assert_eq!(all_pages(&all).await.unwrap(), of_account, "the account's URL under {document}");

        hidden_ones += hidden.len();
        let history = number.to_string();
        for tool in hidden {
            let arguments = json!({"history": history});
            for answer in
                [one.call(tool, arguments.clone()).await, all.call(&format!("mlflow__{tool}"), arguments).await]
            {
                let json = answer.json();
                assert_eq!(
                    (answer.status, &json["error"]["code"]),
                    (StatusCode::OK, &json!(-32602)),
                    "{tool} under {document}: {json}"
                );
                assert!(!json.to_string().contains("portcullis/decision"), "it tells that there is something: {json}");
            }
            assert_eq!(upstream.calls(tool, &history), 0, "{tool} under {document}");
        }
    }
    assert!(hidden_ones > POLICIES && lists >= 2 * POLICIES, "{hidden_ones} hidden tools in {lists} lists");
}
