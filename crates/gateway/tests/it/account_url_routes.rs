//! What the account's own URL sends on to one of its servers, and what comes back: under that URL's names.

use std::sync::Arc;

use domain::{Access, Transport};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    client::{Client, stateless},
    fixture::Speaks,
    scripted::{Reply, Scripted, result},
    world::{Account, Holder, Nowhere, OPEN, World},
};

fn everything() -> Value {
    json!({"tools": {}, "prompts": {}, "resources": {"subscribe": true}, "completions": {}, "logging": {},
        "tasks": {"list": {}, "cancel": {}}, "extensions": {"io.modelcontextprotocol/tasks": {}}})
}

/// Answers with what was asked, and with things that have names.
fn script(method: &str, message: &Value) -> Option<Reply> {
    let params = &message["params"];
    let answer = match method {
        "tools/call" => json!({"content": [
            {"type": "text", "text": params["name"]},
            {"type": "resource_link", "uri": "test://link", "name": "l"},
            {"type": "resource", "resource": {"uri": "ui://a/b", "text": "x"}}]}),
        "prompts/get" => {
            json!({"messages": [{"role": "user", "content": {"type": "resource", "resource": {"uri": "test://in", "text": params["name"]}}}]})
        }
        "resources/read" if params["uri"] == "test://gone" => {
            return Some(Reply::Error(json!({"code": -32602, "message": "gone", "data": {"uri": "test://gone"}})));
        }
        "resources/read" => json!({"contents": [{"uri": params["uri"], "text": "x"}]}),
        "resources/subscribe" | "resources/unsubscribe" | "logging/setLevel" => json!({}),
        "completion/complete" => json!({"completion": {"values": [params["ref"].to_string()]}}),
        "tasks/get" => json!({"taskId": params["taskId"], "status": "working"}),
        _ => return None,
    };
    let mut answer = answer;
    answer["resultType"] = json!("complete");
    result(&answer)
}

async fn add(acme: &mut Account, holder: &Holder, slug: &str, upstream: &Arc<Scripted>) -> domain::ServerId {
    let policy = acme.policy(OPEN);
    let server = acme.server(slug, Transport::Http { url: upstream.url.clone() }, &[]);
    acme.grant(holder.principal.as_subject(), server, Some(policy));
    server
}

fn ask(method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).to_string()
}

#[tokio::test]
async fn every_kind_of_request_reaches_its_server_under_the_servers_own_names() {
    let world = World::start().await;
    let mut acme = world.account("acme");
    let agent = acme.agent("ci");
    let legacy = Scripted::start(Speaks::Sessions, everything(), script).await;
    let modern = Scripted::start(Speaks::Stateless, everything(), script).await;
    add(&mut acme, &agent, "old", &legacy).await;
    add(&mut acme, &agent, "new", &modern).await;
    world.publish(&acme).await;
    let first_era = Client::new(&world, &acme, "/mcp", &agent).initialized().await;
    let second_era = Client::new(&world, &acme, "/mcp", &agent);
    for (slug, upstream, client, era) in [
        ("old", &legacy, &first_era, Speaks::Sessions),
        ("new", &modern, &second_era, Speaks::Stateless),
        ("new", &modern, &first_era, Speaks::Sessions),
        ("old", &legacy, &second_era, Speaks::Stateless),
    ] {
        let mirrored = (slug == "new") == (era == Speaks::Stateless);
        let send = |method: &'static str, params: Value| {
            let (client, message) = match era {
                Speaks::Sessions => (client.clone(), ask(method, &params)),
                Speaks::Stateless => stateless(client.clone(), method, params),
            };
            async move { client.post(message).await.json() }
        };
        let called = send("tools/call", json!({"name": format!("{slug}__t"), "arguments": {"uri": "test://x"}})).await;
        let content = &called["result"]["content"];
        assert_eq!(content[0]["text"], "t");
        assert_eq!(content[1]["uri"], format!("srv.{slug}+test://link"));
        assert_eq!(content[2]["resource"]["uri"], format!("ui://srv.{slug}+a/b"));
        assert_eq!(upstream.last().1["params"]["arguments"]["uri"], "test://x", "arguments are the tool's own");

        let prompt = send("prompts/get", json!({"name": format!("{slug}__p")})).await;
        let resource = &prompt["result"]["messages"][0]["content"]["resource"];
        assert_eq!((&resource["uri"], &resource["text"]), (&json!(format!("srv.{slug}+test://in")), &json!("p")));

        let read = send("resources/read", json!({"uri": format!("srv.{slug}+test://a b")})).await;
        assert_eq!(read["result"]["contents"][0]["uri"], format!("srv.{slug}+test://a b"));
        if slug == "new" {
            let headers = upstream.last().0;
            assert_eq!(
                (&headers["mcp-name"], &headers["mcp-method"]),
                (&"test://a b".parse().unwrap(), &"resources/read".parse().unwrap())
            );
        }
        let gone = send("resources/read", json!({"uri": format!("srv.{slug}+test://gone")})).await;
        assert_eq!(gone["error"]["data"]["uri"], format!("srv.{slug}+test://gone"));
        let code = if slug == "new" && era == Speaks::Sessions { -32002 } else { -32602 };
        assert_eq!(
            gone["error"]["code"], code,
            "a resource that does not exist has a code of its own in the first era"
        );

        for (reference, own) in [
            (json!({"type": "ref/prompt", "name": format!("{slug}__p")}), json!({"type": "ref/prompt", "name": "p"})),
            (
                json!({"type": "ref/resource", "uri": format!("srv.{slug}+a:{{x}}")}),
                json!({"type": "ref/resource", "uri": "a:{x}"}),
            ),
        ] {
            let completed =
                send("completion/complete", json!({"ref": reference, "argument": {"name": "x", "value": ""}})).await;
            let told: Value =
                serde_json::from_str(completed["result"]["completion"]["values"][0].as_str().unwrap()).unwrap();
            assert_eq!(told, own);
        }
        if !mirrored {
            let task = send("tasks/get", json!({"taskId": format!("{slug}+t-1")})).await;
            assert_eq!(task["error"]["code"], -32601, "the eras' tasks are two protocols");
            continue;
        }
        let task = send("tasks/get", json!({"taskId": format!("{slug}+t-1")})).await;
        assert_eq!(task["result"]["taskId"], format!("{slug}+t-1"));
        assert_eq!(upstream.last().1["params"]["taskId"], "t-1");
    }
}

#[tokio::test]
async fn what_no_granted_server_has_is_answered_as_by_a_server_that_does_not_have_it() {
    let world = World::start().await;
    let mut acme = world.account("acme");
    let agent = acme.agent("ci");
    let upstream = Scripted::start(Speaks::Sessions, everything(), script).await;
    let server = add(&mut acme, &agent, "old", &upstream).await;
    acme.server("secret", Transport::Http { url: upstream.url.clone() }, &[]);
    acme.settings(server).prompts = Access::Off;
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mcp", &agent).initialized().await;
    let before = upstream.asked("resources/read").len();
    let cases = [
        ("tools/call", json!({"name": "secret__t"}), -32602, "Unknown tool: secret__t"),
        ("prompts/get", json!({"name": "secret__p"}), -32602, "Unknown prompt: secret__p"),
        ("prompts/get", json!({"name": "old__p"}), -32601, "Method not found: prompts/get"),
        ("resources/read", json!({"uri": "srv.secret+test://x"}), -32002, "Resource not found: srv.secret+test://x"),
        ("resources/read", json!({"uri": "test://x"}), -32002, "Resource not found: test://x"),
        ("resources/subscribe", json!({"uri": ""}), -32002, "Resource not found: "),
        ("tasks/get", json!({"taskId": "t"}), -32602, "Unknown task: t"),
        ("completion/complete", json!({"ref": {"type": "ref/prompt", "name": "p"}}), -32602, "Unknown reference: p"),
        ("completion/complete", json!({}), -32602, "Unknown reference: "),
    ];
    for (method, params, code, message) in cases {
        let error = client.post(ask(method, &params)).await.json()["error"].clone();
        assert_eq!((&error["code"], &error["message"]), (&json!(code), &json!(message)), "{method}");
    }
    let modern = Client::new(&world, &acme, "/mcp", &agent);
    let (modern, message) = stateless(modern, "resources/read", json!({"uri": "test://x"}));
    let error = modern.post(message).await.json()["error"].clone();
    assert_eq!((&error["code"], &error["data"]["uri"]), (&json!(-32602), &json!("test://x")));
    let (modern, message) = stateless(Client::new(&world, &acme, "/mcp", &agent), "tasks/get", json!({"taskId": "t"}));
    let answer = modern.post(message).await;
    let needed = json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
    let error = &answer.json()["error"];
    assert_eq!((answer.status, &error["code"]), (StatusCode::BAD_REQUEST, &json!(-32021)));
    assert_eq!(error["data"]["requiredCapabilities"], needed, "as a server says it to a client that knows no tasks");
    assert_eq!(upstream.asked("resources/read").len(), before);
}

#[tokio::test]
async fn a_servers_own_request_comes_back_to_it_and_to_no_other() {
    let world = World::start().await;
    let mut acme = world.account("acme");
    let agent = acme.agent("ci");
    let (say, said) = mpsc::channel(8);
    let said = std::sync::Mutex::new(Some(said));
    let asking = Scripted::start(Speaks::Sessions, everything(), move |method, _| match method {
        "tools/call" => said.lock().unwrap().take().map(Reply::Stream),
        _ => None,
    })
    .await;
    let other = Scripted::start(Speaks::Sessions, everything(), script).await;
    add(&mut acme, &agent, "asking", &asking).await;
    add(&mut acme, &agent, "other", &other).await;
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mcp", &agent).introduced(json!({"elicitation": {}})).await;
    assert!(client.call("other__t", json!({})).await.is_ok());
    say.send(json!({"jsonrpc": "2.0", "id": 5, "method": "elicitation/create", "params": {"message": "sure?", "_meta": {"progressToken": "p"}}}).to_string()).await.unwrap();
    let mut stream = client.open(http::Method::POST, crate::client::call(9, "asking__t", &json!({}))).await;
    let question = stream.event().await.unwrap();
    assert_eq!(question["params"]["_meta"]["progressToken"], "asking+\"p\"");
    let asked = question["id"].as_str().expect("an id of the gateway's");

    let progress = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": "asking+\"p\"", "progress": 1}});
    assert_eq!(client.post(progress.to_string()).await.status, StatusCode::ACCEPTED);
    let told = asking.until(|message| message["method"] == "notifications/progress").await;
    assert_eq!(told["params"]["progressToken"], "p");
    let answer = json!({"jsonrpc": "2.0", "id": asked, "result": {"action": "accept"}});
    assert_eq!(client.post(answer.to_string()).await.status, StatusCode::ACCEPTED);
    let told = asking.until(|message| message.get("result").is_some()).await;
    assert_eq!(told, json!({"jsonrpc": "2.0", "id": 5, "result": {"action": "accept"}}));
    for nobodys in ["asking", "gone+5", "asking+{}", "5"] {
        let answer = json!({"jsonrpc": "2.0", "id": nobodys, "result": {}});
        assert_eq!(client.post(answer.to_string()).await.status, StatusCode::ACCEPTED);
    }

    let own_id = asking.asked("tools/call")[0]["id"].clone();
    let cancelled = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 9}});
    assert_eq!(client.post(cancelled.to_string()).await.status, StatusCode::ACCEPTED);
    let told = asking.until(|message| message["method"] == "notifications/cancelled").await;
    assert_eq!(told["params"]["requestId"], own_id);
    assert!(other.asked("notifications/cancelled").is_empty() && other.asked("notifications/progress").is_empty());
}

#[tokio::test]
async fn what_is_for_all_servers_goes_to_all_of_them() {
    let world = World::start().await;
    let mut acme = world.account("acme");
    let agent = acme.agent("ci");
    let one = Scripted::start(Speaks::Sessions, everything(), script).await;
    let two = Scripted::start(Speaks::Sessions, everything(), script).await;
    let logless = Scripted::start(Speaks::Sessions, json!({"tools": {}}), script).await;
    let off = Scripted::start(Speaks::Sessions, everything(), script).await;
    for (slug, upstream) in [("one", &one), ("two", &two), ("logless", &logless), ("off", &off)] {
        let server = add(&mut acme, &agent, slug, upstream).await;
        if slug == "off" {
            (acme.settings(server).logging, acme.settings(server).server_requests) = (Access::Off, Access::Off);
        }
    }
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mcp", &agent).initialized().await;
    assert!(client.post(ask("logging/setLevel", &json!({"level": "error"}))).await.is_ok());
    assert_eq!(client.post(ask("logging/setLevel", &json!({}))).await.json()["error"]["code"], -32602);
    for upstream in [&one, &two] {
        assert_eq!(upstream.asked("logging/setLevel").len(), 1);
        assert_eq!(upstream.asked("logging/setLevel")[0]["params"], json!({"level": "error"}));
    }
    let changed = r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#;
    assert_eq!(client.post(changed).await.status, StatusCode::ACCEPTED);
    for upstream in [&one, &two, &logless] {
        upstream.until(|message| message["method"] == "notifications/roots/list_changed").await;
    }
    assert!(logless.asked("logging/setLevel").is_empty() && off.asked("logging/setLevel").is_empty());
    assert!(off.asked("notifications/roots/list_changed").is_empty());
}

#[tokio::test]
async fn the_url_can_what_its_servers_can_in_both_eras() {
    let world = World::start().await;
    let mut acme = world.account("acme");
    let agent = acme.agent("ci");
    let legacy = Scripted::start(Speaks::Sessions, json!({"prompts": {}, "tasks": {"list": {}}}), script).await;
    let modern = Scripted::start(
        Speaks::Stateless,
        json!({"resources": {"subscribe": true}, "extensions": {"io.modelcontextprotocol/tasks": {}, "x/y": {}}}),
        script,
    )
    .await;
    let gone = Nowhere::new();
    add(&mut acme, &agent, "old", &legacy).await;
    add(&mut acme, &agent, "new", &modern).await;
    let dead = acme.server("dead", Transport::Http { url: gone.url() }, &[]);
    acme.grant(agent.principal.as_subject(), dead, None);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mcp", &agent);
    let hello = ask(
        "initialize",
        &json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}),
    );
    let hello = client.post(hello).await.json()["result"].clone();
    assert_eq!(hello["protocolVersion"], "2025-06-18");
    let expected = json!({"tools": {"listChanged": true}, "prompts": {"listChanged": true},
        "resources": {"listChanged": true, "subscribe": true}, "tasks": {"list": {}}});
    assert_eq!(hello["capabilities"], expected);
    assert!(hello["instructions"].as_str().unwrap().contains("\n\nold:\nAsk nicely."), "{hello}");

    let (client, message) = stateless(client, "server/discover", json!({}));
    let discovered = client.post(message).await.json()["result"].clone();
    let expected = json!({"tools": {"listChanged": true}, "prompts": {"listChanged": true},
        "resources": {"listChanged": true, "subscribe": true}, "extensions": {"io.modelcontextprotocol/tasks": {}}});
    assert_eq!(discovered["capabilities"], expected);
    assert_eq!(discovered["supportedVersions"].as_array().unwrap().first().unwrap(), "2026-07-28");
    assert_eq!(
        (&discovered["resultType"], &discovered["ttlMs"], &discovered["cacheScope"]),
        (&json!("complete"), &json!(0), &json!("private"))
    );
    assert_eq!(discovered["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "portcullis");
    for gone in ["ping", "logging/setLevel", "resources/subscribe", "initialize"] {
        let (client, message) = stateless(client.clone(), gone, json!({"uri": "x", "protocolVersion": "2025-11-25"}));
        let answer = client.without("mcp-name").post(message).await;
        assert!(
            answer.status == StatusCode::NOT_FOUND || answer.status == StatusCode::BAD_REQUEST,
            "{gone}: {}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn shortened_names_of_tools_and_prompts_are_found_again() {
    let world = World::start().await;
    let mut acme = world.account("acme");
    let agent = acme.agent("ci");
    let long = format!("{}_end", "x".repeat(90));
    let listed = long.clone();
    let upstream = Scripted::start(Speaks::Sessions, everything(), move |method, message| match method {
        "tools/list" => result(&json!({"tools": [{"name": listed}]})),
        "prompts/list" => result(&json!({"prompts": [{"name": listed}]})),
        _ => script(method, message),
    })
    .await;
    add(&mut acme, &agent, "old", &upstream).await;
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mcp", &agent).initialized().await;
    let public = client.list().await[0].clone();
    assert_eq!(public.len(), 64);
    let again = World::start().await;
    again.publish(&acme).await;
    let elsewhere = Client::new(&again, &acme, "/mcp", &agent).initialized().await;
    for client in [client, elsewhere] {
        assert_eq!(client.call(&public, json!({})).await.json()["result"]["content"][0]["text"], long);
        let prompt = client.post(ask("prompts/get", &json!({"name": public}))).await.json();
        assert_eq!(prompt["result"]["messages"][0]["content"]["resource"]["text"], long);
        let reference = json!({"ref": {"type": "ref/prompt", "name": public}, "argument": {"name": "x", "value": ""}});
        assert!(client.post(ask("completion/complete", &reference)).await.is_ok());
        assert_eq!(upstream.last().1["params"]["ref"]["name"], long);
    }
}
