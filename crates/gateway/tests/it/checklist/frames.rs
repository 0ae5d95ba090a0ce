//! What an upstream sends is looked at before it is relayed: one JSON-RPC message, an answer to what was asked, with a result
//! or an error and not both.

use http::Method;
use serde_json::{Value, json};

use super::{Stage, URLS, in_era, ready};
use crate::fixture::{Speaks, event};

/// Answers that are none. `ID` is the id of the request.
const MALFORMED: &[&str] = &[
    "",
    "null",
    "[]",
    "<html>502 Bad Gateway</html>",
    r#"{"id":ID,"result":{"FORGED":1}}"#,
    r#"{"jsonrpc":"1.0","id":ID,"result":{"FORGED":1}}"#,
    r#"{"jsonrpc":"2.0","id":ID}"#,
    r#"{"jsonrpc":"2.0","id":ID,"result":{"FORGED":1},"error":{"code":1,"message":"FORGED"}}"#,
    r#"{"jsonrpc":"2.0","id":ID,"error":"FORGED"}"#,
    r#"{"jsonrpc":"2.0","id":ID,"error":{"message":"FORGED"}}"#,
    r#"{"jsonrpc":"2.0","id":"another","result":{"FORGED":1}}"#,
    r#"{"jsonrpc":"2.0","id":ID,"id":"another","result":{"FORGED":1}}"#,
    r#"{"jsonrpc":"2.0","id":ID,"result":{"FORGED":1},"result":{"FORGED":2}}"#,
    r#"[{"jsonrpc":"2.0","id":ID,"result":{"FORGED":1}}]"#,
    r#"{"jsonrpc":"2.0","id":ID,"result":{"FORGED":1}"#,
    r#"{"jsonrpc":"2.0","id":ID,"result":{"FORGED":1}} x"#,
    "\u{feff}{\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":{\"FORGED\":1}}",
];

#[tokio::test]
async fn malformed_frames_of_an_upstream_are_never_relayed() {
    for upstream_speaks in [Speaks::Sessions, Speaks::Stateless] {
        for client_speaks in [Speaks::Sessions, Speaks::Stateless] {
            let stage = Stage::new(upstream_speaks).await;
            for (path, tool) in URLS {
                let client = ready(stage.client(path), client_speaks).await;
                let call = json!({"name": tool, "arguments": {}});
                let (client, message) = in_era(client, client_speaks, "tools/call", call);
                // Whatever there is to open is open.
                assert!(client.post(message.clone()).await.is_ok());
                for malformed in MALFORMED {
                    for (media_type, text) in
                        [("application/json", (*malformed).to_owned()), ("text/event-stream", event(malformed))]
                    {
                        *stage.upstream.mixed_up.lock().unwrap() = Some((media_type, text));
                        let answer = client.post(message.clone()).await;
                        let told = answer.json();
                        let shown = format!("{path} {media_type} {malformed}: {told}");
                        assert!(!answer.text().contains("FORGED"), "{shown}");
                        assert_eq!(told["id"], 7, "{shown}");
                        let code = told["error"]["code"].as_i64().unwrap_or_else(|| panic!("{shown}"));
                        assert!(!(-32_768..=-32_000).contains(&code), "{shown}");
                    }
                }
                *stage.upstream.mixed_up.lock().unwrap() = None;
                assert!(client.post(message).await.is_ok(), "{path}: and then it goes on");
            }
        }
    }
}

#[tokio::test]
async fn an_answer_reads_the_same_with_and_without_a_name_for_its_event_and_however_it_is_cut() {
    for speaks in [Speaks::Sessions, Speaks::Stateless] {
        let stage = Stage::new(speaks).await;
        let answer = r#"{"jsonrpc":"2.0","id":ID,"result":{"resultType":"complete","content":[],"x":1.0}}"#;
        let cut = answer.replacen(",\"result\"", "\ndata: ,\"result\"", 1);
        let forms = [
            ("application/json", answer.to_owned()),
            ("Application/JSON; charset=utf-8", format!("\r\n {answer}\n")),
            ("text/event-stream", event(answer)),
            ("text/event-stream; charset=utf-8", format!("data: {answer}\n\n")),
            ("text/event-stream", format!(": ping\r\n\r\nid: 1\r\nretry: 5\r\ndata:{answer}\r\n\r\n")),
            ("text/event-stream", format!("data: {cut}\n\n")),
            ("text/event-stream", format!("\u{feff}data: {answer}\r\r")),
        ];
        for (path, tool) in URLS {
            let client = ready(stage.client(path), speaks).await;
            let (client, message) = in_era(client, speaks, "tools/call", json!({"name": tool, "arguments": {}}));
            assert!(client.post(message.clone()).await.is_ok());
            for (media_type, text) in &forms {
                *stage.upstream.mixed_up.lock().unwrap() = Some((media_type, text.clone()));
                let told = client.post(message.clone()).await;
                assert!(
                    told.is_ok() && told.text().contains(r#""x":1.0"#),
                    "{path} {media_type} {text:?}: {}",
                    told.text()
                );
            }
            *stage.upstream.mixed_up.lock().unwrap() = None;
        }
    }
}

#[tokio::test]
async fn what_a_server_says_on_its_own_stream_is_looked_at_as_well() {
    let stage = Stage::new(Speaks::Sessions).await;
    let client = stage.client("/mlflow/mcp").initialized().await;
    for garbage in [r#"{"method":"notifications/message"}"#, "[]", "<p>"] {
        let mut stream = client.clone().with("accept", "text/event-stream").open(Method::GET, "").await;
        stage.upstream.pushing.notified().await;
        let push = stage.upstream.push.lock().unwrap().clone().unwrap();
        push.send(event(garbage)).await.unwrap();
        let next: Option<Value> = stream.event().await;
        assert_eq!(next, None, "{garbage}");
    }
}
