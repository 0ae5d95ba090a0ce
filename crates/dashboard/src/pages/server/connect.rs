//! Step 1: the connector, or the URL; a panel that turns live, and new connect lines.

use accounts::{ConnectorRow, LiveConnector, ServerView};
use askama::Template;
use axum::response::Response;
use domain::{ConnectToken, ConnectorId, Permission, ServerSlug, Transport};
use http::{HeaderName, HeaderValue};
use serde::Deserialize;
use web_kit::{Answer, Flash, Member, Path, Visit, go_to_with};

use super::{Extra, Named, base, connectors::LiveLine, load, oauth::OAuthPanel};
use crate::{
    page::{id, page, page_with_secret},
    pages::standing::{Seen, Standing},
    routes::{Routes, Who},
    show::{self, Time},
    words,
};

/// The panel: how the server stands, and how to bring its connector up.
#[derive(Template)]
#[template(path = "servers/connect.html")]
pub(crate) struct Connect {
    base: String,
    may_manage: bool,
    tunnel: bool,
    url: String,
    /// The line to run, shown once.
    line: Option<String>,
    environment: Vec<(&'static str, &'static str, &'static str)>,
    state: ConnectState,
    has_lines: bool,
    /// How it is connected by OAuth, where it is.
    oauth: Option<OAuthPanel>,
}

/// The part of the panel that turns live.
#[derive(Template, Clone)]
#[template(path = "servers/connect_state.html")]
pub(crate) struct ConnectState {
    tunnel: bool,
    /// The connectors that are there now.
    live: Vec<LiveLine>,
    /// This version.
    ours: &'static str,
    /// Through what it is reached, in words.
    through: String,
    tools: usize,
    counted: String,
    trouble: Option<String>,
    standing: Standing,
    base: String,
}

/// A connect line that is in force, on the settings page.
pub(crate) struct ConnectorLine {
    pub(crate) id: String,
    pub(crate) about: String,
    pub(crate) created: Time,
    /// Whether a connector with it is there now.
    pub(crate) here: bool,
    /// When one last came or went.
    pub(crate) last_seen: Option<Time>,
    /// When it ends, because it was replaced.
    pub(crate) ends: Option<Time>,
}

#[derive(Deserialize)]
struct OfConnector {
    server: String,
    connector: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    let manage = Who::Member(Permission::ManageServers);
    routes
        .get("/app/{account}/servers/{server}/live/connect", Who::Member(Permission::View), live)
        .post("/app/{account}/servers/{server}/connectors", manage, new_line)
        .post("/app/{account}/servers/{server}/connectors/{connector}/replace", manage, replace)
        .post("/app/{account}/servers/{server}/connectors/{connector}/revoke", manage, revoke)
}

impl Connect {
    pub(crate) fn of(server: &ServerView, base: &str, token: Option<&ConnectToken>, may_manage: bool) -> Self {
        let known = server.kind;
        let command = known.map_or("YOUR-SERVER-COMMAND", |known| known.run.command.as_str());
        let environment = known.map(|known| known.run.environment.as_slice()).unwrap_or_default();
        let (tunnel, url) = match &server.transport {
            Transport::Tunnel => (true, String::new()),
            Transport::Http { url } => (false, url.clone()),
        };
        Self {
            base: base.to_owned(),
            may_manage,
            tunnel,
            url,
            line: token.map(|token| format!("portcullis connect {token} -- {command}")),
            environment: environment
                .iter()
                .map(|e| (e.name.as_str(), e.example.as_str(), e.meaning.as_str()))
                .collect(),
            state: ConnectState::of(server, base),
            has_lines: !server.connectors.is_empty(),
            oauth: None,
        }
    }

    /// The same with how it is connected by OAuth.
    pub(crate) fn with(self, oauth: Option<OAuthPanel>) -> Self {
        Self { oauth, ..self }
    }

    /// Whether it has to be connected by OAuth first: until then there is nothing to see, and what it said is no news.
    fn waits_for_a_person(&self) -> bool {
        self.oauth.as_ref().is_some_and(|oauth| !oauth.is_connected())
    }

    /// Whether this step is behind the reader.
    pub(crate) fn done(&self) -> bool {
        self.state.done() && !self.waits_for_a_person()
    }
}

impl ConnectorLine {
    pub(crate) fn of(row: &ConnectorRow, connected: &[LiveConnector]) -> Self {
        Self {
            here: connected.iter().any(|one| one.connector == row.id),
            id: row.id.to_string(),
            about: row.about.as_deref().map(words::visible).unwrap_or_default(),
            created: row.created_at.into(),
            last_seen: row.seen_at.map(Time::from),
            ends: row.ends_at.map(Time::from),
        }
    }
}

impl ConnectState {
    fn of(server: &ServerView, base: &str) -> Self {
        let live: Vec<LiveLine> = server.connected.iter().map(LiveLine::of).collect();
        let through = match live.as_slice() {
            [] => String::new(),
            [one] => one.about.clone(),
            several => show::count(several.len(), "connector", "connectors"),
        };
        Self {
            tunnel: server.transport == Transport::Tunnel,
            live,
            ours: env!("CARGO_PKG_VERSION"),
            through,
            tools: server.tools.len(),
            counted: show::count(server.tools.len(), "tool", "tools"),
            trouble: server.tools_error.as_deref().map(words::visible),
            standing: Standing::of(&server.standing, &server.transport),
            base: base.to_owned(),
        }
    }

    fn done(&self) -> bool {
        self.tools > 0
    }

    fn last_seen(&self) -> Option<&Time> {
        match &self.standing.seen {
            Seen::At(at) => Some(at),
            Seen::Now | Seen::Never => None,
        }
    }

    fn connected(&self) -> bool {
        !self.live.is_empty()
    }
}

/// Marks a part that will not change any more, so that `live.js` stops asking.
pub(crate) fn finished(mut response: Response, done: bool) -> Response {
    if done {
        response.headers_mut().insert(HeaderName::from_static("x-live"), HeaderValue::from_static("done"));
    }
    response
}

async fn live(visit: Visit<Member>, Path(named): Path<Named>) -> Answer {
    let slug: ServerSlug = id(&named.server)?;
    let server = visit.accounts().server(visit.caller(), &slug).await?;
    let state = ConnectState::of(&server, &base(&visit, &slug));
    let done = state.done() && (state.connected() || !state.tunnel);
    Ok(finished(page(&state)?, done))
}

async fn new_line(visit: Visit<Member>, Path(named): Path<Named>) -> Answer {
    let slug: ServerSlug = id(&named.server)?;
    let server = visit.accounts().server(visit.caller(), &slug).await?;
    let created = visit.accounts().new_connector(visit.caller(), server.id).await?;
    let extra = Extra { connect: Some(created.token), answers_form: true, ..Extra::default() };
    page_with_secret(&load(&visit, &slug, extra).await?)
}

async fn replace(visit: Visit<Member>, Path(of): Path<OfConnector>) -> Answer {
    let (slug, connector): (ServerSlug, ConnectorId) = (id(&of.server)?, id(&of.connector)?);
    let server = visit.accounts().server(visit.caller(), &slug).await?;
    let created = visit.accounts().replace_connector(visit.caller(), server.id, connector).await?;
    let extra = Extra { connect: Some(created.token), answers_form: true, ..Extra::default() };
    page_with_secret(&load(&visit, &slug, extra).await?)
}

async fn revoke(visit: Visit<Member>, Path(of): Path<OfConnector>) -> Answer {
    let (slug, connector): (ServerSlug, ConnectorId) = (id(&of.server)?, id(&of.connector)?);
    let server = visit.accounts().server(visit.caller(), &slug).await?;
    visit.accounts().revoke_connector(visit.caller(), server.id, connector).await?;
    let done = Flash::done("The connect line is revoked; a connector that used it is cut off.");
    Ok(go_to_with(visit.kit(), &format!("{}/settings", base(&visit, &slug)), &done))
}
