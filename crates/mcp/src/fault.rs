//! What can be wrong with a message's text, each with the JSON-RPC code it is answered with.

/// JSON-RPC and MCP error codes that this crate answers with. Source: JSON-RPC 2.0 §5.1 and MCP 2026-07-28 "Error Codes".
pub mod code {
    /// The bytes are not JSON.
    pub const PARSE_ERROR: i64 = -32700;
    /// The JSON is not a message.
    pub const INVALID_REQUEST: i64 = -32600;
    /// The method does not exist.
    pub const METHOD_NOT_FOUND: i64 = -32601;
    /// The method's parameters are wrong.
    pub const INVALID_PARAMS: i64 = -32602;
    /// A failure inside the answering side.
    pub const INTERNAL_ERROR: i64 = -32603;
    /// The resource does not exist (2025-11-25 and earlier).
    pub const RESOURCE_NOT_FOUND: i64 = -32002;
    /// URLs are to be opened before the request can be done (2025-11-25 only).
    pub const URL_ELICITATION_REQUIRED: i64 = -32042;
    /// A mirrored header is missing or disagrees with the body (2026-07-28).
    pub const HEADER_MISMATCH: i64 = -32020;
    /// The request needs a capability that the client did not declare (2026-07-28).
    pub const MISSING_CLIENT_CAPABILITY: i64 = -32021;
    /// The protocol version is unknown or not supported (2026-07-28).
    pub const UNSUPPORTED_PROTOCOL_VERSION: i64 = -32022;
}

/// How much of a key is repeated in an error's text.
const SHOWN_KEY_CHARS: usize = 60;

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// No bytes at all, or only white space.
    #[error("the body is empty")]
    Empty,
    /// More bytes than the limit.
    #[error("the body is longer than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// Invalid UTF-8.
    #[error("invalid UTF-8")]
    NotUtf8,
    /// A byte order mark before the text.
    #[error("a byte order mark is not allowed")]
    ByteOrderMark,
    /// The grammar wants something else here.
    #[error("expected {wanted}")]
    Syntax {
        /// What would have been right.
        wanted: &'static str,
    },
    /// A control character inside a string.
    #[error("a control character must be escaped")]
    ControlCharacter,
    /// A string without its closing quote.
    #[error("a string without an end")]
    UnfinishedString,
    /// A backslash with something that is no escape.
    #[error("an escape that JSON does not have")]
    BadEscape,
    /// `\ud800` without its other half, or the other half alone.
    #[error("a lone surrogate")]
    LoneSurrogate,
    /// A number that JSON does not have: `01`, `1.`, `+1`, `-`.
    #[error("a number that JSON does not have")]
    BadNumber,
    /// Nesting over the limit.
    #[error("nesting over {limit}")]
    TooDeep {
        /// The deepest nesting allowed; the message itself is 1.
        limit: usize,
    },
    /// Something after the message.
    #[error("bytes after the message")]
    TrailingBytes,
    /// An array of messages.
    #[error("a batch; send one message at a time")]
    Batch,
    /// A message that is neither an object nor an array.
    #[error("a message must be an object")]
    NotAnObject,
    /// The same key twice in one object, compared after unescaping.
    #[error("duplicate key {}", shown(key))]
    DuplicateKey {
        /// The key, unescaped.
        key: String,
    },
    /// A key that equals a known one only after case folding.
    #[error("key {} looks like `{known}` but is not", shown(found))]
    LookalikeKey {
        /// The key as sent, unescaped.
        found: String,
        /// The key it could be taken for.
        known: &'static str,
    },
    /// A member called `__proto__`, which parsers in JavaScript do not read as one.
    #[error("the key `__proto__` is not allowed")]
    PrototypeKey,
    /// The message breaks JSON-RPC: the text says how.
    #[error("{0}")]
    NotAMessage(&'static str),
    /// The parameters are not what the method takes: the text says how.
    #[error("{0}")]
    WrongParams(&'static str),
}

/// A fault and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault} (byte {offset})")]
pub(crate) struct Finding {
    pub fault: Fault,
    pub offset: usize,
}

impl Fault {
    /// The JSON-RPC error code this fault is answered with.
    pub fn code(&self) -> i64 {
        match self {
            Fault::Batch
            | Fault::NotAnObject
            | Fault::DuplicateKey { .. }
            | Fault::LookalikeKey { .. }
            | Fault::PrototypeKey
            | Fault::TooDeep { .. }
            | Fault::TooLarge { .. }
            | Fault::NotAMessage(_) => code::INVALID_REQUEST,
            Fault::WrongParams(_) => code::INVALID_PARAMS,
            _ => code::PARSE_ERROR,
        }
    }

    /// A short, stable word for records and metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Fault::Empty => "empty",
            Fault::TooLarge { .. } => "too_large",
            Fault::NotUtf8 => "not_utf8",
            Fault::ByteOrderMark => "byte_order_mark",
            Fault::Syntax { .. } => "syntax",
            Fault::ControlCharacter => "control_character",
            Fault::UnfinishedString => "unfinished_string",
            Fault::BadEscape => "bad_escape",
            Fault::LoneSurrogate => "lone_surrogate",
            Fault::BadNumber => "bad_number",
            Fault::TooDeep { .. } => "too_deep",
            Fault::TrailingBytes => "trailing_bytes",
            Fault::Batch => "batch",
            Fault::NotAnObject => "not_an_object",
            Fault::DuplicateKey { .. } => "duplicate_key",
            Fault::LookalikeKey { .. } => "lookalike_key",
            Fault::PrototypeKey => "prototype_key",
            Fault::NotAMessage(_) => "not_a_message",
            Fault::WrongParams(_) => "wrong_params",
        }
    }
}

/// A key, quoted and cut, fit for an error's text.
fn shown(key: &str) -> String {
    let mut chars = key.chars();
    let start: String = chars.by_ref().take(SHOWN_KEY_CHARS).collect();
    if chars.next().is_none() { format!("{start:?}") } else { format!("{start:?}…") }
}
