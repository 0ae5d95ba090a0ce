//! "Send a test call" and "Try a call that is denied": the outcome inline.

use accounts::{NewTestCall, ServerView, TestCall, TestCallResult, TestOutcome, ToolView};
use catalogue::Parameter;
use domain::{Permission, ServerSlug};
use serde::Deserialize;
use serde_json::{Map, Value};
use web_kit::{Answer, Form, Member, Path, Visit};

use super::{Asked, Extra, Named, load};
use crate::{
    form::{Errors, Input},
    page::{form_again, id, page},
    routes::{Routes, Who},
    words::{self, Badge},
};

const PASSED: Badge = Badge { class: "allowed", sign: "✓", word: "Allowed" };
const TOOL_FAILED: Badge = Badge { class: "warn", sign: "!", word: "Allowed; the tool answered that it failed" };
const DENIED: Badge = Badge { class: "denied", sign: "✕", word: "Denied" };
const UNKNOWN: Badge = Badge { class: "denied", sign: "✕", word: "Answered as an unknown tool" };
const FAILED: Badge = Badge { class: "warn", sign: "!", word: "No answer" };

/// The inputs by the fields of the use case.
const INPUTS: &[Input] = &[Input::same("tool", "The tool"), Input::same("arguments", "The arguments")];

/// The panel.
pub(crate) struct TryIt {
    pub(super) path: String,
    pub(super) tools: Vec<ToolChoice>,
    pub(super) arguments: String,
    pub(super) outcome: Option<Result<Shown, String>>,
}

/// A tool to try.
pub(super) struct ToolChoice {
    pub(super) name: String,
    pub(super) arguments: String,
    pub(super) selected: bool,
}

/// What was tried, and what came of it.
pub(crate) struct Tried {
    arguments: String,
    outcome: Result<Shown, String>,
}

/// What came of a test call.
pub(super) struct Shown {
    pub(super) outcome: Badge,
    pub(super) code: Option<String>,
    pub(super) rule: String,
    pub(super) retry_after: Option<String>,
    pub(super) tool: String,
    pub(super) message: String,
    pub(super) upstream_words: Option<String>,
    pub(super) request: String,
    pub(super) response: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Typed {
    tool: String,
    arguments: String,
    r#try: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.post("/app/{account}/servers/{server}/try", Who::Member(Permission::OwnKeys), try_call)
}

impl TryIt {
    pub(crate) fn of(server: &ServerView, base: &str, asked: &str, tried: Option<Tried>) -> Self {
        let chosen = server.tools.iter().find(|tool| tool.name == asked).or_else(|| suggested(server));
        let name = chosen.map(|tool| tool.name.as_str());
        let choice = |tool: &ToolView| ToolChoice {
            name: tool.name.clone(),
            arguments: sample_arguments(&tool.parameters),
            selected: Some(tool.name.as_str()) == name,
        };
        let (typed, outcome) = tried.map(|tried| (tried.arguments, tried.outcome)).unzip();
        Self {
            path: format!("{base}/try"),
            tools: server.tools.iter().map(choice).collect(),
            arguments: typed.or_else(|| chosen.map(|tool| sample_arguments(&tool.parameters))).unwrap_or_default(),
            outcome,
        }
    }
}

/// A tool that is harmless to try: one that reads, with the fewest arguments.
fn suggested(server: &ServerView) -> Option<&ToolView> {
    let required = |tool: &ToolView| sample_arguments(&tool.parameters).len();
    server.tools.iter().min_by_key(|tool| (tool.class, required(tool)))
}

/// Arguments to begin with: what the schema requires, with a value of the right type.
fn sample_arguments(parameters: &[Parameter]) -> String {
    let required = parameters.iter().filter(|parameter| parameter.required);
    let sample: Map<String, Value> = required.map(|p| (p.name.clone(), sample_value(&p.kind))).collect();
    serde_json::to_string_pretty(&sample).unwrap_or_default()
}

fn sample_value(kind: &str) -> Value {
    match kind.split(" or ").next() {
        Some("integer" | "number") => Value::from(0),
        Some("boolean") => Value::from(false),
        Some("array") => Value::Array(Vec::new()),
        Some("object") => Value::Object(Map::new()),
        _ => Value::from(""),
    }
}

async fn try_call(visit: Visit<Member>, Path(named): Path<Named>, Form(typed): Form<Typed>) -> Answer {
    let slug: ServerSlug = id(&named.server)?;
    let server = visit.accounts().server(visit.caller(), &slug).await?;
    let what = if typed.r#try == "denied" {
        TestCall::Denied
    } else {
        TestCall::Tool { name: typed.tool.clone(), arguments: typed.arguments.clone() }
    };
    let asked = NewTestCall { server: server.id, grant: None, what };
    let (outcome, failed) = match visit.accounts().test_call(visit.caller(), &asked).await {
        Ok(result) => (Ok(Shown::of(result)), false),
        Err(refused) => (Err(why(&Errors::of(refused, INPUTS)?)), true),
    };
    let tried = Some(Tried { arguments: typed.arguments, outcome });
    let asked = Asked { tool: typed.tool, ..Asked::default() };
    let loaded = load(&visit, &slug, Extra { tried, asked, answers_form: true, ..Extra::default() }).await?;
    if failed { form_again(&loaded) } else { page(&loaded) }
}

fn why(errors: &Errors) -> String {
    errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join(" ")
}

impl Shown {
    fn of(result: TestCallResult) -> Self {
        let answer = result.answer;
        let (outcome, code, rule, retry_after, upstream_words) = match answer.outcome {
            TestOutcome::Passed => (PASSED, None, String::new(), None, None),
            TestOutcome::ToolFailed => (TOOL_FAILED, None, String::new(), None, None),
            TestOutcome::Denied { code, rule, retry_after_ms } => (DENIED, Some(code), rule, retry_after_ms, None),
            TestOutcome::UnknownTool => (UNKNOWN, None, String::new(), None, None),
            TestOutcome::Failed { upstream_words } => (FAILED, None, String::new(), None, upstream_words),
        };
        Self {
            outcome,
            code,
            rule: words::visible(&rule),
            retry_after: retry_after.map(words::wait),
            tool: words::visible(&result.tool),
            message: words::visible(&answer.text),
            upstream_words: upstream_words.as_deref().map(words::visible),
            request: words::visible(&result.request),
            response: words::visible(&answer.json),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_begin_with_what_is_required() {
        let parameter = |name: &str, kind: &str, required| Parameter {
            name: name.to_owned(),
            kind: kind.to_owned(),
            required,
            description: String::new(),
        };
        let parameters = [
            parameter("n", "integer", true),
            parameter("a", "string", true),
            parameter("free", "any", false),
            parameter("l", "array or string", true),
        ];
        let sample: Value = serde_json::from_str(&sample_arguments(&parameters)).unwrap();
        assert_eq!(sample, serde_json::json!({"n": 0, "a": "", "l": []}));
        assert_eq!(sample_arguments(&[]), "{}");
    }
}
