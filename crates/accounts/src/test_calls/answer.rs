//! What a gateway's answer to a test call says.

use serde_json::Value;
use upstream::Failed;

/// What is shown of an answer at most, in characters.
const SHOWN: usize = 20_000;

/// A gateway's answer. Texts other than the gateway's own may be the upstream's words: escape them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestAnswer {
    /// What came of the call.
    pub outcome: TestOutcome,
    /// What a client is shown of it.
    pub text: String,
    /// The whole answer, indented and cut; empty when none came.
    pub json: String,
}

/// What came of a test call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestOutcome {
    /// It was let through, and the tool answered well.
    Passed,
    /// It was let through, and the tool answered that it failed.
    ToolFailed,
    /// The policy denied it.
    Denied {
        /// The code.
        code: String,
        /// JSON Pointer of the deciding member; empty where none decided.
        rule: String,
        /// After how many milliseconds the same call may pass.
        retry_after_ms: Option<u64>,
    },
    /// Answered as for a tool that does not exist: hidden, or really not there.
    UnknownTool,
    /// It did not come to an answer of the tool.
    Failed {
        /// What the upstream said about it.
        upstream_words: Option<String>,
    },
}

impl TestAnswer {
    pub(super) fn failed(words: &str) -> Self {
        Self { outcome: TestOutcome::Failed { upstream_words: None }, text: words.to_owned(), json: String::new() }
    }

    pub(super) fn of_failure(Failed(failure): &Failed) -> Self {
        let outcome = TestOutcome::Failed { upstream_words: failure.upstream_words.clone() };
        Self { outcome, text: failure.words.clone(), json: String::new() }
    }

    /// Reads a JSON-RPC answer to `tools/call`.
    pub(super) fn read(answer: &[u8]) -> Self {
        let json = indented(answer);
        let Ok(message) = serde_json::from_slice::<Value>(answer) else {
            return Self::failed("the answer is not JSON");
        };
        if let Some(error) = message.get("error") {
            return Self { outcome: of_error(error), text: words(error), json };
        }
        let result = &message["result"];
        Self { outcome: of_result(result), text: text_of(result), json }
    }
}

/// JSON, indented for people, and cut.
pub(super) fn indented(json: &[u8]) -> String {
    let read: Option<Value> = serde_json::from_slice(json).ok();
    let text = read.and_then(|value| serde_json::to_string_pretty(&value).ok());
    cut(&text.unwrap_or_else(|| String::from_utf8_lossy(json).into_owned()))
}

fn of_error(error: &Value) -> TestOutcome {
    match words(error) {
        words if words.starts_with("Unknown tool") => TestOutcome::UnknownTool,
        _ => TestOutcome::Failed { upstream_words: None },
    }
}

fn of_result(result: &Value) -> TestOutcome {
    let decision = &result["_meta"][mcp::DECISION_META_KEY];
    let text = |key: &str| decision[key].as_str().unwrap_or_default().to_owned();
    if decision["outcome"] == "deny" {
        let retry_after_ms = decision["retry_after_ms"].as_u64();
        return TestOutcome::Denied { code: text("code"), rule: text("rule"), retry_after_ms };
    }
    if result["isError"] == true { TestOutcome::ToolFailed } else { TestOutcome::Passed }
}

fn words(error: &Value) -> String {
    cut(error["message"].as_str().unwrap_or("the gateway answered with an error"))
}

fn text_of(result: &Value) -> String {
    let parts = result["content"].as_array().into_iter().flatten();
    let texts: Vec<&str> = parts.filter_map(|part| part["text"].as_str()).collect();
    cut(&texts.join("\n"))
}

fn cut(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> (TestOutcome, String) {
        let answer = TestAnswer::read(json.as_bytes());
        (answer.outcome, answer.text)
    }

    #[test]
    fn answers_are_told_apart() {
        let denied = r#"{"jsonrpc":"2.0","id":1,"result":{"isError":true,"content":[{"type":"text","text":"[POLICY DENIED] no"}],
            "_meta":{"dev.portcullis/decision":{"id":"dec_1","outcome":"deny","code":"rate_limited","rule":"/tools/x","retry_after_ms":12}}}}"#;
        let expected =
            TestOutcome::Denied { code: "rate_limited".into(), rule: "/tools/x".into(), retry_after_ms: Some(12) };
        assert_eq!(read(denied), (expected, "[POLICY DENIED] no".to_owned()));
        let ok = r#"{"result":{"content":[{"text":"a"},{"type":"image"},{"text":"b"}]}}"#;
        assert_eq!(read(ok), (TestOutcome::Passed, "a\nb".to_owned()));
        assert_eq!(read(r#"{"result":{"isError":true}}"#).0, TestOutcome::ToolFailed);
        assert_eq!(read(r#"{"error":{"code":-32602,"message":"Unknown tool: x"}}"#).0, TestOutcome::UnknownTool);
        assert!(matches!(read(r#"{"error":{"code":1,"message":"boom"}}"#).0, TestOutcome::Failed { .. }));
        assert!(matches!(read("x").0, TestOutcome::Failed { .. }));
    }
}
