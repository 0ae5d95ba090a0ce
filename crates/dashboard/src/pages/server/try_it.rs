//! "Send a test call" and "Try a call that is denied": the outcome inline.

use accounts::{ServerView, TestCall, TestCallResult, ToolView};
use domain::{Permission, ServerSlug};
use serde::Deserialize;
use serde_json::{Map, Value};
use web_kit::{Answer, Form, Member, Path, Visit};

use super::{Asked, Extra, Named, load};
use crate::{
    form::Errors,
    page::{form_again, id, page},
    routes::{Routes, Who},
    words::{self, Badge},
};

/// The panel.
pub(crate) struct TryIt {
    path: String,
    tools: Vec<ToolChoice>,
    arguments: String,
    outcome: Option<Result<Shown, String>>,
}

/// A tool to try.
struct ToolChoice {
    name: String,
    arguments: String,
    selected: bool,
}

/// What was tried, and what came of it.
pub(crate) struct Tried {
    arguments: String,
    outcome: Result<Shown, String>,
}

/// What came of a test call.
struct Shown {
    outcome: Badge,
    code: Option<String>,
    rule: String,
    message: String,
    request: String,
    response: String,
    call: Option<String>,
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
            arguments: sample_arguments(&tool.definition),
            selected: Some(tool.name.as_str()) == name,
        };
        let (typed, outcome) = tried.map(|tried| (tried.arguments, tried.outcome)).unzip();
        Self {
            path: format!("{base}/try"),
            tools: server.tools.iter().map(choice).collect(),
            arguments: typed.or_else(|| chosen.map(|tool| sample_arguments(&tool.definition))).unwrap_or_default(),
            outcome,
        }
    }
}

/// A tool that is harmless to try: one that reads, with the fewest arguments.
fn suggested(server: &ServerView) -> Option<&ToolView> {
    let required = |tool: &ToolView| sample_arguments(&tool.definition).len();
    server.tools.iter().min_by_key(|tool| (tool.class, required(tool)))
}

/// Arguments to begin with: what the schema requires, with a value of the right type.
fn sample_arguments(definition: &str) -> String {
    let definition: Value = serde_json::from_str(definition).unwrap_or_default();
    let schema = &definition["inputSchema"];
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let sample = |name: &Value| name.as_str().map(|name| (name.to_owned(), sample_value(&schema["properties"][name])));
    let arguments: Map<String, Value> = required.iter().filter_map(sample).collect();
    serde_json::to_string_pretty(&arguments).unwrap_or_default()
}

fn sample_value(schema: &Value) -> Value {
    if let Some(given) = schema.get("default").or_else(|| schema.get("enum")?.get(0)).or_else(|| schema.get("examples")?.get(0)) {
        return given.clone();
    }
    match schema["type"].as_str() {
        Some("integer" | "number") => Value::from(0),
        Some("boolean") => Value::from(false),
        Some("array") => Value::Array(Vec::new()),
        Some("object") => Value::Object(Map::new()),
        _ => Value::from(""),
    }
}

async fn try_call(visit: Visit<Member>, Path(named): Path<Named>, Form(typed): Form<Typed>) -> Answer {
    let slug: ServerSlug = id(&named.server)?;
    let asked = if typed.r#try == "denied" {
        TestCall::Denied
    } else {
        TestCall::Allowed { tool: typed.tool.clone(), arguments: typed.arguments.clone() }
    };
    let (outcome, failed) = match visit.accounts().test_call(visit.caller(), &slug, asked).await {
        Ok(result) => (Ok(Shown::of(result, &visit)), false),
        Err(refused) => (Err(why(&Errors::rule(refused)?)), true),
    };
    let tried = Some(Tried { arguments: typed.arguments, outcome });
    let asked = Asked { tool: typed.tool, ..Asked::default() };
    let loaded = load(&visit, &slug, Extra { tried, asked, registered: true, ..Extra::default() }).await?;
    if failed { form_again(&loaded) } else { page(&loaded) }
}

fn why(errors: &Errors) -> String {
    errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join(" ")
}

impl Shown {
    fn of(result: TestCallResult, visit: &Visit<Member>) -> Self {
        Self {
            outcome: words::outcome(result.outcome),
            code: result.code,
            rule: result.rule,
            message: words::visible(&result.message),
            request: result.request,
            response: words::visible(&result.response),
            call: result.call.map(|call| format!("{}/calls/{call}", visit.home())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_begin_with_what_is_required() {
        let definition = r#"{"inputSchema":{"properties":{"a":{"type":"string"},"n":{"type":"integer"},"b":{"enum":["x","y"]},
            "free":{}},"required":["n","a","b","gone"]}}"#;
        let sample: Value = serde_json::from_str(&sample_arguments(definition)).unwrap();
        assert_eq!(sample, serde_json::json!({"n": 0, "a": "", "b": "x", "gone": ""}));
        for odd in ["", "[]", "{\"inputSchema\":7}", "{\"inputSchema\":{\"required\":[1]}}"] {
            assert_eq!(sample_arguments(odd), "{}");
        }
    }
}
