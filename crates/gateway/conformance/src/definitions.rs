//! What the lists answer.

use std::sync::Arc;

use rmcp::model::{JsonObject, Prompt, PromptArgument, Resource, ResourceTemplate, Tool, ToolAnnotations};
use serde_json::{Value, json};

/// A tool without arguments and what it is described as.
const BARE: &[(&str, &str)] = &[
    ("test_simple_text", "Returns a text"),
    ("test_image_content", "Returns an image"),
    ("test_audio_content", "Returns a sound"),
    ("test_embedded_resource", "Returns an embedded resource"),
    ("test_multiple_content_types", "Returns a text, an image and a resource"),
    ("test_tool_with_logging", "Sends three log messages"),
    ("test_error_handling", "Always fails"),
    ("test_tool_with_progress", "Reports progress in three steps"),
    ("test_elicitation_sep1034_defaults", "Asks a person, with default values"),
    ("test_elicitation_sep1330_enums", "Asks a person, with every kind of choice"),
    ("test_reconnection", "Breaks its stream off; the result waits for the client to come back"),
    ("test_trigger_tool_change", "Tells that the list of tools changed"),
    ("test_trigger_prompt_change", "Tells that the list of prompts changed"),
    ("test_missing_capability", "Needs a client that can sample"),
    ("test_streaming_elicitation", "Asks a person while it streams"),
    ("test_logging_tool", "Logs, if the request allows it"),
    ("test_input_required_result_elicitation", "Asks for a name"),
    ("test_input_required_result_sampling", "Asks a model"),
    ("test_input_required_result_list_roots", "Asks for the roots"),
    ("test_input_required_result_request_state", "Asks, and keeps its state with the client"),
    ("test_input_required_result_multiple_inputs", "Asks for three things at once"),
    ("test_input_required_result_multi_round", "Asks twice"),
    ("test_input_required_result_tampered_state", "Asks, and refuses a changed state"),
    ("test_input_required_result_capabilities", "Asks only for what the client can do"),
    ("failing_job", "A job that fails"),
    ("protocol_error_job", "A job that ends in a protocol error"),
    ("multi_input", "A job that asks two things at once"),
    ("test_tool_with_task", "Asks for a name, then becomes a job"),
    ("touch", "Tells that the watched resource changed"),
    ("seen", "What the calls before left behind"),
];

/// Every tool, always in the same order.
pub fn tools() -> Vec<Tool> {
    let bare = BARE.iter().map(|(name, text)| tool(name, text, json!({ "type": "object", "properties": {} })));
    bare.chain([
        tool("test_sampling", "Asks a model", strings(&["prompt"])),
        tool("test_elicitation", "Asks a person", strings(&["message"])),
        tool("json_schema_2020_12_tool", "Tool with JSON Schema 2020-12 features", json_schema_2020_12()),
        tool("test_custom_header", "Its argument is mirrored into a header", mirrored()),
        tool("greet", "Greets by name", strings(&["name"])),
        tool("slow_compute", "A job that sleeps", slow_compute()),
        tool("confirm_delete", "A job that asks for consent", strings(&["filename"])),
        tool("echo", "Says what it was told", strings(&["message"]))
            .with_annotations(ToolAnnotations::new().read_only(true).open_world(false)),
        tool("wait", "Waits, with progress every tenth of a second, until it is cancelled", wait()),
    ])
    .collect()
}

pub fn prompts() -> Vec<Prompt> {
    let required = |name: &str| PromptArgument::new(name).with_description("For the test").with_required(true);
    let prompt = |name: &str, text: &str, arguments: Vec<PromptArgument>| {
        Prompt::new(name, Some(text), (!arguments.is_empty()).then_some(arguments))
    };
    vec![
        prompt("test_simple_prompt", "A prompt without arguments", vec![]),
        prompt("test_prompt_with_arguments", "A prompt with two arguments", vec![required("arg1"), required("arg2")]),
        prompt("test_prompt_with_embedded_resource", "A prompt that holds a resource", vec![required("resourceUri")]),
        prompt("test_prompt_with_image", "A prompt that holds an image", vec![]),
        prompt("test_input_required_result_prompt", "A prompt that asks first", vec![]),
    ]
}

pub fn resources() -> Vec<Resource> {
    let resource = |uri: &str, name: &str, kind: &str| {
        Resource::new(uri, name).with_description(format!("{name} of the fixture")).with_mime_type(kind)
    };
    vec![
        resource("test://static-text", "A text", "text/plain"),
        resource("test://static-binary", "An image", "image/png"),
        resource("test://watched-resource", "A watched text", "text/plain"),
    ]
}

pub fn templates() -> Vec<ResourceTemplate> {
    let template = ResourceTemplate::new("test://template/{id}/data", "Data by id");
    vec![template.with_description("Data of the fixture by id").with_mime_type("application/json")]
}

fn tool(name: &str, text: &str, schema: Value) -> Tool {
    let schema: JsonObject = schema.as_object().cloned().unwrap_or_default();
    Tool::new(name.to_owned(), text.to_owned(), Arc::new(schema))
}

/// A schema of required strings.
fn strings(names: &[&str]) -> Value {
    let properties: JsonObject = names.iter().map(|name| ((*name).to_owned(), json!({ "type": "string" }))).collect();
    json!({ "type": "object", "properties": properties, "required": names })
}

fn mirrored() -> Value {
    json!({
        "type": "object",
        "properties": { "region": { "type": "string", "x-mcp-header": "Region" } },
        "required": ["region"],
    })
}

fn slow_compute() -> Value {
    json!({
        "type": "object",
        "properties": { "seconds": { "type": "number" }, "label": { "type": "string" } },
        "required": ["seconds"],
    })
}

fn wait() -> Value {
    json!({ "type": "object", "properties": { "tenths": { "type": "integer" } }, "required": ["tenths"] })
}

/// Keywords of JSON Schema 2020-12 that a typed proxy loses.
fn json_schema_2020_12() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": { "street": { "type": "string" }, "city": { "type": "string" } },
            },
        },
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" },
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false,
    })
}
