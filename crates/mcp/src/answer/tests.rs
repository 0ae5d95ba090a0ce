use serde_json::{Value, json};

use super::*;

fn parsed(bytes: &Bytes) -> Value {
    serde_json::from_slice(bytes).expect("answers are JSON")
}

const RATE_LIMITED: DenialBody<'_> = DenialBody {
    text: "Rate limit reached: 30 per minute. Try again in 12 s.",
    decision_id: "dec_1",
    outcome: "deny",
    code: "rate_limited",
    rule: "/tools/set_model_alias/limits/0",
    retry_after_ms: Some(12_000),
    approval: None,
};

#[test]
fn a_denial_is_the_shape_of_the_policy_page() {
    let stateless = denial_result(&Id::number(7), Era::Stateless, RATE_LIMITED);
    assert_eq!(
        std::str::from_utf8(&stateless).unwrap(),
        concat!(
            r#"{"jsonrpc":"2.0","id":7,"result":{"resultType":"complete","isError":true,"#,
            r#""content":[{"type":"text","text":"[POLICY DENIED] Rate limit reached: 30 per minute. Try again in 12 s."}],"#,
            r#""_meta":{"dev.portcullis/decision":{"id":"dec_1","outcome":"deny","code":"rate_limited","#,
            r#""rule":"/tools/set_model_alias/limits/0","retry_after_ms":12000,"approval":null}}}}"#,
        )
    );
    let legacy = parsed(&denial_result(&Id::number(7), Era::Initialize, RATE_LIMITED));
    assert_eq!(legacy["result"].get("resultType"), None);
    assert_eq!(legacy["result"]["isError"], true);
}

#[test]
fn a_denial_keeps_ids_and_escapes_texts() {
    let id = Id::from_raw(r#""a\"\u00e9""#).unwrap();
    let body = DenialBody {
        text: "[POLICY DENIED] \"quoted\"\n\u{1}",
        outcome: "approval",
        code: "approval_required",
        retry_after_ms: None,
        approval: Some("apr_\"1"),
        ..RATE_LIMITED
    };
    let bytes = denial_result(&id, Era::Initialize, body);
    assert!(bytes.windows(id.raw().len()).any(|part| part == id.raw().as_bytes()), "the id comes back as sent");
    let answer = parsed(&bytes);
    assert_eq!(answer["result"]["content"][0]["text"], "[POLICY DENIED] \"quoted\"\n\u{1}");
    let decision = &answer["result"]["_meta"]["dev.portcullis/decision"];
    assert_eq!(decision["retry_after_ms"], Value::Null);
    assert_eq!(decision["approval"], "apr_\"1");
}

#[test]
fn errors() {
    let data = json!({"a": [1]});
    assert_eq!(
        parsed(&error_response(Some(&Id::string("x\"")), -32601, "no \"x\"", Some(&data))),
        json!({"jsonrpc": "2.0", "id": "x\"", "error": {"code": -32601, "message": "no \"x\"", "data": {"a": [1]}}})
    );
    assert_eq!(
        parsed(&error_response(None, -32700, "m", None)),
        json!({"jsonrpc": "2.0", "error": {"code": -32700, "message": "m"}})
    );
    assert_eq!(
        parsed(&unknown_tool(&Id::number(1), "x")),
        json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message": "Unknown tool: x"}})
    );
    assert_eq!(
        parsed(&unsupported_version(Some(&Id::number(1)), "1900-01-01", &["2026-07-28"]))["error"],
        json!({"code": -32022, "message": "Unsupported protocol version",
               "data": {"supported": ["2026-07-28"], "requested": "1900-01-01"}})
    );
}
