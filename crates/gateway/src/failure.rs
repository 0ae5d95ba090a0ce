//! Everything that can end a request before, or instead of, an upstream's answer. How each is told is in `rescue`.

use http::StatusCode;
use mcp::{HeaderError, ReadError};

use crate::{credential::CredentialError, guard::GuardError};

/// Most characters repeated of a method's name.
const METHOD_CHARS: usize = 100;

/// Why a request has no answer from an upstream.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// As many requests as the gateway works on at the same time.
    #[error("the gateway is busy")]
    Busy,
    /// As many requests as it works on at the same time for one account, or as much of them as it holds.
    #[error("the gateway works on as much for this account as it does at the same time; try again")]
    Crowded,
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// No key or token, or one that does not open this account. Which of the two is all that is told.
    #[error(
        "log in, or send a key: a client that can log in finds where in this answer's `WWW-Authenticate` header; any other \
         sends a key of the account as `Authorization: Bearer pcl_key_…`"
    )]
    Unauthenticated(Presented),
    /// The account is not in memory and the bus cannot be asked.
    #[error("the account cannot be loaded now; try again")]
    Unavailable,
    /// No such server, or no grant on it: the caller cannot tell which.
    #[error("there is no such server, or none that you have a grant on")]
    NoServer,
    #[error("this method is not answered here")]
    HttpMethod,
    #[error("the body must be application/json")]
    MediaType,
    #[error("the body is longer than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the body did not arrive in time")]
    BodyLate,
    #[error("the body broke off")]
    BodyBroken,
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Headers(#[from] HeaderError),
    /// An unknown, ended or foreign session id.
    #[error("there is no such session; send `initialize` again")]
    NoSession,
    /// A session id that opens nothing for this caller: told as one that has ended.
    #[error("there is no such session; send `initialize` again")]
    ForeignSession,
    /// A method that is off for this server, or that nobody knows.
    #[error("Method not found: {method}")]
    Method { method: String },
    /// Parameters that the gateway itself has to understand, and does not.
    #[error("{0}")]
    Params(&'static str),
    /// All the caller's grants on the server are suspended.
    #[error("the grant is suspended")]
    Suspended,
    /// The app may do less than this; the person can allow it more.
    #[error("this app was allowed to read only; connect it again and allow it to change things")]
    Scope(Recorded),
    /// The caller has as many streams open as are allowed.
    #[error("too many streams are open; close one first")]
    Streams,
    /// The input of a further round for which nothing waits here: invented, changed, of somebody else, or too late.
    #[error("this `requestState` is not valid here, or not any more; send the request anew without it")]
    Round,
    /// The intent record could not be kept, so the call must not happen.
    #[error("the call cannot be recorded now, so it was not made; try again")]
    NotRecorded,
    /// What waits for this request hangs on a gateway process that is gone.
    #[error("the gateway process that held this is gone; whether the request took effect is unknown")]
    HolderGone,
    #[error(transparent)]
    Upstream(#[from] UpstreamFailure),
}

/// Whether a failure left its record already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    Yes,
    No,
}

/// What the caller presented for authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presented {
    Nothing,
    SomethingElse,
}

/// What went wrong at or on the way to the upstream.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum UpstreamFailure {
    /// The server is reached through a tunnel and no connector is here.
    #[error("no connector of this server is connected; start it with `portcullis connect`")]
    NoConnector,
    /// The server's connector hangs on another gateway process, which cannot be reached from here.
    #[error("the server's connector is connected to another gateway process, which this one cannot reach")]
    ConnectorElsewhere,
    /// Not a byte was delivered.
    #[error("the server could not be reached: {0}")]
    Unreachable(String),
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// No answer in time; it may still be working.
    #[error("the server did not answer in time; whether the request took effect is unknown")]
    Late,
    /// The answer broke off; it may have taken effect.
    #[error("the server's answer broke off: {0}; whether the request took effect is unknown")]
    Broken(String),
    /// What came is not an answer in MCP's terms.
    #[error("the server's answer is not valid MCP: {0}")]
    Invalid(String),
    /// The answer is larger than is passed on.
    #[error("the server's answer is larger than {limit} bytes")]
    TooLarge { limit: usize },
    /// The gateway holds as much as it may, in all or for this account.
    #[error("the gateway cannot hold the server's answer now; try again")]
    NoRoom,
    /// It asks for what the client did not say that it can give.
    #[error("the server needs `{0}`, which this client cannot answer or the server's settings keep back")]
    Unsupported(&'static str),
    /// It asked the client for something and did not get it.
    #[error("the server asked for input that did not come")]
    NoInput,
    /// A JSON-RPC error where the gateway itself asked.
    #[error("the server refused with error {code}{}", said(.words))]
    Refused { code: i64, words: String },
    /// An HTTP status instead of an answer.
    #[error("the server answered HTTP {status}{}", said(.words))]
    Status { status: u16, words: String },
}

fn said(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(": {words}") }
}

impl Failure {
    /// A method that does not pass, named as far as a name goes.
    pub(crate) fn method(name: &str) -> Self {
        Self::Method { method: name.chars().take(METHOD_CHARS).collect() }
    }

    /// A status of the server's that is no answer.
    pub(crate) fn status(status: StatusCode, words: String) -> Self {
        UpstreamFailure::Status { status: status.as_u16(), words }.into()
    }

    /// The stable word for records and for `error.data.reason`.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Busy | Self::Crowded => "busy",
            Self::Guard(GuardError::Host) => "foreign_host",
            Self::Guard(GuardError::Origin) => "foreign_origin",
            Self::Unauthenticated(_) => "unauthenticated",
            Self::Unavailable => "unavailable",
            Self::NoServer => "no_such_server",
            Self::HttpMethod => "http_method",
            Self::MediaType => "media_type",
            Self::TooLarge { .. } => "too_large",
            Self::BodyLate => "body_late",
            Self::BodyBroken => "body_broken",
            Self::Read(error) => error.fault.label(),
            Self::Headers(_) => "header_mismatch",
            Self::NoSession | Self::ForeignSession => "no_such_session",
            Self::Method { .. } => "method_off",
            Self::Params(_) => "wrong_params",
            Self::Suspended => "grant_suspended",
            Self::Scope(_) => "insufficient_scope",
            Self::Streams => "too_many_streams",
            Self::Round => "no_such_round",
            Self::NotRecorded => "not_recorded",
            Self::HolderGone => "gateway_gone",
            Self::Upstream(failure) => failure.reason(),
        }
    }

    /// Whether a server was slow or could not be reached, so that it is waited for less for a while.
    pub(crate) fn is_away(&self) -> bool {
        matches!(
            self,
            Self::Upstream(UpstreamFailure::Late | UpstreamFailure::Unreachable(_) | UpstreamFailure::Broken(_))
        )
    }

    /// Whether there is no connector to reach a server by, which is known at once and is no slowness of the server's.
    pub(crate) fn is_for_want_of_a_connector(&self) -> bool {
        matches!(self, Self::Upstream(UpstreamFailure::NoConnector | UpstreamFailure::ConnectorElsewhere))
    }

    /// Whether it is the message's own fault, which is recorded for the account to see.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::MediaType
                | Self::TooLarge { .. }
                | Self::Read(_)
                | Self::Headers(_)
                | Self::ForeignSession
                | Self::Method { .. }
                | Self::Params(_)
                | Self::Suspended
                | Self::Scope(Recorded::No)
                | Self::Round
        )
    }
}

impl UpstreamFailure {
    fn reason(&self) -> &'static str {
        match self {
            Self::NoConnector => "no_connector",
            Self::ConnectorElsewhere => "connector_elsewhere",
            Self::Unreachable(_) => "upstream_unreachable",
            Self::Credential(_) => "upstream_credential",
            Self::Late => "upstream_timeout",
            Self::Broken(_) => "upstream_broken",
            Self::Invalid(_) => "upstream_invalid",
            Self::TooLarge { .. } => "upstream_too_large",
            Self::NoRoom => "no_room",
            Self::Unsupported(_) => "input_unsupported",
            Self::NoInput => "no_input",
            Self::Refused { .. } => "upstream_refused",
            Self::Status { .. } => "upstream_status",
        }
    }
}
