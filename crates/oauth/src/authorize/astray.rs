//! The page for a request that cannot be answered to its client, because it is not certain who that is or where it lives. Sending
//! anything on from here would make this server a redirector for whoever wrote the link (RFC 9700 §4.11).

use askama::Template;
use http::StatusCode;
use web_kit::{Answer, Anyone, Keep, Problem, Visit, html};

use crate::{Oauth, shell::Shell};

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Astray {
    /// A parameter is not there.
    Missing(&'static str),
    /// A parameter is there twice.
    Twice(String),
    /// The client is not known; why, in words.
    Client(String),
    /// The redirect URI is not the client's.
    Redirect {
        /// How the client names itself.
        client: String,
        /// What it sent.
        uri: String,
    },
    /// It could not be come back to after log-in.
    TooLong,
}

#[derive(Template)]
#[template(path = "oauth/astray.html")]
struct AstrayPage {
    shell: Shell,
    what: String,
    redirect: Option<String>,
    hint: &'static str,
    request_id: String,
}

const START_AGAIN: &str = "Nothing was allowed. Go back to the app and connect it again; if that does not help, remove the connection there and \
                           add it anew, so that it registers itself once more.";

impl Astray {
    /// The page.
    pub(crate) fn page(self, visit: &Visit<Anyone>, oauth: &Oauth) -> Answer {
        let title = "This app cannot be connected like this";
        let shell = Shell::new(visit.stage(), visit.who().0.as_ref(), title, oauth.look().asset);
        let redirect = if let Self::Redirect { uri, .. } = &self { Some(crate::answers::plain(uri)) } else { None };
        let request_id = visit.stage().request_id.to_string();
        let page = AstrayPage { shell, what: self.words(), redirect, hint: START_AGAIN, request_id };
        let text = page.render().map_err(|error| Problem::internal("rendering a page", &error))?;
        Ok(html(StatusCode::BAD_REQUEST, text, Keep::Not))
    }

    fn words(self) -> String {
        match self {
            Self::Missing(name) => format!("The app’s request does not say its {name}."),
            Self::Twice(name) => format!("The app’s request says {name} more than once."),
            Self::Client(why) => format!("The app that sent you here is not known: {why}."),
            Self::Redirect { client, .. } => {
                format!(
                    "{client} asked for the answer at an address that it never said was its own, so nothing is sent there:"
                )
            }
            Self::TooLong => "The app’s request is longer than this server reads.".to_owned(),
        }
    }
}
