//! Towards clients of the stateless era (2026-07-28 basic/transports/streamable-http).

use std::{sync::Mutex, time::Duration};

use domain::{Access, Transport};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Stage, URLS, modern_call, stateless_message};
use crate::{
    client::{Client, stateless, stateless_call},
    fixture::Speaks,
    scripted::{Reply, Scripted, result},
    world::{OPEN, World},
};

const ERAS: [Speaks; 2] = [Speaks::Stateless, Speaks::Sessions];

#[tokio::test]
async fn one_endpoint_takes_post_and_get_and_delete_are_405() {
    for speaks in ERAS {
        let stage = Stage::new(speaks).await;
        for (path, tool) in URLS {
            let client = stage.client(path).with("accept", "text/event-stream");
            stage.clear();
            for method in [Method::GET, Method::DELETE] {
                let modern = client.clone().with("mcp-protocol-version", "2026-07-28");
                let answer = modern.clone().send(method.clone(), "").await;
                assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
                assert_eq!(answer.headers["allow"], "POST");
                let unknown = modern.with("mcp-protocol-version", "2031-01-01").send(method, "").await;
                assert_eq!(
                    (unknown.status, &unknown.json()["error"]["code"]),
                    (StatusCode::BAD_REQUEST, &json!(-32022))
                );
            }
            assert_eq!(stage.sent(), 0, "nobody else was asked");
            let (client, message) = stateless_call(client, tool, &json!({}));
            assert!(client.post(message).await.is_ok(), "{path}");
        }
    }
}

#[tokio::test]
async fn session_ids_and_last_event_ids_mean_nothing() {
    for speaks in ERAS {
        let stage = Stage::new(speaks).await;
        for (path, tool) in URLS {
            let client = stage.client(path).with("mcp-session-id", "made-up").with("last-event-id", "7");
            let (client, message) = stateless_call(client, tool, &json!({}));
            let answer = client.post(message).await;
            assert!(answer.is_ok(), "{path}: {}", answer.text());
            assert!(!answer.headers.contains_key("mcp-session-id"));
            let (headers, _) = stage.upstream.last();
            assert!(!headers.contains_key("last-event-id"));
            assert!(headers.get("mcp-session-id").is_none_or(|id| id != "made-up"));
            let told = client.with("mcp-method", "notifications/cancelled").without("mcp-name");
            let told = told.post(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}"#);
            assert_eq!(told.await.status, StatusCode::ACCEPTED, "{path}");
        }
    }
}

#[tokio::test]
async fn an_invalid_origin_is_403() {
    let stage = Stage::new(Speaks::Stateless).await;
    for (path, tool) in URLS {
        let (client, message) = stateless_call(stage.client(path), tool, &json!({}));
        stage.clear();
        for (name, value) in
            [("origin", "http://evil.example"), ("origin", "null"), ("host", "evil.example"), ("host", "")]
        {
            let answer = client.clone().with(name, value).post(message.clone()).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name}: {value}");
        }
        assert_eq!(stage.sent(), 0);
        let own = stage.world.origin.clone();
        for value in [own.as_str(), "http://localhost:6274", "http://127.0.0.1:9"] {
            assert!(client.clone().with("origin", value).post(message.clone()).await.is_ok(), "{value}");
        }
    }
}

#[tokio::test]
async fn the_version_header_equals_the_body_and_an_unsupported_version_is_told() {
    let stage = Stage::new(Speaks::Stateless).await;
    let supported = json!(["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]);
    for (path, tool) in URLS {
        let (client, message) = stateless_call(stage.client(path), tool, &json!({}));
        stage.clear();
        for (header, code) in [(None, -32020), (Some("2025-11-25"), -32020), (Some("2026-07-28x"), -32020)] {
            let client = client.clone().without("mcp-protocol-version");
            let client = header.map_or(client.clone(), |version| client.with("mcp-protocol-version", version));
            let answer = client.post(message.clone()).await;
            assert_eq!((answer.status, &answer.json()["error"]["code"]), (StatusCode::BAD_REQUEST, &json!(code)));
            assert_eq!(answer.json()["id"], 7);
        }
        for unknown in ["2031-01-01", "1900-01-01", "x", "2026-07-28 "] {
            let (header, body) = (unknown.trim(), message.replace("2026-07-28", unknown));
            let answer = client.clone().with("mcp-protocol-version", header).post(body).await;
            let error = &answer.json()["error"];
            let differs = header != unknown;
            let code = if differs { -32020 } else { -32022 };
            assert_eq!((answer.status, &error["code"]), (StatusCode::BAD_REQUEST, &json!(code)), "{unknown}");
            if !differs {
                assert_eq!(error["data"], json!({"supported": supported, "requested": unknown}));
            }
        }
        assert_eq!(stage.sent(), 0);
    }
}

#[tokio::test]
async fn method_and_name_headers_mirror_the_body() {
    let stage = Stage::new(Speaks::Stateless).await;
    let version = "MCP-Protocol-Version: 2026-07-28".to_owned();
    let json = "Content-Type: application/json".to_owned();
    for (path, tool) in URLS {
        let body = modern_call(tool);
        let encoded = mcp::encode_header_value(&format!(" {tool} "));
        assert!(encoded.starts_with("=?base64?"), "{encoded}");
        let wrapped = {
            use base64::Engine as _;
            format!("=?base64?{}?=", base64::engine::general_purpose::STANDARD.encode(tool))
        };
        let lines = |method: &str, name: &str| {
            vec![json.clone(), version.clone(), format!("Mcp-Method: {method}"), format!("Mcp-Name: {name}")]
        };
        let mut mixed = lines("tools/call", tool);
        mixed[1] = "mCP-pROTOCOL-vERSION:2026-07-28".to_owned();
        mixed[2] = "MCP-METHOD:\t tools/call \t".to_owned();
        mixed[3] = format!("mcp-name:   {wrapped}  ");
        for good in [lines("tools/call", tool), mixed] {
            let (status, answer) = stage.raw_post(path, &good, body.as_bytes()).await;
            assert_eq!(status, 200, "{good:?}: {answer}");
        }
        stage.clear();
        let mut bad = vec![
            lines("tools/call", &encoded),
            lines("tools/call", &tool.to_uppercase()),
            lines("Tools/Call", tool),
            lines("tools/list", tool),
            lines("tools/call", "=?base64?!?="),
            lines("tools/call", ""),
            lines("tools/call", &format!("{tool}, {tool}")),
        ];
        for index in 1..4 {
            let mut twice = lines("tools/call", tool);
            twice.push(twice[index].clone());
            let mut missing = lines("tools/call", tool);
            missing.remove(index);
            bad.extend([twice, missing]);
        }
        for lines in bad {
            let (status, answer) = stage.raw_post(path, &lines, body.as_bytes()).await;
            assert_eq!(status, 400, "{lines:?}: {answer}");
            assert!(answer.contains("-32020") && answer.contains(r#""id":7"#), "{lines:?}: {answer}");
        }
        assert_eq!(stage.sent(), 0);
    }
    assert_eq!(stage.refusals(30).await.iter().filter(|code| *code == "header_mismatch").count(), 26);
}

#[tokio::test]
async fn unknown_param_headers_are_forwarded_and_known_ones_checked() {
    let world = World::start().await;
    let upstream = crate::fixture::Fixture::start(Speaks::Stateless).await;
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    let schema = r#"{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}"#;
    acme.schema(simple.server, "echo", schema);
    world.publish(&acme).await;
    for (path, tool) in URLS {
        let client = Client::new(&world, &acme, path, &simple.agent).with("mcp-param-other", "=?base64?4pyT?=");
        let (client, message) = stateless_call(client, tool, &json!({"region": "eu"}));
        for (header, code) in [(None, -32020), (Some("us"), -32020), (Some("EU"), -32020), (Some("eu"), 0)] {
            let client = client.clone();
            let client = header.map_or(client.clone(), |value| client.with("Mcp-Param-Region", value));
            let answer = client.post(message.clone()).await;
            assert_eq!(answer.json()["error"]["code"].as_i64().unwrap_or_default(), code, "{path} {header:?}");
        }
        let (headers, _) = upstream.last();
        assert_eq!(
            (&headers["mcp-param-other"], &headers["mcp-param-region"]),
            (&"=?base64?4pyT?=".parse().unwrap(), &"eu".parse().unwrap())
        );
    }
}

#[tokio::test]
async fn missing_meta_and_unknown_methods_are_errors_that_carry_the_id() {
    for speaks in ERAS {
        let stage = Stage::new(speaks).await;
        for (path, _) in URLS {
            let client = stage.client(path).with("mcp-protocol-version", "2026-07-28").with("mcp-method", "tools/list");
            stage.clear();
            for meta in [
                "",
                r#","params":{}"#,
                r#","params":{"_meta":{}}"#,
                r#","params":{"_meta":{"io.modelcontextprotocol/clientCapabilities":{}}}"#,
                r#","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#,
            ] {
                let message = format!(r#"{{"jsonrpc":"2.0","id":"a-1","method":"tools/list"{meta}}}"#);
                let answer = client.post(message).await;
                let json = answer.json();
                assert_eq!(
                    (answer.status, &json["error"]["code"]),
                    (StatusCode::BAD_REQUEST, &json!(-32602)),
                    "{meta}"
                );
                assert_eq!(json["id"], "a-1");
            }
            for method in ["tools/List", "x/y", "initialize", "ping", "tasks/list", "sampling/createMessage"] {
                let answer = client.clone().with("mcp-method", method).post(stateless_message(method, json!({}))).await;
                let json = answer.json();
                assert_eq!(
                    (answer.status, &json["error"]["code"]),
                    (StatusCode::NOT_FOUND, &json!(-32601)),
                    "{method}"
                );
                assert_eq!(json["id"], 7);
            }
            assert_eq!(stage.sent(), 0);
        }
    }
}

#[tokio::test]
async fn a_notification_is_202_with_an_empty_body() {
    for speaks in ERAS {
        let stage = Stage::new(speaks).await;
        for (path, _) in URLS {
            let client = stage.client(path).with("mcp-protocol-version", "2026-07-28");
            for method in ["notifications/cancelled", "notifications/unheard_of", "notifications/roots/list_changed"] {
                let message = json!({"jsonrpc": "2.0", "method": method, "params": {"requestId": 9}}).to_string();
                let answer = client.clone().with("mcp-method", method).post(message).await;
                assert_eq!((answer.status, answer.text().as_str()), (StatusCode::ACCEPTED, ""), "{path} {method}");
            }
            let response = client.post(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#).await;
            assert_eq!(response.status, StatusCode::BAD_REQUEST, "clients of this era send no responses");
        }
    }
}

#[tokio::test]
async fn a_stream_has_no_request_of_the_server_is_not_buffered_and_is_kept_alive() {
    let world = World::with(|config| config.times.keep_alive = Duration::from_millis(50)).await;
    let mut acme = world.account("acme");
    let agent = acme.agent("ci");
    let policy = acme.policy(OPEN);
    let streams = std::sync::Arc::new(Mutex::new(Vec::new()));
    let opened = streams.clone();
    let upstream = Scripted::start(Speaks::Stateless, json!({"tools": {}}), move |method, _| {
        let (say, said) = mpsc::channel(8);
        (method == "tools/call").then(|| {
            opened.lock().unwrap().push(say);
            Reply::Stream(said)
        })
    })
    .await;
    let server = acme.server("mlflow", Transport::Http { url: upstream.url.clone() }, &[]);
    acme.grant(agent.principal.as_subject(), server, Some(policy));
    world.publish(&acme).await;
    for (path, tool) in URLS {
        let (client, message) = stateless_call(Client::new(&world, &acme, path, &agent), tool, &json!({}));
        let mut stream = client.open(Method::POST, message).await;
        assert_eq!(stream.headers["x-accel-buffering"], "no", "{path}");
        stream.until(|raw| raw.windows(3).filter(|bytes| bytes == b":\n\n").count() >= 2).await;
        let say = streams.lock().unwrap().pop().unwrap();
        say.send(r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#.to_owned()).await.unwrap();
        say.send(r#"{"jsonrpc":"2.0","id":2,"method":"elicitation/create","params":{}}"#.to_owned()).await.unwrap();
        say.send(r#"{"jsonrpc":"2.0","id":7,"result":{"resultType":"complete","content":[]}}"#.to_owned())
            .await
            .unwrap();
        let first = stream.event().await.expect("an answer");
        assert_eq!((&first["id"], first.get("method")), (&json!(7), None), "{path}: {first}");
    }
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_its_request() {
    let stage = Stage::new(Speaks::Stateless).await;
    for (path, tool) in [("/mlflow/mcp", "holds"), ("/mcp", "mlflow__holds")] {
        let (client, message) = stateless_call(stage.client(path), tool, &json!({}));
        let waiting = tokio::spawn(async move { client.post(message).await });
        stage.upstream.held.notified().await;
        waiting.abort();
        let gone = tokio::time::timeout(crate::world::PATIENCE, stage.upstream.dropped.notified());
        gone.await.unwrap_or_else(|_| panic!("{path}: the server works on"));
    }
}

#[tokio::test]
async fn every_result_has_a_type_and_lists_are_private_on_every_page() {
    for speaks in ERAS {
        let world = World::start().await;
        let mut acme = world.account("acme");
        let agent = acme.agent("ci");
        let policy = acme.policy(r#"{"version":"1","default":"allow","hide":["hidden"]}"#);
        let upstream =
            Scripted::start(speaks, json!({"tools": {}, "resources": {}, "prompts": {}}), |method, message| {
                let further = message["params"].get("cursor").is_some();
                let list = |member: &str, entries: Value| {
                    let mut list =
                        json!({"resultType": "complete", "ttlMs": 9, "cacheScope": "public", member: entries});
                    if !further {
                        list["nextCursor"] = json!("");
                    }
                    result(&list)
                };
                match method {
                    "tools/list" if further => list("tools", json!([{"name": "b", "inputSchema": {"type": "object"}}])),
                    "tools/list" => list("tools", json!([{"name": "hidden", "inputSchema": {"type": "object"}}])),
                    "resources/list" => list("resources", json!([])),
                    "resources/templates/list" => list("resourceTemplates", json!([])),
                    "prompts/list" => list("prompts", json!([])),
                    "resources/read" => list("contents", json!([])),
                    "tools/call" => result(&json!({"resultType": "complete", "content": []})),
                    _ => None,
                }
            })
            .await;
        let server = acme.server("mlflow", Transport::Http { url: upstream.url.clone() }, &[]);
        acme.grant(agent.principal.as_subject(), server, Some(policy));
        world.publish(&acme).await;
        for (path, tool, uri) in [("/mlflow/mcp", "echo", "a:b"), ("/mcp", "mlflow__echo", "srv.mlflow+a:b")] {
            let send = async |method: &str, params: Value| {
                let (client, message) = stateless(Client::new(&world, &acme, path, &agent), method, params);
                let answer = client.post(message).await.json();
                assert_eq!(answer["result"]["resultType"], "complete", "{path} {method}: {answer}");
                answer["result"].clone()
            };
            let cacheable = [
                ("server/discover", json!({})),
                ("tools/list", json!({})),
                ("resources/list", json!({})),
                ("resources/templates/list", json!({})),
                ("prompts/list", json!({})),
                ("resources/read", json!({"uri": uri})),
            ];
            for (method, params) in cacheable {
                let result = send(method, params).await;
                assert!(result["ttlMs"].is_u64(), "{path} {method}: {result}");
                assert!(["public", "private"].contains(&result["cacheScope"].as_str().unwrap()), "{path} {method}");
            }
            let mut cursor = None;
            loop {
                let params = cursor.map_or(json!({}), |cursor: Value| json!({"cursor": cursor}));
                let page = send("tools/list", params).await;
                assert_eq!(page["cacheScope"], "private", "a list that depends on the caller, on every page: {page}");
                match page.get("nextCursor") {
                    Some(next) => cursor = Some(next.clone()),
                    None => break,
                }
            }
            send("tools/call", json!({"name": tool, "arguments": {}})).await;
        }
    }
}

#[tokio::test]
async fn discover_promises_only_what_is_honoured() {
    let offered = json!({"tools": {}, "prompts": {}, "resources": {"subscribe": true}, "completions": {}, "logging": {},
        "extensions": {"io.modelcontextprotocol/tasks": {}, "x.example/other": {}}});
    for speaks in ERAS {
        let world = World::start().await;
        let mut acme = world.account("acme");
        let agent = acme.agent("ci");
        let policy = acme.policy(OPEN);
        let upstream = Scripted::start(speaks, offered.clone(), |_, _| None).await;
        let server = acme.server("mlflow", Transport::Http { url: upstream.url.clone() }, &[]);
        acme.grant(agent.principal.as_subject(), server, Some(policy));
        let settings = acme.settings(server);
        (settings.prompts, settings.logging, settings.tasks) = (Access::Off, Access::Off, Access::Off);
        world.publish(&acme).await;
        for (path, _) in URLS {
            let client = Client::new(&world, &acme, path, &agent);
            let (modern, message) = stateless(client.clone(), "server/discover", json!({}));
            let answer = modern.post(message).await.json();
            assert!(
                answer["result"]["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")),
                "{answer}"
            );
            let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}});
            let greeting = client.post(super::ask("initialize", &hello)).await.json();
            for answer in [answer, greeting] {
                let capabilities = &answer["result"]["capabilities"];
                for off in ["prompts", "logging"] {
                    assert!(capabilities.get(off).is_none(), "{path} {off}: {answer}");
                }
                assert!(capabilities["extensions"].get("io.modelcontextprotocol/tasks").is_none(), "{path}: {answer}");
                assert_eq!(capabilities["resources"]["subscribe"], true, "{path}: {answer}");
            }
            let (modern, message) = stateless(client, "prompts/list", json!({}));
            let refused = modern.post(message).await;
            if path == "/mlflow/mcp" {
                assert_eq!(refused.status, StatusCode::NOT_FOUND, "{}", refused.text());
            }
        }
    }
}
