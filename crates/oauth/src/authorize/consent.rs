//! The page that asks: who wants to act for the person, where, to do what.

use accounts::{AuthorizeError, ClientKind, ConsentView, Membership, RedirectKind, Visitor};
use askama::Template;
use axum::response::Response;
use domain::{Name, Scope};
use http::StatusCode;
use web_kit::{Answer, Anyone, Keep, Problem, Visit, html};

use super::{asked::Asked, words};
use crate::{Oauth, shell::Shell};

#[derive(Template)]
#[template(path = "oauth/consent.html")]
struct ConsentPage {
    shell: Shell,
    here: String,
    note: Option<&'static str>,
    client: String,
    /// The host of its metadata document; none for one that registered itself.
    host: Option<String>,
    returns_to: String,
    local: bool,
    reaches: String,
    servers: Vec<ServerLine>,
    /// What to say beside a scope, to who allowed the client something before.
    read_tag: Option<&'static str>,
    write_tag: Option<&'static str>,
    offers_write: bool,
    write_words: String,
    life: &'static str,
    request: String,
    person: String,
}

/// A server that could be reached.
struct ServerLine {
    slug: String,
    name: String,
    words: String,
}

/// For who is signed in and not a member.
#[derive(Template)]
#[template(path = "oauth/outsider.html")]
struct OutsiderPage {
    shell: Shell,
    here: String,
    note: Option<&'static str>,
    client: String,
    url: String,
    request: String,
    person: String,
}

/// What happened to the answer before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// The page was made for somebody else.
    OtherPerson,
    /// The invitation leads nowhere.
    InvitationOver,
}

impl Note {
    fn words(self) -> &'static str {
        match self {
            Self::OtherPerson => {
                "Nothing was allowed: you are signed in as somebody else than when this page was made. Look again who it is for."
            }
            Self::InvitationOver => {
                "This invitation was used or revoked, or is over. Ask whoever sent it for a new one."
            }
        }
    }
}

/// The page for this person.
pub(crate) async fn page(
    visit: &Visit<Anyone>,
    oauth: &Oauth,
    visitor: &Visitor,
    asked: &Asked,
    note: Option<Note>,
) -> Answer {
    let view = match oauth.accounts().consent_view(visitor, &asked.request).await {
        Ok(view) => view,
        Err(AuthorizeError::Other(error)) => return Err(error.into()),
        Err(other) => return Err(Problem::internal("a consent page could not be made", &other)),
    };
    let round = Round { visit, oauth, visitor, asked, note: note.map(Note::words) };
    match &view.membership {
        Membership::Member { account_name, .. } => round.consent(account_name, &view),
        Membership::Stranger => round.outsider(),
    }
}

/// What both pages are made from.
struct Round<'a> {
    visit: &'a Visit<Anyone>,
    oauth: &'a Oauth,
    visitor: &'a Visitor,
    asked: &'a Asked,
    note: Option<&'static str>,
}

impl Round<'_> {
    fn consent(&self, account: &Name, view: &ConsentView) -> Answer {
        let request = &self.asked.request;
        let client = request.client.name.to_string();
        let before = |scope: Scope| view.before.map(|had| if had.contains(scope) { "as before" } else { "new" });
        let page = ConsentPage {
            shell: self.shell(&format!("Let {client} use {account}?")),
            here: self.asked.here.as_str().to_owned(),
            note: self.note,
            host: match &request.client.kind {
                ClientKind::Document { host } => Some(host.clone()),
                ClientKind::Registered => None,
            },
            client,
            returns_to: words::returns_to(&request.redirect),
            local: !matches!(request.redirect.kind(), RedirectKind::Web { .. }),
            reaches: words::reaches(account, &request.resource),
            servers: view.servers.iter().map(line).collect(),
            read_tag: before(Scope::Read),
            write_tag: before(Scope::Write),
            offers_write: request.scopes.contains(Scope::Write),
            write_words: words::changes(&view.servers),
            life: words::life(request.scopes),
            request: self.asked.query.clone(),
            person: self.visitor.user.to_string(),
        };
        self.show(&page)
    }

    fn outsider(&self) -> Answer {
        let request = &self.asked.request;
        let page = OutsiderPage {
            shell: self.shell("You are not a member here"),
            here: self.asked.here.as_str().to_owned(),
            note: self.note,
            client: request.client.name.to_string(),
            url: request.resource.canonical.clone(),
            request: self.asked.query.clone(),
            person: self.visitor.user.to_string(),
        };
        self.show(&page)
    }

    fn shell(&self, title: &str) -> Shell {
        let shell = Shell::new(self.visit.stage(), Some(self.visitor), title, self.oauth.look().asset);
        // Also on a page that answers a form: who changes the colours comes back to the question.
        Shell { here: self.asked.here.as_str().to_owned(), ..shell }
    }

    /// Both pages have a form that ends at the client.
    fn show(&self, page: &impl Template) -> Result<Response, Problem> {
        let text = page.render().map_err(|error| Problem::internal("rendering a page", &error))?;
        let mut response = html(StatusCode::OK, text, Keep::Not);
        if let Some(target) = self.asked.back.target() {
            target.allow(&mut response);
        }
        Ok(response)
    }
}

fn line(server: &accounts::ConsentServer) -> ServerLine {
    ServerLine { slug: server.slug.to_string(), name: server.name.to_string(), words: words::tools(&server.tools) }
}
