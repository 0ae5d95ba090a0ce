//! Tools that need the client's person, model or roots: asked for by a request of the server in the era with `initialize`, by
//! `input_required` in the other.

use rmcp::{
    ErrorData, RoleServer,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock, InputRequiredResult,
        InputResponses,
    },
    service::{RequestContext, ServiceError},
};
use serde_json::{Value, json};

use crate::{
    calls::argument,
    server::{Fixture, modern, typed},
};

/// The answer of a tool that asks; `None` for another tool.
pub async fn call(
    fixture: &Fixture,
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<Option<CallToolResponse>, ErrorData> {
    let text = |name: &str| argument(request, name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let answer = match &*request.name {
        "test_sampling" => sample(request, context, &text("prompt")).await,
        "test_elicitation" => {
            elicit(request, context, "user_response", person(&text("message")), "User response").await
        }
        "test_elicitation_sep1034_defaults" => {
            elicit(request, context, "defaults", defaults(), "Elicitation completed").await
        }
        "test_elicitation_sep1330_enums" => elicit(request, context, "enums", enums(), "Elicitation completed").await,
        "test_streaming_elicitation" => {
            elicit(request, context, "streamed", one("Go on?", "ok", "boolean"), "Elicitation completed").await
        }
        "test_missing_capability" => missing_capability(context),
        name => match name.strip_prefix("test_input_required_result_") {
            Some(kind) => round(fixture, kind, request, context),
            None => return Ok(None),
        },
    };
    answer.map(Some)
}

/// Parameters of an `elicitation/create` with one field.
pub fn one(message: &str, field: &str, kind: &str) -> Value {
    json!({
        "mode": "form",
        "message": message,
        "requestedSchema": { "type": "object", "properties": { field: { "type": kind } }, "required": [field] },
    })
}

/// Input that a client is asked for.
pub fn input(requests: Value, state: Option<String>) -> Result<InputRequiredResult, ErrorData> {
    Ok(InputRequiredResult::new(Some(typed(requests)?), state))
}

/// A client's answer to one of the requests, if it is an object.
pub fn given<'a>(responses: Option<&'a InputResponses>, key: &str) -> Option<&'a Value> {
    responses?.get(key).filter(|value| value.is_object())
}

fn said(text: String) -> CallToolResponse {
    CallToolResult::success(vec![ContentBlock::text(text)]).into()
}

/// Form elicitation in the request's own era.
async fn elicit(
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
    key: &str,
    params: Value,
    prefix: &str,
) -> Result<CallToolResponse, ErrorData> {
    let answer = if !modern(context) {
        let result = context.peer.create_elicitation(typed(params)?).await.map_err(refused)?;
        serde_json::to_value(result).unwrap_or_default()
    } else {
        match given(request.input_responses.as_ref(), key) {
            Some(answer) => answer.clone(),
            None => {
                let asked = json!({ key: { "method": "elicitation/create", "params": params } });
                return input(asked, None).map(CallToolResponse::InputRequired);
            }
        }
    };
    let action = answer["action"].as_str().unwrap_or_default();
    Ok(said(format!("{prefix}: action={action}, content={}", answer["content"])))
}

async fn sample(
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
    prompt: &str,
) -> Result<CallToolResponse, ErrorData> {
    let params = sampling(prompt);
    let answer = if !modern(context) {
        let result = context.peer.create_message(typed(params)?).await.map_err(refused)?;
        serde_json::to_value(result).unwrap_or_default()
    } else {
        match given(request.input_responses.as_ref(), "answer") {
            Some(answer) => answer.clone(),
            None => {
                let asked = json!({ "answer": { "method": "sampling/createMessage", "params": params } });
                return input(asked, None).map(CallToolResponse::InputRequired);
            }
        }
    };
    Ok(said(format!("LLM response: {}", answer["content"]["text"].as_str().unwrap_or_default())))
}

fn refused(error: ServiceError) -> ErrorData {
    ErrorData::internal_error(format!("the client did not answer: {error}"), None)
}

fn missing_capability(context: &RequestContext<RoleServer>) -> Result<CallToolResponse, ErrorData> {
    if context.client_capabilities().is_some_and(|capabilities| capabilities.sampling.is_some()) {
        return Ok(said("The client can sample".to_owned()));
    }
    Err(ErrorData::missing_required_client_capability(ClientCapabilities::builder().enable_sampling().build()))
}

/// The tools that ask by `input_required` alone.
fn round(
    fixture: &Fixture,
    kind: &str,
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let responses = request.input_responses.as_ref();
    match kind {
        "elicitation" => Ok(match given(responses, "user_name") {
            Some(answer) => said(format!("Hello, {}!", answer["content"]["name"].as_str().unwrap_or_default())),
            None => input(name(), None)?.into(),
        }),
        "sampling" => Ok(match given(responses, "capital_question") {
            Some(answer) => said(answer["content"]["text"].as_str().unwrap_or_default().to_owned()),
            None => {
                let params = sampling("What is the capital of France?");
                input(json!({ "capital_question": { "method": "sampling/createMessage", "params": params } }), None)?
                    .into()
            }
        }),
        "list_roots" => Ok(match given(responses, "client_roots") {
            Some(answer) => said(format!("Roots: {}", answer["roots"])),
            None => input(json!({ "client_roots": { "method": "roots/list", "params": {} } }), None)?.into(),
        }),
        "multiple_inputs" => several(fixture, request),
        "request_state" => stateful(fixture, request, "confirmed"),
        "tampered_state" => stateful(fixture, request, "untouched"),
        "multi_round" => rounds(fixture, request),
        "capabilities" => capabilities(context),
        other => Err(ErrorData::invalid_params(format!("Unknown tool: test_input_required_result_{other}"), None)),
    }
}

fn several(fixture: &Fixture, request: &CallToolRequestParams) -> Result<CallToolResponse, ErrorData> {
    let responses = request.input_responses.as_ref();
    if ["user_name", "greeting", "client_roots"].iter().all(|key| given(responses, key).is_some()) {
        opened(fixture, request)?;
        return Ok(said("All three were given".to_owned()));
    }
    let mut asked = name();
    asked["greeting"] = json!({ "method": "sampling/createMessage", "params": sampling("Generate a greeting") });
    asked["client_roots"] = json!({ "method": "roots/list", "params": {} });
    Ok(input(asked, Some(fixture.states.seal(b"three")))?.into())
}

fn stateful(fixture: &Fixture, request: &CallToolRequestParams, state: &str) -> Result<CallToolResponse, ErrorData> {
    if request.request_state.is_some() {
        let kept = opened(fixture, request)?;
        if kept == state.as_bytes() && given(request.input_responses.as_ref(), "confirm").is_some() {
            return Ok(said("state-ok".to_owned()));
        }
    }
    let asked =
        json!({ "confirm": { "method": "elicitation/create", "params": one("Please confirm", "ok", "boolean") } });
    Ok(input(asked, Some(fixture.states.seal(state.as_bytes())))?.into())
}

fn rounds(fixture: &Fixture, request: &CallToolRequestParams) -> Result<CallToolResponse, ErrorData> {
    let asked = |key: &str, params: Value| json!({ key: { "method": "elicitation/create", "params": params } });
    let state = match request.request_state {
        Some(_) => opened(fixture, request)?,
        None => Vec::new(),
    };
    let responses = request.input_responses.as_ref();
    match &*state {
        b"second" if given(responses, "step2").is_some() => Ok(said("Both were answered".to_owned())),
        b"first" | b"second" if given(responses, "step1").is_some() => {
            let question = one("Step 2: What is your favorite color?", "color", "string");
            Ok(input(asked("step2", question), Some(fixture.states.seal(b"second")))?.into())
        }
        _ => {
            let question = one("Step 1: What is your name?", "name", "string");
            Ok(input(asked("step1", question), Some(fixture.states.seal(b"first")))?.into())
        }
    }
}

fn capabilities(context: &RequestContext<RoleServer>) -> Result<CallToolResponse, ErrorData> {
    let able = context.client_capabilities().unwrap_or_default();
    let mut asked = if able.elicitation.is_some() { name() } else { json!({}) };
    if able.sampling.is_some() {
        asked["greeting"] = json!({ "method": "sampling/createMessage", "params": sampling("Generate a greeting") });
    }
    if able.roots.is_some() {
        asked["client_roots"] = json!({ "method": "roots/list", "params": {} });
    }
    Ok(input(asked, None)?.into())
}

/// The state that the client was given, or the error of one that it changed.
fn opened(fixture: &Fixture, request: &CallToolRequestParams) -> Result<Vec<u8>, ErrorData> {
    let state = request.request_state.as_deref().unwrap_or_default();
    fixture.states.open(state).map_err(|error| ErrorData::invalid_params(format!("requestState: {error}"), None))
}

fn name() -> Value {
    json!({ "user_name": { "method": "elicitation/create", "params": one("What is your name?", "name", "string") } })
}

fn sampling(prompt: &str) -> Value {
    json!({ "messages": [{ "role": "user", "content": { "type": "text", "text": prompt } }], "maxTokens": 100 })
}

fn person(message: &str) -> Value {
    json!({
        "mode": "form",
        "message": message,
        "requestedSchema": {
            "type": "object",
            "properties": {
                "username": { "type": "string", "description": "User's response" },
                "email": { "type": "string", "description": "User's email address" },
            },
            "required": ["username", "email"],
        },
    })
}

fn defaults() -> Value {
    json!({
        "mode": "form",
        "message": "Please review the default values",
        "requestedSchema": {
            "type": "object",
            "properties": {
                "name": { "type": "string", "default": "John Doe" },
                "age": { "type": "integer", "default": 30 },
                "score": { "type": "number", "default": 95.5 },
                "status": { "type": "string", "enum": ["active", "inactive", "pending"], "default": "active" },
                "verified": { "type": "boolean", "default": true },
            },
        },
    })
}

fn enums() -> Value {
    let titled = |word: &str| {
        json!([
            { "const": "value1", "title": format!("First {word}") },
            { "const": "value2", "title": format!("Second {word}") },
            { "const": "value3", "title": format!("Third {word}") },
        ])
    };
    json!({
        "mode": "form",
        "message": "Please choose",
        "requestedSchema": {
            "type": "object",
            "properties": {
                "untitledSingle": { "type": "string", "enum": ["option1", "option2", "option3"] },
                "titledSingle": { "type": "string", "oneOf": titled("Option") },
                "legacyEnum": {
                    "type": "string",
                    "enum": ["opt1", "opt2", "opt3"],
                    "enumNames": ["Option One", "Option Two", "Option Three"],
                },
                "untitledMulti": {
                    "type": "array", "items": { "type": "string", "enum": ["option1", "option2", "option3"] },
                },
                "titledMulti": { "type": "array", "items": { "anyOf": titled("Choice") } },
            },
        },
    })
}
