//! Tools that answer at once, or only tell how far they are.

use std::{sync::atomic::Ordering, time::Duration};

use rmcp::{
    ErrorData, RoleServer,
    model::{
        CallToolRequestParams, CallToolResult, ContentBlock, ErrorCode, ProgressNotificationParam, ProtocolVersion,
    },
    service::RequestContext,
};
use serde_json::{Value, json};

use crate::{
    cut::Cut,
    server::{Change, Counted, Fixture, typed},
};

/// One pixel, red.
pub const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
/// A sound of no samples.
const WAV: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";
/// Between two steps of what takes a while.
const STEP: Duration = Duration::from_millis(50);
/// Between two steps of `wait`.
const TENTH: Duration = Duration::from_millis(100);

pub async fn call(
    fixture: &Fixture,
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResult, ErrorData> {
    let text = |name: &str| argument(request, name).and_then(|value| value.as_str().map(str::to_owned));
    match &*request.name {
        "test_simple_text" => {
            content(json!([{ "type": "text", "text": "This is a simple text response for testing." }]))
        }
        "test_image_content" => content(json!([image()])),
        "test_audio_content" => content(json!([{ "type": "audio", "data": WAV, "mimeType": "audio/wav" }])),
        "test_embedded_resource" => content(json!([embedded(
            "test://embedded-resource",
            "text/plain",
            "This is an embedded resource content."
        )])),
        "test_multiple_content_types" => content(json!([
            { "type": "text", "text": "Multiple content types test:" },
            image(),
            embedded("test://mixed-content-resource", "application/json", r#"{"test":"data","value":123}"#),
        ])),
        "test_error_handling" => {
            Ok(CallToolResult::error(vec![ContentBlock::text("This tool intentionally returns an error for testing")]))
        }
        "test_tool_with_progress" => progress(context, 2, STEP, 50.0).await,
        "test_tool_with_logging" => logging(fixture, context).await,
        "test_logging_tool" => {
            fixture.log(context, "Only for those who asked").await;
            said("Logged")
        }
        "test_trigger_tool_change" => told(fixture, Change::Tools).await,
        "test_trigger_prompt_change" => told(fixture, Change::Prompts).await,
        "touch" => told(fixture, Change::Resource("test://watched-resource".to_owned())).await,
        "test_reconnection" => reconnection(context).await,
        "json_schema_2020_12_tool" => said("JSON Schema 2020-12 tool called"),
        "test_custom_header" => said(&format!("Region: {}", text("region").unwrap_or_default())),
        "greet" => said(&format!("Hello, {}!", text("name").unwrap_or_default())),
        "echo" => {
            fixture.counts.echoed.fetch_add(1, Ordering::SeqCst);
            said(&text("message").unwrap_or_default())
        }
        "wait" => wait(fixture, request, context).await,
        "seen" => seen(fixture),
        other => Err(unknown_tool(other, context)),
    }
}

/// One argument of a call.
pub fn argument<'a>(request: &'a CallToolRequestParams, name: &str) -> Option<&'a Value> {
    request.arguments.as_ref()?.get(name)
}

pub fn said(text: &str) -> Result<CallToolResult, ErrorData> {
    Ok(CallToolResult::success(vec![ContentBlock::text(text)]))
}

pub fn image() -> Value {
    json!({ "type": "image", "data": PNG, "mimeType": "image/png" })
}

pub fn embedded(uri: &str, kind: &str, text: &str) -> Value {
    json!({ "type": "resource", "resource": { "uri": uri, "mimeType": kind, "text": text } })
}

fn content(blocks: Value) -> Result<CallToolResult, ErrorData> {
    Ok(CallToolResult::success(typed(blocks)?))
}

fn unknown_tool(name: &str, context: &RequestContext<RoleServer>) -> ErrorData {
    let code = match context.protocol_version() {
        Some(version) if version >= ProtocolVersion::V_2025_11_25 => ErrorCode::INVALID_PARAMS,
        _ => ErrorCode::METHOD_NOT_FOUND,
    };
    ErrorData::new(code, format!("Unknown tool: {name}"), None)
}

async fn told(fixture: &Fixture, change: Change) -> Result<CallToolResult, ErrorData> {
    fixture.changed(change).await;
    said("Told")
}

async fn logging(fixture: &Fixture, context: &RequestContext<RoleServer>) -> Result<CallToolResult, ErrorData> {
    fixture.log(context, "Tool execution started").await;
    tokio::time::sleep(STEP).await;
    fixture.log(context, "Tool processing data").await;
    tokio::time::sleep(STEP).await;
    fixture.log(context, "Tool execution completed").await;
    said("Logged three times")
}

/// Tells 0, then one more `each` after every step, of a hundred.
async fn progress(
    context: &RequestContext<RoleServer>,
    steps: u32,
    step: Duration,
    each: f64,
) -> Result<CallToolResult, ErrorData> {
    for done in 0..=steps {
        tell(context, f64::from(done) * each, 100.0).await;
        tokio::time::sleep(if done == steps { Duration::ZERO } else { step }).await;
    }
    said("Done in steps")
}

async fn tell(context: &RequestContext<RoleServer>, progress: f64, total: f64) {
    if let Some(token) = context.meta.get_progress_token() {
        let _ = context.peer.notify_progress(ProgressNotificationParam::new(token, progress).with_total(total)).await;
    }
}

/// The stream ends before the result is there.
async fn reconnection(context: &RequestContext<RoleServer>) -> Result<CallToolResult, ErrorData> {
    let parts = context.extensions.get::<http::request::Parts>();
    if let Some(cut) = parts.and_then(|parts| parts.extensions.get::<Cut>()) {
        tokio::time::sleep(STEP).await;
        cut.now();
        tokio::time::sleep(STEP * 4).await;
    }
    said("Reconnection test completed")
}

async fn wait(
    fixture: &Fixture,
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResult, ErrorData> {
    let tenths = argument(request, "tenths").and_then(Value::as_u64).unwrap_or(1);
    let _waiting = Counted::new(&fixture.counts.waiting);
    for tenth in 0..tenths {
        tell(context, tenth as f64, tenths as f64).await;
        tokio::select! {
            () = tokio::time::sleep(TENTH) => {}
            () = context.ct.cancelled() => {
                fixture.counts.cancelled.fetch_add(1, Ordering::SeqCst);
                return said("Cancelled");
            }
        }
    }
    said("Waited")
}

fn seen(fixture: &Fixture) -> Result<CallToolResult, ErrorData> {
    let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::SeqCst);
    let counts = &fixture.counts;
    let told = json!({
        "echoed": read(&counts.echoed),
        "waiting": read(&counts.waiting),
        "cancelled": read(&counts.cancelled),
    });
    said(&told.to_string())
}
