//! `/oauth/callback`: where authorization servers of upstream servers send browsers back to; and the document that says who we
//! are to them.
//!
//! The address holds a code, so nobody is sent on to log in with it: who is not signed in any more begins again.

use accounts::{CALLBACK_PATH, CLIENT_DOCUMENT_PATH, ConnectError, ConnectionAnswer};
use askama::Template;
use axum::{Json, response::IntoResponse as _};
use http::StatusCode;
use serde::Deserialize;
use web_kit::{Answer, Anyone, Flash, Keep, Problem, Query, Visit, go_to_with, html};

use super::server::told;
use crate::{
    routes::{Routes, Who},
    shell::Shell,
};

#[derive(Template)]
#[template(path = "servers/oauth_failed.html")]
struct FailedPage {
    shell: Shell,
    words: String,
}

/// The query of an authorization response (RFC 6749 §4.1.2, RFC 9207 §2).
#[derive(Deserialize, Default)]
#[serde(default)]
struct Brought {
    state: String,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get(CALLBACK_PATH, Who::Anyone, back).get(CLIENT_DOCUMENT_PATH, Who::Anyone, document)
}

async fn back(visit: Visit<Anyone>, Query(brought): Query<Brought>) -> Answer {
    let Some(visitor) = &visit.who().0 else {
        return failed(&visit, "you are not signed in here any more: log in and connect again".to_owned());
    };
    let answer = ConnectionAnswer {
        state: brought.state,
        code: brought.code,
        iss: brought.iss,
        error: brought.error,
        error_description: brought.error_description,
    };
    let finished = match visit.accounts().finish_connection(visitor, &answer).await {
        Ok(finished) => finished,
        Err(error @ ConnectError::Other(_)) => return failed(&visit, told(error)?),
        Err(error) => return failed(&visit, told(error)?),
    };
    let flash = match finished.outcome {
        Ok(()) => Flash::done("Connected. Every gateway knows within seconds. If an app sent you here, go back to it."),
        Err(error) => Flash::note(format!("Not connected: {}.", told(error)?)),
    };
    let address = format!("/app/{}/servers/{}#connect", finished.account, finished.server);
    Ok(go_to_with(visit.kit(), &address, &flash))
}

fn failed(visit: &Visit<Anyone>, words: String) -> Answer {
    // The page's own address, which its head leads back to, holds a code.
    let shell = Shell { here: "/".to_owned(), ..Shell::public(visit, "Not connected") };
    let page = FailedPage { shell, words };
    let text = page.render().map_err(|error| Problem::internal("rendering a page", &error))?;
    Ok(html(StatusCode::BAD_REQUEST, text, Keep::Not))
}

async fn document(visit: Visit<Anyone>) -> Answer {
    let document = visit.accounts().client_document().ok_or(Problem::NotFound)?;
    Ok(Json(document).into_response())
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use crate::testing::Site;

    #[tokio::test]
    async fn an_answer_that_nobody_waits_for_is_told_plainly() {
        let site = Site::new().await;
        let path = "/oauth/callback?state=ours.x&code=canary";
        let seen = site.anonymous().open_once(path).await;
        assert_eq!((seen.status, seen.h1().as_str()), (StatusCode::BAD_REQUEST, "Not connected"));
        assert!(seen.text.contains("not signed in") && !seen.text.contains("canary"));
        let seen = site.browser(&site.ours().owner).open_once(path).await;
        assert_eq!(seen.status, StatusCode::BAD_REQUEST);
        assert!(seen.text.contains("not expected") && !seen.text.contains("canary"), "{}", seen.text);
        assert_eq!(seen.header("cache-control"), "no-store");
    }

    #[tokio::test]
    async fn who_we_are_is_told_to_everyone() {
        let site = Site::new().await;
        let seen = site.anonymous().open_once("/oauth/client-metadata.json").await;
        assert_eq!(seen.status, StatusCode::OK);
        assert!(seen.text.contains("https://gateway.example/oauth/callback"), "{}", seen.text);
    }
}
