//! `/authorize`: the client's request is read, the person logs in, is asked, and the answer goes back to the client.
//!
//! Until the redirect URI was found to be the client's own, whatever is wrong is told on a page of ours ([`astray`]); from then on it is
//! told to the client ([`redirect`]). That is decided before anybody logs in, so that a log-in is never followed by an error.

mod asked;
mod astray;
mod consent;
mod redirect;
mod words;

use accounts::AuthorizeError;
use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use domain::{Scope, Scopes};
use serde::Deserialize;
use web_kit::{Answer, Anyone, Form, Problem, Visit, Visitor, go_to};

use self::{
    asked::{Asked, Wrong},
    consent::Note,
    redirect::Told,
};
use crate::Oauth;

/// What the consent page sends.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Typed {
    /// The client's request, as its query was.
    request: String,
    /// Whom the page was made for.
    person: String,
    /// Ticked when the app may change things.
    write: String,
    /// Which button.
    answer: String,
    /// An invitation's link, from who is not a member yet.
    invite: String,
}

/// `GET /authorize`
pub(crate) async fn ask(
    visit: Visit<Anyone>,
    State(oauth): State<Oauth>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = query.unwrap_or_default();
    match Asked::read(&oauth, &query, visit.address()).await? {
        Ok(asked) => put(&visit, &oauth, &asked, None).await,
        Err(wrong) => told(&visit, &oauth, wrong),
    }
}

/// `POST /authorize`: the person's answer. The whole request is read anew: the page is only its bearer.
pub(crate) async fn answer(
    visit: Visit<Anyone>,
    State(oauth): State<Oauth>,
    Form(typed): Form<Typed>,
) -> Result<Response, Problem> {
    let asked = match Asked::read(&oauth, &typed.request, visit.address()).await? {
        Ok(asked) => asked,
        Err(wrong) => return told(&visit, &oauth, wrong),
    };
    let Some(visitor) = &visit.who().0 else { return put(&visit, &oauth, &asked, None).await };
    if typed.person != visitor.user.to_string() {
        return put(&visit, &oauth, &asked, Some(Note::OtherPerson)).await;
    }
    match typed.answer.as_str() {
        "allow" => allow(&visit, &oauth, &asked, visitor, scopes(&asked, &typed)).await,
        "deny" => Ok(deny(&oauth, &asked)),
        "join" => join(&visit, &oauth, &asked, visitor, &typed.invite).await,
        _ => put(&visit, &oauth, &asked, None).await,
    }
}

/// Asks the person, once it is known who they are.
async fn put(visit: &Visit<Anyone>, oauth: &Oauth, asked: &Asked, note: Option<Note>) -> Answer {
    match &visit.who().0 {
        Some(visitor) => consent::page(visit, oauth, visitor, asked, note).await,
        None => Ok(go_to(&asked.here.through_login())),
    }
}

fn told(visit: &Visit<Anyone>, oauth: &Oauth, wrong: Wrong) -> Answer {
    match wrong {
        Wrong::Astray(astray) => astray.page(visit, oauth),
        Wrong::Back(back, fault) => {
            Ok(back.go(&Told::Error { code: fault.code, description: &fault.description }, oauth.issuer()))
        }
    }
}

/// What the person ticked, of what the client asked for.
fn scopes(asked: &Asked, typed: &Typed) -> Scopes {
    let asked = asked.request.scopes;
    if typed.write == "yes" { asked } else { asked.without(Scope::Write) }
}

async fn allow(visit: &Visit<Anyone>, oauth: &Oauth, asked: &Asked, visitor: &Visitor, scopes: Scopes) -> Answer {
    match oauth.accounts().allow_app(visitor, &asked.request, scopes).await {
        Ok(code) => Ok(asked.back.go(&Told::Code(code.expose()), oauth.issuer())),
        Err(AuthorizeError::Other(error)) => Err(error.into()),
        // Not a member, or not any more: the page says what to do.
        Err(_) => put(visit, oauth, asked, None).await,
    }
}

fn deny(oauth: &Oauth, asked: &Asked) -> Response {
    asked.back.go(&Told::Error { code: "access_denied", description: "the person did not allow it" }, oauth.issuer())
}

/// Joins the account by an invitation, and asks again.
async fn join(visit: &Visit<Anyone>, oauth: &Oauth, asked: &Asked, visitor: &Visitor, link: &str) -> Answer {
    let token = link.trim().rsplit('/').next().unwrap_or_default();
    match oauth.accounts().accept_invite(visitor, token).await {
        Ok(_) => Ok(go_to(asked.here.as_str())),
        Err(accounts::Error::NotFound) => put(visit, oauth, asked, Some(Note::InvitationOver)).await,
        Err(other) => Err(other.into()),
    }
}

#[cfg(test)]
mod tests;
