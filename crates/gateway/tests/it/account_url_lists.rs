//! Lists on the account's own URL: of all servers as one, page by page.

use std::{sync::Arc, time::Duration};

use domain::Transport;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    client::Client,
    fixture::Speaks,
    scripted::{Reply, Scripted, result},
    snapshots::until,
    world::{Account, Holder, OPEN, World},
};

const ALL: &str = r#"{"tools":{},"prompts":{},"resources":{"subscribe":true},"completions":{},"logging":{}}"#;
const HIDES: &str = r#"{"version":"1","default":"allow","hide":["hidden_*"]}"#;

fn all() -> Value {
    serde_json::from_str(ALL).unwrap()
}

/// A list in pages, the cursor of each the number of the next; the first of those is the empty string.
fn paged(member: &'static str, pages: Vec<Vec<Value>>) -> impl Fn(&Value) -> Option<Reply> + Send + Sync {
    move |message| {
        let page = match message["params"]["cursor"].as_str() {
            None => 0,
            Some("") => 1,
            Some(number) => number.parse().ok()?,
        };
        let next = match page + 1 {
            next if next >= pages.len() => Value::Null,
            1 => json!(""),
            next => json!(next.to_string()),
        };
        let mut list = json!({"resultType": "complete", "ttlMs": 5, "cacheScope": "public", member: pages.get(page)?});
        if !next.is_null() {
            list["nextCursor"] = next;
        }
        result(&list)
    }
}

fn tools(names: &[String]) -> Vec<Value> {
    names.iter().map(|name| json!({"name": name, "inputSchema": {"type": "object"}})).collect()
}

/// Servers with these pages of tools, under a policy that hides some.
async fn servers(acme: &mut Account, holder: &Holder, all_pages: &[(Speaks, Vec<Vec<String>>)]) -> Vec<Arc<Scripted>> {
    let policy = acme.policy(HIDES);
    let mut upstreams = Vec::new();
    for (index, (speaks, pages)) in all_pages.iter().enumerate() {
        let upstream = Scripted::start(*speaks, all(), paged_list(pages.clone())).await;
        let server = acme.server(&format!("s{index}"), Transport::Http { url: upstream.url.clone() }, &[]);
        acme.grant(holder.principal.as_subject(), server, Some(policy));
        upstreams.push(upstream);
    }
    upstreams
}

/// Every page of a list.
async fn walk(client: &Client, method: &str, member: &str, name: &str) -> Vec<Vec<String>> {
    let (mut pages, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let params = cursor.map_or(json!({}), |cursor| json!({"cursor": cursor}));
        let (client, message) = said(client, method, params);
        let answer = client.post(message).await.json();
        let entries = answer["result"][member].as_array().unwrap_or_else(|| panic!("no list: {answer}"));
        pages.push(entries.iter().map(|entry| entry[name].as_str().unwrap().to_owned()).collect());
        cursor = answer["result"]["nextCursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return pages;
        }
        assert!(pages.len() < 100, "a walk ends");
    }
}

/// A request in the client's era.
fn said(client: &Client, method: &str, params: Value) -> (Client, String) {
    if client.headers.get("mcp-protocol-version").is_some_and(|version| version == "2026-07-28") {
        return crate::client::stateless(client.clone(), method, params);
    }
    (client.clone(), json!({"jsonrpc": "2.0", "id": 3, "method": method, "params": params}).to_string())
}

#[tokio::test]
async fn walking_the_pages_gives_every_entry_once_in_order_and_no_hidden_one() {
    let world = World::start().await;
    let mut acme = world.account("acme");
    let agent = acme.agent("ci");
    let long = |start: usize, count: usize| (start..start + count).map(|n| format!("t{n}")).collect::<Vec<_>>();
    let named = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let pages = [
        (Speaks::Sessions, vec![named(&["a", "hidden_x"]), named(&["b"]), named(&["hidden_y", "c"])]),
        (Speaks::Stateless, vec![long(0, 500), long(500, 500), long(1_000, 7)]),
        (Speaks::Sessions, vec![long(0, 600), vec![], named(&["end", "hidden_z"])]),
        (Speaks::Stateless, vec![vec![]]),
    ];
    let _upstreams = servers(&mut acme, &agent, &pages).await;
    world.publish(&acme).await;
    let legacy = Client::new(&world, &acme, "/mcp", &agent).initialized().await;
    let modern = Client::new(&world, &acme, "/mcp", &agent).with("mcp-protocol-version", "2026-07-28");
    for client in [legacy, modern] {
        let walked = walk(&client, "tools/list", "tools", "name").await;
        assert_eq!(walked[0][..4], ["s0__a", "s0__b", "s0__c", "s1__t0"]);
        assert_eq!(walked.len(), 3, "a server's share of a page is bounded");
        let mut expected: Vec<String> = ["s0__a", "s0__b", "s0__c"].map(str::to_owned).to_vec();
        expected.extend((0..1_007).map(|n| format!("s1__t{n}")));
        expected.extend((0..600).map(|n| format!("s2__t{n}")));
        expected.push("s2__end".to_owned());
        let mut entries: Vec<String> = walked.concat();
        entries.sort();
        expected.sort();
        assert_eq!(entries, expected);
    }
}

#[tokio::test]
async fn servers_that_come_and_go_do_not_break_a_walk_and_made_up_cursors_are_refused() {
    let world = World::start().await;
    let mut acme = world.account("acme");
    let (agent, other) = (acme.agent("ci"), acme.agent("other"));
    let long = |count: usize| (0..count).map(|n| format!("t{n}")).collect::<Vec<_>>();
    let pages = [(Speaks::Sessions, vec![long(500), long(1)]), (Speaks::Sessions, vec![long(500), long(2)])];
    let _upstreams = servers(&mut acme, &agent, &pages).await;
    acme.grant(other.principal.as_subject(), acme.snapshot.servers[0].id, None);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mcp", &agent).initialized().await;
    let ask = |client: &Client, method: &str, cursor: &str| {
        let (client, message) = said(client, method, json!({"cursor": cursor}));
        async move { client.post(message).await.json() }
    };
    let first = ask(&client, "tools/list", "").await;
    let cursor = first["result"]["nextCursor"].as_str().unwrap().to_owned();
    let others = Client::new(&world, &acme, "/mcp", &other).initialized().await;
    for (client, method, cursor) in [
        (&others, "tools/list", cursor.as_str()),
        (&client, "prompts/list", &cursor),
        (&client, "tools/list", "x"),
        (&client, "tools/list", &cursor[1..]),
    ] {
        assert_eq!(ask(client, method, cursor).await["error"]["code"], -32602, "{method} {cursor}");
    }
    let gone = acme.snapshot.servers[1].id;
    acme.changed().snapshot.grants.retain(|grant| grant.server != gone);
    world.publish(&acme).await;
    let rest = ask(&client, "tools/list", &cursor).await;
    let names = crate::client::names(&rest);
    assert_eq!(names.first().map(String::as_str), Some("s0__t0"));
    assert!(rest["result"].get("nextCursor").is_none());
}

#[tokio::test]
async fn prompts_resources_and_templates_are_merged_under_qualified_names() {
    let world = World::start().await;
    let mut acme = world.account("acme");
    let agent = acme.agent("ci");
    let policy = acme.policy(OPEN);
    let script = |method: &str, message: &Value| match method {
        "prompts/list" => result(&json!({"resultType": "complete", "prompts": [{"name": "greet", "title": "T"}]})),
        "resources/list" => paged(
            "resources",
            vec![vec![json!({"uri": "test://a", "name": "a"})], vec![json!({"uri": "ui://b/c", "name": "b"})]],
        )(message),
        "resources/templates/list" => result(
            &json!({"resultType": "complete", "resourceTemplates": [{"uriTemplate": "test://{id}", "name": "t"}]}),
        ),
        "tools/list" => result(
            &json!({"resultType": "complete", "tools": [{"name": "show", "_meta": {"ui": {"resourceUri": "ui://b/c"}}}]}),
        ),
        _ => None,
    };
    let legacy = Scripted::start(Speaks::Sessions, all(), script).await;
    let modern = Scripted::start(Speaks::Stateless, all(), script).await;
    let bare = Scripted::start(Speaks::Sessions, json!({"tools": {}}), script).await;
    let off = Scripted::start(Speaks::Sessions, all(), script).await;
    for (slug, upstream) in [("1st", &legacy), ("2nd", &modern), ("bare", &bare), ("off", &off)] {
        let server = acme.server(slug, Transport::Http { url: upstream.url.clone() }, &[]);
        acme.grant(agent.principal.as_subject(), server, Some(policy));
        if slug == "off" {
            (acme.settings(server).prompts, acme.settings(server).resources) =
                (domain::Access::Off, domain::Access::Off);
        }
    }
    world.publish(&acme).await;
    let first_era = Client::new(&world, &acme, "/mcp", &agent).initialized().await;
    let second_era = Client::new(&world, &acme, "/mcp", &agent).with("mcp-protocol-version", "2026-07-28");
    for client in [first_era, second_era] {
        assert_eq!(walk(&client, "prompts/list", "prompts", "name").await.concat(), ["1st__greet", "2nd__greet"]);
        let resources = walk(&client, "resources/list", "resources", "uri").await.concat();
        assert_eq!(resources, ["srv.1st+test://a", "ui://srv.1st+b/c", "srv.2nd+test://a", "ui://srv.2nd+b/c"]);
        let templates = walk(&client, "resources/templates/list", "resourceTemplates", "uriTemplate").await.concat();
        assert_eq!(templates, ["srv.1st+test://{id}", "srv.2nd+test://{id}"]);
        let (client, message) = said(&client, "tools/list", json!({}));
        let tools = client.post(message).await.json();
        assert_eq!(tools["result"]["tools"][1]["_meta"]["ui"]["resourceUri"], "ui://srv.2nd+b/c");
    }
    assert!(bare.asked("prompts/list").is_empty(), "a server that has no prompts is not asked for them");
    assert!(off.asked("resources/list").is_empty(), "nor one whose resources are off");
}

#[tokio::test]
async fn a_slow_server_costs_only_its_own_entries_and_is_not_waited_for_again() {
    let world = World::with(|config| config.times.aggregate_part = Duration::from_millis(2_000)).await;
    let mut acme = world.account("acme");
    let agent = acme.agent("ci");
    let _quick = servers(&mut acme, &agent, &[(Speaks::Sessions, vec![vec!["a".to_owned()]])]).await;
    let policy = acme.policy(OPEN);
    // The second page never comes; the first stays.
    let slow =
        Scripted::start(Speaks::Stateless, all(), |method, message| match (method, message["params"].get("cursor")) {
            ("tools/list", None) => {
                result(&json!({"resultType": "complete", "tools": [{"name": "b"}], "nextCursor": ""}))
            }
            ("tools/list", Some(_)) => Some(Reply::Silence),
            _ => None,
        })
        .await;
    let mute = Scripted::start(Speaks::Sessions, all(), |_, _| Some(Reply::Silence)).await;
    for (slug, upstream) in [("slow", &slow), ("mute", &mute)] {
        let server = acme.server(slug, Transport::Http { url: upstream.url.clone() }, &[]);
        acme.grant(agent.principal.as_subject(), server, Some(policy));
    }
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mcp", &agent).initialized().await;
    for _ in 0..2 {
        // On a machine that stands still for a while, the quick one may be taken for slow as well.
        until(|| async { walk(&client, "tools/list", "tools", "name").await == [["s0__a", "slow__b"]] }).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn any_servers_are_walked_once(shapes in prop::collection::vec((any::<bool>(), prop::collection::vec(0..700usize, 1..4)), 0..5), hidden in 0..7usize) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::start().await;
            let mut acme = world.account("acme");
            let agent = acme.agent("ci");
            let mut expected = Vec::new();
            let mut number = 0;
            let mut pages = Vec::new();
            for (index, (stateless, sizes)) in shapes.iter().enumerate() {
                let mut of_server = Vec::new();
                for size in sizes {
                    let mut names = Vec::new();
                    for _ in 0..*size {
                        number += 1;
                        let name = if number % 7 == hidden { format!("hidden_{number}") } else { format!("t{number}") };
                        if number % 7 != hidden {
                            expected.push(format!("s{index}__{name}"));
                        }
                        names.push(name);
                    }
                    of_server.push(names);
                }
                pages.push((if *stateless { Speaks::Stateless } else { Speaks::Sessions }, of_server));
            }
            let _upstreams = servers(&mut acme, &agent, &pages).await;
            if shapes.is_empty() {
                let _one = servers(&mut acme, &agent, &[(Speaks::Sessions, vec![vec![]])]).await;
            }
            world.publish(&acme).await;
            let client = Client::new(&world, &acme, "/mcp", &agent).initialized().await;
            let mut walked = walk(&client, "tools/list", "tools", "name").await.concat();
            walked.sort();
            expected.sort();
            assert_eq!(walked, expected);
        });
    }
}

#[tokio::test]
async fn a_list_without_an_end_keeps_nobody_from_the_other_servers_entries() {
    let world = World::start().await;
    let mut acme = world.account("acme");
    let (agent, policy) = (acme.agent("ci"), acme.policy(crate::world::OPEN));
    let endless = |size: usize| {
        Scripted::start(Speaks::Stateless, all(), move |method, message| {
            let cursor = message["params"]["cursor"].as_str().unwrap_or("0");
            let next = cursor.parse::<u64>().ok()? + 1;
            let names: Vec<String> = (0..size).map(|n| format!("t{next}_{n}")).collect();
            let list = json!({"resultType": "complete", "tools": tools(&names), "nextCursor": next.to_string()});
            if method == "tools/list" { result(&list) } else { None }
        })
    };
    let honest = Scripted::start(Speaks::Stateless, all(), paged_list(vec![vec!["b".to_owned()]])).await;
    let (empty, full) = (endless(0).await, endless(100).await);
    for (slug, upstream) in [("empty", &empty), ("full", &full), ("honest", &honest)] {
        let server = acme.server(slug, Transport::Http { url: upstream.url.clone() }, &[]);
        acme.grant(agent.principal.as_subject(), server, Some(policy));
    }
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mcp", &agent).with("mcp-protocol-version", "2026-07-28");
    let entries = walk(&client, "tools/list", "tools", "name").await.concat();
    assert!(entries.contains(&"honest__b".to_owned()));
    assert_eq!(entries.len(), 1 + 40 * 500, "so many of a server's entries are enough");
    assert_eq!(empty.asked("tools/list").len(), 20, "a server that gives nothing is not gone on with");
}

/// The pages of a list of tools, and nothing else.
fn paged_list(pages: Vec<Vec<String>>) -> impl Fn(&str, &Value) -> Option<Reply> + Send + Sync {
    let list = paged("tools", pages.iter().map(|names| tools(names)).collect());
    move |method, message| if method == "tools/list" { list(message) } else { None }
}
