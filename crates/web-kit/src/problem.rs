//! Everything that can go wrong with a request, and its status. Nobody else writes an error status.

use axum::response::{IntoResponse, Response};
use domain::{Permission, Role};
use http::StatusCode;

use crate::LocalPath;

/// Why a request got no page of its own. Returned by handlers; [`crate::Kit::protect`] makes a page of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// There is no such thing, or it belongs to another account: the two look alike.
    NotFound,
    /// What an address stood for is over; said in words of its own, and no different from what never was.
    Over {
        /// The heading.
        title: &'static str,
        /// What is over and what to do.
        what: &'static str,
    },
    /// The caller's role does not allow it.
    NotAllowed {
        /// What is needed, in words: "needs the role admin".
        needs: String,
    },
    /// No session, or it has ended.
    LoggedOut {
        /// Where to go on after log-in.
        next: LocalPath,
    },
    /// The request did not come from our own pages.
    CrossSite,
    /// The request was meant for another host.
    WrongHost {
        /// Where we can be reached.
        origin: String,
    },
    /// The form could not be read.
    Unreadable {
        /// What was wrong with it.
        why: String,
    },
    /// The form is larger than we read.
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// Another change came first.
    Conflict {
        /// What happened, in words.
        what: String,
    },
    /// The path is right, the method is not.
    WrongMethod,
    /// Something we need is away for the moment.
    Unavailable,
    /// A fault of ours; what it was is in the log, never on the page.
    Internal,
}

/// What the error page says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorView {
    /// The status.
    pub status: StatusCode,
    /// The heading.
    pub title: &'static str,
    /// What happened and what to do.
    pub text: String,
    /// Where to go from here: address and words.
    pub way_on: (String, &'static str),
    /// The form that could not be saved and can be sent again with one press, after logging in elsewhere.
    pub form: Option<LostForm>,
}

/// A form that was sent and could not be saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostForm {
    /// Where it goes.
    pub action: String,
    /// What was typed, to be read: names and values, nothing empty, nothing secret.
    pub typed: Vec<(String, String)>,
    /// All that it sends, in its order, without passwords.
    pub fields: Vec<(String, String)>,
}

impl Problem {
    /// Logs the cause of a fault of ours, once, and gives the problem that is shown instead.
    pub fn internal(what: &'static str, error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(what, error, "request failed");
        Self::Internal
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound | Self::Over { .. } => StatusCode::NOT_FOUND,
            Self::NotAllowed { .. } | Self::CrossSite => StatusCode::FORBIDDEN,
            Self::LoggedOut { .. } => StatusCode::UNAUTHORIZED,
            Self::WrongHost { .. } => StatusCode::MISDIRECTED_REQUEST,
            Self::Unreadable { .. } => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Conflict { .. } => StatusCode::CONFLICT,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(crate) fn view(&self) -> ErrorView {
        let home = ("/app".to_owned(), "Go to your account");
        let (title, text, way_on) = match self {
            Self::Over { title, what } => (*title, (*what).to_owned(), home),
            Self::NotFound => ("Not found", NOT_FOUND.to_owned(), home),
            Self::NotAllowed { needs } => (
                "Not allowed",
                format!("Your role does not allow this: it {needs}. Ask an owner or admin of the account."),
                home,
            ),
            Self::LoggedOut { next } => ("You are logged out", LOGGED_OUT.to_owned(), (next.through_login(), "Log in")),
            Self::CrossSite => ("Refused", CROSS_SITE.to_owned(), home),
            Self::WrongHost { origin } => {
                ("Another address", format!("This page is served at {origin} only."), (origin.clone(), "Open it there"))
            }
            Self::Unreadable { why } => (
                "The form could not be read",
                format!("Nothing was saved: {why}. Go back in your browser: what you typed is still there."),
                home,
            ),
            Self::TooLarge { limit } => (
                "Too large",
                format!(
                    "Nothing was saved: at most {} KiB can be sent at once. Go back in your browser: what you typed is still there.",
                    limit / 1024
                ),
                home,
            ),
            Self::Conflict { what } => ("Changed meanwhile", what.clone(), home),
            Self::WrongMethod => ("Not found", "Nothing answers to that here.".to_owned(), home),
            Self::Unavailable => ("Not available right now", UNAVAILABLE.to_owned(), home),
            Self::Internal => ("Something went wrong", INTERNAL.to_owned(), home),
        };
        ErrorView { status: self.status(), title, text, way_on, form: None }
    }
}

impl From<accounts::Error> for Problem {
    fn from(error: accounts::Error) -> Self {
        match error {
            accounts::Error::NotFound => Self::NotFound,
            accounts::Error::NotAllowed { needs } => Self::NotAllowed { needs: least_role(needs) },
            accounts::Error::Invalid(faults) => Self::Unreadable { why: words(&faults) },
            accounts::Error::Rule(rule) => Self::Conflict { what: rule.to_string() },
            accounts::Error::Busy => Self::Unavailable,
            other => Self::internal("a use case failed", &other),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

fn least_role(needs: Permission) -> String {
    let role = Role::ALL.into_iter().find(|role| role.may(needs)).unwrap_or(Role::Owner);
    format!("needs the role {}", role.as_str().replace('_', " "))
}

fn words(faults: &[accounts::Fault]) -> String {
    let each: Vec<_> = faults.iter().map(|fault| format!("{} {}", fault.field, fault.message)).collect();
    each.join("; ")
}

const NOT_FOUND: &str = "There is nothing here, or it belongs to an account that you are not a member of.";
const LOGGED_OUT: &str = "Your session has ended, so nothing was saved. Log in and send it again.";
const CROSS_SITE: &str = "This request did not come from a page of this site, so nothing was done. If you pressed a button here, go back in your \
                          browser: what you typed is still there. Reload the page and try again.";
const UNAVAILABLE: &str = "Something Portcullis needs does not answer. Nothing was lost; try again in a moment.";
const INTERNAL: &str = "That is our fault, not yours. The request id below finds it in the log.";
