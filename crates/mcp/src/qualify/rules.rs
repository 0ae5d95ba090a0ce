//! Where names stand in each message. Source: schema.ts of 2025-11-25 and 2026-07-28, the tasks extension, MCP Apps.

use super::{NameKind, Part};
use crate::merge::ListKind;
use crate::method::Method;

/// What a value is, as far as it holds names.
#[derive(Debug)]
pub(crate) enum Rule {
    /// It is a name.
    Name(NameKind),
    /// An object, by its members.
    In(&'static [(&'static str, Rule)]),
    /// An array, or one of what could stand in it.
    Each(&'static Rule),
    /// An object, by its `type`; the variant without a name is for all others.
    Typed(&'static [(&'static str, Rule)]),
}

use NameKind::{Progress, Prompt, Request, Task, Tool, Uri};
use Rule::{Each, In, Name, Typed};

const TASK_REF: Rule = In(&[("taskId", Name(Task))]);
/// The task that a message belongs to (2025-11-25), and the interface of a tool (MCP Apps, both spellings).
const META: Rule = In(&[
    ("io.modelcontextprotocol/related-task", TASK_REF),
    ("ui", In(&[("resourceUri", Name(Uri))])),
    ("ui/resourceUri", Name(Uri)),
]);
const RESOURCE: Rule = In(&[("uri", Name(Uri)), ("_meta", META)]);
const CONTENT: Rule = Typed(&[
    ("resource_link", RESOURCE),
    ("resource", In(&[("resource", RESOURCE), ("_meta", META)])),
    ("tool_result", In(&[("content", Each(&INNER))])),
    ("", In(&[("_meta", META)])),
]);
const INNER: Rule = Typed(&[("resource_link", RESOURCE), ("resource", In(&[("resource", RESOURCE)]))]);
const MESSAGES: Rule = Each(&In(&[("content", Each(&CONTENT))]));

/// What a tool gives: content, or the task that will have it.
const TOOL_RESULT: Rule =
    In(&[("content", Each(&CONTENT)), ("task", TASK_REF), ("taskId", Name(Task)), ("_meta", META)]);
const PROMPT_RESULT: Rule = In(&[("messages", MESSAGES), ("_meta", META)]);
const READ_RESULT: Rule = In(&[("contents", Each(&RESOURCE)), ("_meta", META)]);
const TASK_RESULT: Rule = In(&[("taskId", Name(Task)), ("task", TASK_REF), ("result", TOOL_RESULT), ("_meta", META)]);
const OTHER_RESULT: Rule = In(&[("_meta", META)]);
/// What was not found, and tasks that are none.
const ERROR: Rule = In(&[("data", In(&[("uri", Name(Uri)), ("taskId", Name(Task))]))]);

static ANSWER_TOOL: Rule = In(&[("result", TOOL_RESULT), ("error", ERROR)]);
static ANSWER_PROMPT: Rule = In(&[("result", PROMPT_RESULT), ("error", ERROR)]);
static ANSWER_READ: Rule = In(&[("result", READ_RESULT), ("error", ERROR)]);
static ANSWER_TASK: Rule = In(&[("result", TASK_RESULT), ("error", ERROR)]);
static ANSWER: Rule = In(&[("result", OTHER_RESULT), ("error", ERROR)]);

const PARAMS_META: (&str, Rule) = ("_meta", META);
static SERVER_REQUEST: Rule = In(&[
    ("id", Name(Request)),
    (
        "params",
        In(&[
            ("_meta", In(&[("progressToken", Name(Progress)), ("io.modelcontextprotocol/related-task", TASK_REF)])),
            ("messages", MESSAGES),
        ]),
    ),
]);
static SERVER_UPDATED: Rule = In(&[("params", RESOURCE)]);
static SERVER_TASK: Rule = In(&[("params", TASK_RESULT)]);
static SERVER_CANCELLED: Rule = In(&[("params", In(&[("requestId", Name(Request)), PARAMS_META]))]);
static SERVER_NOTIFICATION: Rule = In(&[("params", In(&[PARAMS_META]))]);

static CLIENT_TOOL: Rule = In(&[("params", In(&[("name", Name(Tool)), PARAMS_META]))]);
static CLIENT_PROMPT: Rule = In(&[("params", In(&[("name", Name(Prompt)), PARAMS_META]))]);
static CLIENT_RESOURCE: Rule = In(&[("params", In(&[("uri", Name(Uri)), PARAMS_META]))]);
static CLIENT_TASK: Rule = In(&[("params", In(&[("taskId", Name(Task)), PARAMS_META]))]);
static CLIENT_COMPLETION: Rule = In(&[(
    "params",
    In(&[
        ("ref", Typed(&[("ref/prompt", In(&[("name", Name(Prompt))])), ("ref/resource", In(&[("uri", Name(Uri))]))])),
        PARAMS_META,
    ]),
)]);
static CLIENT_PROGRESS: Rule = In(&[("params", In(&[("progressToken", Name(Progress)), PARAMS_META]))]);
static CLIENT_OTHER: Rule = In(&[("params", In(&[PARAMS_META]))]);
static CLIENT_ANSWER: Rule = In(&[("id", Name(Request))]);

static ITEM_TOOL: Rule = In(&[("name", Name(Tool)), ("_meta", META)]);
static ITEM_PROMPT: Rule = In(&[("name", Name(Prompt)), ("_meta", META)]);
static ITEM_RESOURCE: Rule = RESOURCE;
static ITEM_TEMPLATE: Rule = In(&[("uriTemplate", Name(Uri)), ("_meta", META)]);
static ITEM_TASK: Rule = In(&[("taskId", Name(Task)), ("_meta", META)]);

pub(crate) fn of(part: Part) -> Option<&'static Rule> {
    Some(match part {
        Part::Answer(method) => match method {
            Method::ToolsCall | Method::TasksResult => &ANSWER_TOOL,
            Method::PromptsGet => &ANSWER_PROMPT,
            Method::ResourcesRead => &ANSWER_READ,
            Method::TasksGet | Method::TasksCancel | Method::TasksUpdate => &ANSWER_TASK,
            _ => &ANSWER,
        },
        Part::FromServer(method) => match method {
            Method::ResourcesUpdated => &SERVER_UPDATED,
            Method::TasksStatus | Method::TasksNotification => &SERVER_TASK,
            Method::Cancelled => &SERVER_CANCELLED,
            method if method.is_notification() => &SERVER_NOTIFICATION,
            _ => &SERVER_REQUEST,
        },
        Part::FromClient(method) => match method {
            Method::ToolsCall => &CLIENT_TOOL,
            Method::PromptsGet => &CLIENT_PROMPT,
            Method::ResourcesRead | Method::ResourcesSubscribe | Method::ResourcesUnsubscribe => &CLIENT_RESOURCE,
            Method::CompletionComplete => &CLIENT_COMPLETION,
            Method::TasksGet | Method::TasksResult | Method::TasksUpdate | Method::TasksCancel => &CLIENT_TASK,
            Method::Progress => &CLIENT_PROGRESS,
            _ => &CLIENT_OTHER,
        },
        Part::ClientAnswer => &CLIENT_ANSWER,
    })
}

pub(super) fn of_item(kind: ListKind) -> &'static Rule {
    match kind {
        ListKind::Tools => &ITEM_TOOL,
        ListKind::Prompts => &ITEM_PROMPT,
        ListKind::Resources => &ITEM_RESOURCE,
        ListKind::Templates => &ITEM_TEMPLATE,
        ListKind::Tasks => &ITEM_TASK,
    }
}
