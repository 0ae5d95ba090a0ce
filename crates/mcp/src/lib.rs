#![doc = include_str!("../README.md")]

mod answer;
mod bridge;
mod edit;
mod fault;
mod handshake;
mod headers;
mod id;
mod json;
mod merge;
mod message;
mod method;
mod passing;
mod qualify;
mod read;
mod response;
mod scan;
mod schema;
mod sse;
mod subscription;
mod tools;
mod version;

pub use answer::{
    DECISION_META_KEY, DENIAL_PREFIX, DenialBody, denial_result, error_response, error_result, method_not_found,
    result_response, unknown_tool, unsupported_version,
};
pub use bridge::{
    Declared, InputRequest, InputRequired, completed, discover_from_handshake, error_names_uri, handshake_again,
    handshake_from_discover, input_required, is_supported, own_request, plain, progress_of, request_state,
    resource_updated, subscribed, with_code, with_id, with_progress_token, without_capabilities,
};
pub use fault::{Fault, code};
pub use handshake::{
    HandshakeError, OwnCall, OwnClient, ServerDescription, cancelled_notification, discover_request, discover_result,
    initialize_request, initialize_request_with, initialize_result, initialized_notification, list_request,
    set_level_request, subscribe_request, tools_call_request, tools_list_request,
};
pub use headers::{
    HeaderError, HeaderView, METHOD_HEADER, NAME_HEADER, PARAM_HEADER_PREFIX, PROTOCOL_VERSION_HEADER, ParamHeader,
    ParamKind, SchemaError, check_headers, check_param_headers, encode_header_value, era, era_without_message,
    mirror_headers, param_headers,
};
pub use id::Id;
pub use merge::{CursorError, ListKind, ListPage, MergedCursor, items_of, merge_lists};
pub use message::{ClientInfo, Message, Meta, Notification, Outcome, Params, Request, Response, Retry};
pub use method::{Family, Method, Sender};
pub use passing::{AnswerEditor, PassingError};
pub use qualify::{
    Name, NameKind, NewName, Part, qualified_name, qualified_task, qualified_uri, rename_in, rename_item,
    split_qualified, split_qualified_task, split_qualified_uri,
};
pub use read::{ReadError, ReadLimits, on_one_line, read, read_with};
pub use response::{Frame, ResponseFacts, ResponseKind, frame, response_facts};
pub use scan::FrameScanner;
pub use schema::{InputSchema, InputSchemaError, Misfit};
pub use sse::{DEFAULT_MAX_EVENT_BYTES, PassingEvent, SseError, SseEvent, SseParser, SsePart, SsePiece};
pub use subscription::{
    acknowledged, acknowledgement, acknowledging_tools_list_changed, list_changed, promising_tools_list_changed,
    subscription_acknowledged, subscription_ended, tools_list_changed,
};
pub use tools::{Annotations, Keep, ListError, Tool, filter_tools_list, select_tools, tools_of};
pub use version::{Era, LATEST_INITIALIZE, ProtocolVersion, STATELESS};
