//! The edits that put a message of one era into the other. Each changes what the eras differ in and leaves every other
//! byte alone; what cannot be put so gives `None`.
//!
//! Source: 2026-07-28 changelog, basic/index "`_meta`", basic/patterns/mrtr, server/utilities/caching; 2025-11-25 schema.

mod greeting;
mod input;
mod notification;
mod object;
mod request;
mod result;

pub use greeting::{discover_from_handshake, handshake_again, handshake_from_discover, without_capabilities};
pub use input::{InputRequest, InputRequired, input_required, is_supported, request_state};
pub use notification::{progress_of, resource_updated, subscribed, with_progress_token};
pub use request::{Declared, own_request};
pub(crate) use result::{STATELESS_RESULT, added_to_result};
pub use result::{completed, error_names_uri, plain, with_code, with_id};
