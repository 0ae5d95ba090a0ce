//! `params` and `_meta`: the members that are judged, and the types they must have.

use crate::fault::{Fault, Finding};
use crate::id::Id;
use crate::json::{Kind, Raw, Scanner};
use crate::message::{ClientInfo, Meta, Params, Retry, era_of_declared};
use crate::method::Method;
use crate::version::Era;

/// Members of `params` in any protocol version (schema.ts of each, and the tasks extension).
const PARAMS_KEYS: &[&str] = &[
    "_meta",
    "argument",
    "arguments",
    "capabilities",
    "clientInfo",
    "context",
    "cursor",
    "inputResponses",
    "level",
    "message",
    "name",
    "notifications",
    "progress",
    "progressToken",
    "protocolVersion",
    "reason",
    "ref",
    "requestId",
    "requestState",
    "task",
    "taskId",
    "total",
    "uri",
];

pub(crate) const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
pub(crate) const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
pub(crate) const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// Keys of `_meta` that MCP reserves (2026-07-28 basic/index, "Reserved keys", and 2025-11-25 tasks).
const META_KEYS: &[&str] = &[
    PROTOCOL_VERSION,
    CLIENT_INFO,
    CLIENT_CAPABILITIES,
    "io.modelcontextprotocol/logLevel",
    "io.modelcontextprotocol/subscriptionId",
    "io.modelcontextprotocol/related-task",
    "progressToken",
    "traceparent",
    "tracestate",
    "baggage",
];

/// Reads the value of `params`.
pub(super) fn read<'a>(scanner: &mut Scanner<'a>) -> Result<Option<Params<'a>>, Finding> {
    let Some(()) = object_next(scanner, "`params` must be an object")? else { return Ok(None) };
    let mut params = Params::default();
    let whole = scanner.object(PARAMS_KEYS, |scanner, key| member(&mut params, scanner, key))?;
    params.raw = whole.text;
    Ok(Some(params))
}

fn member<'a>(params: &mut Params<'a>, scanner: &mut Scanner<'a>, key: &str) -> Result<(), Finding> {
    match key {
        "_meta" => params.meta = meta(scanner)?,
        "clientInfo" => params.client_info = client_info(scanner)?,
        "arguments" => {
            if object_next(scanner, "`params.arguments` must be an object")?.is_some() {
                params.arguments = Some(scanner.value()?.text);
            }
        }
        "name" => {
            let value = scanner.value()?;
            params.name = value.as_string();
            params.name_at = Some(value.range());
        }
        "uri" => params.uri = scanner.value()?.as_string(),
        "taskId" => params.task_id = scanner.value()?.as_string(),
        "cursor" => params.cursor = scanner.value()?.as_string(),
        "protocolVersion" => params.protocol_version = scanner.value()?.as_string(),
        "requestId" => params.request_id = Id::from_value(scanner.value()?),
        "inputResponses" | "requestState" => {
            scanner.value()?;
            params.retry = Retry::Yes;
        }
        _ => drop(scanner.value()?),
    }
    Ok(())
}

fn meta<'a>(scanner: &mut Scanner<'a>) -> Result<Option<Meta<'a>>, Finding> {
    let Some(()) = object_next(scanner, "`params._meta` must be an object")? else { return Ok(None) };
    let mut meta = Meta::default();
    let whole = scanner.object(META_KEYS, |scanner, key| {
        match key {
            PROTOCOL_VERSION => {
                let value = scanner.value()?;
                meta.protocol_version = string(scanner, value, "`_meta` protocolVersion must be a string");
            }
            CLIENT_INFO => meta.client_info = client_info(scanner)?,
            CLIENT_CAPABILITIES => {
                if object_next(scanner, "`_meta` clientCapabilities must be an object")?.is_some() {
                    meta.client_capabilities = Some(scanner.value()?.text);
                }
            }
            "progressToken" => meta.progress_token = Some(scanner.value()?.text),
            _ => drop(scanner.value()?),
        }
        Ok(())
    })?;
    meta.raw = whole.text;
    Ok(Some(meta))
}

fn client_info<'a>(scanner: &mut Scanner<'a>) -> Result<Option<ClientInfo<'a>>, Finding> {
    let Some(()) = object_next(scanner, "`clientInfo` must be an object")? else { return Ok(None) };
    let mut info = ClientInfo::default();
    scanner.object(&[], |scanner, key| {
        let value = scanner.value()?;
        match key {
            "name" => info.name = string(scanner, value, "`clientInfo.name` must be a string"),
            "version" => info.version = string(scanner, value, "`clientInfo.version` must be a string"),
            _ => {}
        }
        Ok(())
    })?;
    Ok(Some(info))
}

/// Whether an object comes next; anything else is read over and noted.
fn object_next(scanner: &mut Scanner<'_>, reason: &'static str) -> Result<Option<()>, Finding> {
    if scanner.peek()? == Kind::Object {
        return Ok(Some(()));
    }
    let value = scanner.value()?;
    scanner.note(Fault::WrongParams(reason), value.start);
    Ok(None)
}

fn string<'a>(scanner: &mut Scanner<'a>, value: Raw<'a>, reason: &'static str) -> Option<std::borrow::Cow<'a, str>> {
    let text = value.as_string();
    if text.is_none() {
        scanner.note(Fault::WrongParams(reason), value.start);
    }
    text
}

/// What a request of this method must carry.
pub(super) fn check(method: Method, params: Option<&Params<'_>>) -> Result<(), Fault> {
    if declared_era(params).is_some_and(|era| !method.exists_in(era)) {
        // Not this method's parameters, whatever they are: it is no method of the version that the message declares.
        return Ok(());
    }
    let missing = match method {
        Method::Initialize if params.is_none_or(|params| params.protocol_version.is_none()) => {
            "`params.protocolVersion` must be a string"
        }
        _ => match method.name_field() {
            Some("name") if params.is_none_or(|params| params.name.is_none()) => "`params.name` must be a string",
            Some("uri") if params.is_none_or(|params| params.uri.is_none()) => "`params.uri` must be a string",
            Some("taskId") if params.is_none_or(|params| params.task_id.is_none()) => {
                "`params.taskId` must be a string"
            }
            _ => return Ok(()),
        },
    };
    Err(Fault::WrongParams(missing))
}

fn declared_era(params: Option<&Params<'_>>) -> Option<Era> {
    params?.meta.as_ref()?.protocol_version.as_deref().map(era_of_declared)
}
