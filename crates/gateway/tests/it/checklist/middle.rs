//! Between a client and a server.

use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::{Stage, URLS, in_era, ready};
use crate::{
    client::{Client, stateless},
    fixture::Speaks,
    world::{OPEN, World, decided},
};

#[tokio::test]
async fn one_post_goes_on_as_one_post_under_the_clients_own_id() {
    for speaks in [Speaks::Sessions, Speaks::Stateless] {
        let stage = Stage::new(speaks).await;
        let client = ready(stage.client("/mlflow/mcp"), speaks).await;
        let (client, message) = in_era(client, speaks, "tools/call", json!({"name": "echo", "arguments": {}}));
        // Which eras the server speaks is known then.
        assert!(client.post(message.clone()).await.is_ok());
        for id in ["7", "-0", "9007199254740993", "1.5", r#""\u0041-\ud83d\ude00""#, r#""""#] {
            let message = message.replace(r#""id":7"#, &format!(r#""id":{id}"#));
            stage.clear();
            let answer = client.post(message.clone()).await;
            assert_eq!(answer.status, StatusCode::OK, "{id}: {}", answer.text());
            assert_eq!(stage.sent(), 1);
            assert_eq!(stage.upstream.last().1, message.as_bytes());
        }
    }
}

#[tokio::test]
async fn what_nobody_here_knows_arrives_byte_for_byte_both_ways() {
    let params = r#""_meta":{"progressToken":12345678901234567890,"x.example/y":[1.0,1E5,"\u00e9"]META},"x-new": {"k":null},"name":"TOOL","arguments":{"b":1e0,"a":"\u00e9\ud83d\ude00","n":12345678901234567890.50}"#;
    let declared =
        r#","io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}"#;
    let answer = r#" {"x-envelope":1.0, "result":{"resultType":"complete","content":[{"type":"x-new","v":1.00}],"_meta":{"big":12345678901234567890},"structuredContent":null,"nextCursor":"a\u002fb"},"id":ID,"jsonrpc":"2.0"} "#;
    for speaks in [Speaks::Sessions, Speaks::Stateless] {
        let stage = Stage::new(speaks).await;
        for (path, tool) in URLS {
            let client = ready(stage.client(path), speaks).await;
            let meta = if speaks == Speaks::Stateless { declared } else { "" };
            let params = params.replace("META", meta);
            let message = format!(
                r#" {{"params":{{{}}}, "method":"tools/call","x":0.10,"id":"\u0041","jsonrpc":"2.0"}}"#,
                params.replace("TOOL", tool)
            );
            let client = match speaks {
                Speaks::Sessions => client,
                Speaks::Stateless => client
                    .with("mcp-protocol-version", "2026-07-28")
                    .with("mcp-method", "tools/call")
                    .with("mcp-name", tool),
            };
            assert!(client.post(message.clone()).await.is_ok());
            let (_, sent) = stage.upstream.last();
            *stage.upstream.mixed_up.lock().unwrap() = Some(("application/json", answer.to_owned()));
            let told = client.post(message.clone()).await;
            *stage.upstream.mixed_up.lock().unwrap() = None;
            if path == "/mlflow/mcp" {
                assert_eq!(sent, message.as_bytes());
                assert_eq!(told.text(), answer.replace("ID", r#""A""#));
                continue;
            }
            let sent = String::from_utf8(sent.to_vec()).unwrap();
            let whole = params.replace("TOOL", "echo");
            let token = whole.replace(r#""progressToken":12345678901234567890,"#, "");
            let kept =
                [r#""x.example/y":[1.0,1E5,"\u00e9"]"#, r#""x-new": {"k":null}"#, r#""n":12345678901234567890.50"#];
            assert!(kept.iter().all(|kept| sent.contains(kept)), "{path}: {sent}, {token}");
            let kept = [
                r#"{"type":"x-new","v":1.00}"#,
                r#""big":12345678901234567890"#,
                r#""structuredContent":null"#,
                r#""x-envelope":1.0"#,
            ];
            assert!(kept.iter().all(|kept| told.text().contains(kept)), "{path}: {}", told.text());
            assert!(told.text().contains(r#""id":"\u0041""#) || told.text().contains(r#""id":"A""#), "{}", told.text());
        }
    }
}

#[tokio::test]
async fn a_retry_with_input_is_judged_again_and_counted_once() {
    const ONE: &str =
        r#"{"version":"1","default":"allow","all_tools":{"limits":[{"counter":"all","window":"hour","max":1}]}}"#;
    const NO_X: &str = r#"{"version":"1","default":"allow","all_tools":{"deny_if":[{"conditions":[{"path":"args.x","op":"eq","value":1}]}]}}"#;
    for path in ["/mlflow/mcp", "/mcp"] {
        let mut stage = Stage::with(Speaks::Stateless, ONE, |_| {}).await;
        let tool = if path == "/mcp" { "mlflow__rounds" } else { "rounds" };
        let send = async |stage: &Stage, more: serde_json::Value| {
            let mut params = json!({"name": tool, "arguments": {"x": 1}});
            params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let (client, message) = stateless(stage.client(path), "tools/call", params);
            client.post(message).await
        };
        let asked = send(&stage, json!({})).await.json();
        assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
        let input =
            json!({"requestState": asked["result"]["requestState"], "inputResponses": {"q": {"action": "accept"}}});
        let answer = send(&stage, input.clone()).await;
        assert!(answer.is_ok(), "{path}: the retry is the same call: {}", answer.text());
        assert_eq!(send(&stage, json!({})).await.code(), "rate_limited", "{path}: and it was counted");

        stage.acme.new_version(stage.simple.policy, OPEN);
        stage.world.publish(&stage.acme).await;
        crate::snapshots::until(|| async {
            send(&stage, json!({})).await.json()["result"]["resultType"] == "input_required"
        })
        .await;
        stage.acme.new_version(stage.simple.policy, NO_X);
        stage.world.publish(&stage.acme).await;
        crate::snapshots::until(|| async { send(&stage, json!({})).await.json()["result"]["isError"] == true }).await;
        let before = stage.upstream.calls();
        assert_eq!(
            send(&stage, input).await.code(),
            "argument_denied",
            "{path}: judged again, by what is in force now"
        );
        assert_eq!(stage.upstream.calls(), before);
    }
}

#[tokio::test]
async fn only_listed_headers_reach_a_server_and_none_of_a_servers_reach_a_client() {
    let forged = [
        ("cookie", "a=b"),
        ("proxy-authorization", "Basic eDp5"),
        ("x-forwarded-for", "10.0.0.1"),
        ("forwarded", "for=10.0.0.1"),
        ("x-real-ip", "10.0.0.1"),
        ("origin", "http://localhost:1"),
        ("referer", "http://localhost:1/x"),
        ("portcullis-undelivered", "1"),
        ("portcullis-instance", "another"),
        ("portcullis-about", "forged"),
        ("x-upstream-key", "forged"),
        ("te", "trailers"),
        ("accept-encoding", "gzip"),
        ("x-other", "1"),
    ];
    for speaks in [Speaks::Sessions, Speaks::Stateless] {
        let world = World::start().await;
        let upstream = crate::fixture::Fixture::start(speaks).await;
        let mut acme = world.account("acme");
        let simple = acme.simple(&upstream.url, OPEN);
        acme.header(simple.server, "x-upstream-key", "s3cret");
        world.publish(&acme).await;
        for (path, tool) in URLS {
            let client = ready(Client::new(&world, &acme, path, &simple.agent), speaks).await;
            let client = forged.iter().fold(client, |client, (name, value)| client.with(name, value));
            let client = client.with("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
            let (client, message) = in_era(client, speaks, "tools/call", json!({"name": tool, "arguments": {}}));
            let answer = client.post(message).await;
            assert!(answer.is_ok(), "{}", answer.text());
            let (headers, _) = upstream.last();
            let allowed = [
                "accept",
                "accept-encoding",
                "content-type",
                "content-length",
                "host",
                "user-agent",
                "x-upstream-key",
                "mcp-session-id",
                "mcp-protocol-version",
                "mcp-method",
                "mcp-name",
                "traceparent",
            ];
            let odd: Vec<_> = headers.keys().filter(|name| !allowed.contains(&name.as_str())).collect();
            assert!(odd.is_empty(), "{path}: {odd:?}");
            assert_eq!(
                (&headers["x-upstream-key"], &headers["accept-encoding"]),
                (&"s3cret".parse().unwrap(), &"identity".parse().unwrap())
            );
            assert!(headers["user-agent"].to_str().unwrap().starts_with("portcullis/"));
            only_ours(&answer.headers);
        }
    }
}

fn only_ours(headers: &HeaderMap) {
    let allowed = [
        "content-type",
        "content-length",
        "cache-control",
        "x-request-id",
        "date",
        "mcp-session-id",
        "x-accel-buffering",
        "transfer-encoding",
    ];
    let odd: Vec<_> = headers.keys().filter(|name| !allowed.contains(&name.as_str())).collect();
    assert!(odd.is_empty(), "{odd:?}");
}

#[tokio::test]
async fn a_slash_at_the_end_of_a_gateway_url_changes_nothing() {
    for speaks in [Speaks::Sessions, Speaks::Stateless] {
        let stage = Stage::new(speaks).await;
        for (path, tool) in URLS {
            let slashed = format!("{path}/");
            let client = ready(stage.client(&slashed), speaks).await;
            let (client, message) = in_era(client, speaks, "tools/call", json!({"name": tool, "arguments": {}}));
            let answer = client.post(message.clone()).await;
            assert!(answer.is_ok(), "{slashed}: {}", answer.text());
            // A session is the same on either spelling.
            let mut plain = client.clone();
            plain.url = plain.url.trim_end_matches('/').to_owned();
            assert!(plain.post(message.clone()).await.is_ok());
            let nobody = client.without("authorization").post(message).await;
            assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
            let challenge = nobody.headers["www-authenticate"].to_str().unwrap();
            let metadata = format!("{}/.well-known/oauth-protected-resource/acme{slashed}", stage.world.origin);
            assert!(challenge.contains(&format!("resource_metadata=\"{metadata}\"")), "{challenge}");
            let mut reader = stage.client(path);
            reader.url = metadata;
            let document = reader.send(http::Method::GET, "").await.json();
            assert_eq!(document["resource"], format!("{}/acme{slashed}", stage.world.origin), "as the client wrote it");
            let mut twice = stage.client(&format!("{slashed}/"));
            assert_eq!(twice.send(http::Method::POST, "").await.status, StatusCode::NOT_FOUND);
            twice.url = format!("{}/acme{path}/mcp", stage.world.origin);
        }
    }
}

#[tokio::test]
async fn every_refused_call_is_recorded_as_refused_and_not_as_decided() {
    let stage = Stage::new(Speaks::Sessions).await;
    let client = stage.client("/mlflow/mcp").initialized().await;
    client.post("[]").await;
    let events = stage.world.records(&stage.acme, |events| !events.is_empty()).await;
    let record = events.iter().find_map(decided).unwrap();
    assert_eq!((record.outcome, record.code.as_deref()), (domain::Outcome::Refused, Some("batch")));
    assert_eq!(record.principal, Some(stage.simple.agent.principal));
    assert!(record.tool.is_none() && record.grant.is_none());
}
