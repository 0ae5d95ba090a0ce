//! Being connected by OAuth: how the connection stands, connecting and disconnecting, and choosing it in the first place.

use accounts::{
    Ailment, ConnectError, ConnectionHealth, ConnectionView, GivenClient, OAuthForm, OAuthView, StartedConnection,
};
use askama::Template;
use domain::{ConnectionId, Permission, Secret, ServerSlug, Sharing};
use http::{HeaderName, HeaderValue};
use serde::Deserialize;
use web_kit::{Answer, Flash, Form, Member, Path, Problem, Visit, go_to_with};

use super::{Named, base, settings};
use crate::{
    form::{Choice, Errors, Input},
    page::{form_again, id, page_with_secret},
    routes::{Routes, Who},
    shell::{Shell, Tab},
    show::Time,
    words::{self, Badge},
};

/// The inputs by the fields of the use case.
const INPUTS: &[Input] = &[
    Input::same("sharing", "The way of signing in"),
    Input::same("client_id", "The client id"),
    Input::same("client_secret", "The client secret"),
    Input::same("scope", "The scopes"),
];

/// How a server's connections stand, for its page.
#[derive(Template)]
#[template(path = "servers/oauth.html")]
pub(crate) struct OAuthPanel {
    base: String,
    per_member: bool,
    may_connect: bool,
    own: Option<ConnectionLine>,
    others: Vec<ConnectionLine>,
    /// What the server asked for besides.
    wanted: Option<String>,
}

/// One connection.
pub(crate) struct ConnectionLine {
    id: String,
    of: String,
    badge: Badge,
    dead: bool,
    says: String,
    issuer: String,
    scope: Option<String>,
    by: String,
    at: Time,
    refreshed: Time,
    next: Option<Time>,
    ends: Option<Time>,
}

/// The part of the settings page.
#[derive(Template)]
#[template(path = "servers/oauth_settings.html")]
pub(crate) struct OAuthSettings {
    base: String,
    errors: Errors,
    sharings: Vec<Choice>,
    client_id: String,
    has_client: bool,
    scope: String,
    callback_url: String,
}

/// On the way to the authorization server.
#[derive(Template)]
#[template(path = "servers/oauth_go.html")]
struct GoPage {
    shell: Shell,
    url: String,
    host: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Typed {
    sharing: String,
    client_id: String,
    client_secret: String,
    scope: String,
}

#[derive(Deserialize)]
struct OfConnection {
    server: String,
    connection: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    let own = Who::Member(Permission::OwnKeys);
    routes
        .post("/app/{account}/servers/{server}/oauth", Who::Member(Permission::ManageServers), save)
        .post("/app/{account}/servers/{server}/oauth/connect", own, connect)
        .post("/app/{account}/servers/{server}/oauth/{connection}/disconnect", own, disconnect)
}

impl OAuthPanel {
    pub(crate) fn of(view: OAuthView, base: &str, may_manage: bool) -> Self {
        let per_member = view.sharing == Sharing::Member;
        let own_id = view.own.as_ref().map(|own| own.id);
        let others = view.connections.into_iter().filter(|one| Some(one.id) != own_id);
        Self {
            base: base.to_owned(),
            per_member,
            may_connect: per_member || may_manage,
            own: view.own.map(ConnectionLine::of),
            others: others.map(ConnectionLine::of).collect(),
            wanted: view.needed_scope.map(|scope| words::visible(&scope)),
        }
    }

    /// The same with the reader's own, or everyone's, and no other's.
    pub(crate) fn alone(self) -> Self {
        Self { others: Vec::new(), ..self }
    }

    pub(crate) fn per_member(&self) -> bool {
        self.per_member
    }

    /// Whether calls can go out with a connection of the reader's, or with everyone's.
    pub(crate) fn is_connected(&self) -> bool {
        self.own.as_ref().is_some_and(|own| !own.dead)
    }
}

impl ConnectionLine {
    fn of(view: ConnectionView) -> Self {
        let (badge, says) = health(&view.health);
        Self {
            id: view.id.to_string(),
            of: view.of.unwrap_or_default(),
            badge,
            dead: matches!(view.health, ConnectionHealth::Dead { .. }),
            says,
            issuer: words::visible(&view.issuer),
            scope: view.scope.map(|scope| words::visible(&scope)),
            by: view.by,
            at: view.at.into(),
            refreshed: view.refreshed_at.into(),
            next: view.next_at.map(Time::from),
            ends: view.expires_at.map(Time::from),
        }
    }
}

impl OAuthSettings {
    pub(crate) fn of(view: Option<&OAuthView>, base: &str, callback_url: String) -> Self {
        let client = view.and_then(|view| view.client_id.clone());
        Self {
            base: base.to_owned(),
            errors: Errors::none(),
            sharings: sharings(view.map_or("", |view| view.sharing.as_str())),
            has_client: client.is_some(),
            client_id: client.unwrap_or_default(),
            scope: view.and_then(|view| view.scope.clone()).unwrap_or_default(),
            callback_url,
        }
    }

    /// The form again, with what was typed (not the secret) and what was wrong with it.
    fn again(mut self, typed: &Typed, errors: Errors) -> Self {
        self.errors = errors;
        self.sharings = sharings(&typed.sharing);
        self.client_id.clone_from(&typed.client_id);
        self.scope.clone_from(&typed.scope);
        self
    }
}

/// A connection's health as a word, and in a sentence.
pub(crate) fn health(health: &ConnectionHealth) -> (Badge, String) {
    let badge = |class, sign, word| Badge { class, sign, word };
    match health {
        ConnectionHealth::Connected => {
            (badge("active", "✓", "Connected"), "Its token is renewed before it ends.".to_owned())
        }
        ConnectionHealth::Dead { words } => {
            (badge("revoked", "✕", "Dead"), format!("Calls are refused: {}.", shown(words)))
        }
        ConnectionHealth::Ailing(ailment) => (badge("suspended", "!", "Needs you"), ails(ailment)),
    }
}

fn ails(ailment: &Ailment) -> String {
    match ailment {
        Ailment::Ends { at } => {
            format!("It cannot be renewed and ends at {}; connect again before that.", Time::from(*at).utc)
        }
        Ailment::NotRenewed { words, ends_at } => {
            let ends = ends_at.map(|at| format!(" Its token ends at {}.", Time::from(at).utc)).unwrap_or_default();
            format!("Renewing it fails, and is tried again: {}.{ends}", shown(words))
        }
        Ailment::Refused => "The server refuses its tokens although they are fresh; connect again.".to_owned(),
        Ailment::NeedsMore { scope } => {
            format!("The server wants more than it was allowed ({}); connect again.", shown(scope))
        }
    }
}

fn shown(words: &str) -> String {
    words::visible(words).trim_end_matches('.').to_owned()
}

fn sharings(now: &str) -> Vec<Choice> {
    let choice =
        |value: &str, label: &str| Choice { value: value.to_owned(), label: label.to_owned(), selected: value == now };
    vec![
        choice("", "It does not want OAuth: nothing, or the headers above"),
        choice("server", "OAuth, with one connection for everyone"),
        choice("member", "OAuth, each member with their own connection"),
    ]
}

impl Typed {
    fn read(&self, has_client: Option<&str>) -> Option<OAuthForm> {
        let sharing = self.sharing.parse().ok()?;
        let (id, secret) = (self.client_id.trim(), self.client_secret.trim());
        let client = match () {
            () if id.is_empty() && secret.is_empty() => GivenClient::None,
            () if secret.is_empty() && has_client == Some(id) => GivenClient::Kept,
            () => GivenClient::New { id: id.to_owned(), secret: Secret::new(secret.to_owned()) },
        };
        Some(OAuthForm { sharing, client, scope: self.scope.clone() })
    }
}

async fn save(visit: Visit<Member>, Path(named): Path<Named>, Form(typed): Form<Typed>) -> Answer {
    let slug: ServerSlug = id(&named.server)?;
    let (accounts, caller) = (visit.accounts(), visit.caller());
    let server = accounts.server(caller, &slug).await?;
    let before = accounts.upstream_oauth(caller, server.id).await?;
    let form = typed.read(before.as_ref().and_then(|view| view.client_id.as_deref()));
    let address = base(&visit, &slug);
    match accounts.set_upstream_oauth(caller, server.id, form.as_ref()).await {
        Ok(()) if form.is_some() => {
            let done = Flash::done("Saved. Connect it now, if it is not connected yet.");
            Ok(go_to_with(visit.kit(), &format!("{address}#connect"), &done))
        }
        Ok(()) => Ok(go_to_with(visit.kit(), &format!("{address}/settings"), &Flash::done("Saved."))),
        Err(refused) => {
            let errors = Errors::of(refused, INPUTS)?;
            let part = OAuthSettings::of(before.as_ref(), &address, accounts.callback_url()).again(&typed, errors);
            form_again(&settings::with_oauth(&visit, &server, part).await?)
        }
    }
}

async fn connect(visit: Visit<Member>, Path(named): Path<Named>) -> Answer {
    let slug: ServerSlug = id(&named.server)?;
    let server = visit.accounts().server(visit.caller(), &slug).await?;
    let begun = visit.accounts().begin_connection(&visit.who().visitor, visit.caller(), server.id).await;
    match begun {
        Ok(begun) => go(&visit, begun).await,
        Err(error) => {
            let told = Flash::note(format!("Not connected: {}.", told(error)?));
            Ok(go_to_with(visit.kit(), &format!("{}#connect", base(&visit, &slug)), &told))
        }
    }
}

/// A page that goes on by itself: a redirect that follows a form would have to be named in the policy of the page with the
/// form, before it is known where it leads.
async fn go(visit: &Visit<Member>, begun: StartedConnection) -> Answer {
    let refresh = HeaderValue::from_str(&format!("0;url={}", begun.url));
    let shell = Shell::account(visit, Tab::Servers, "Connecting").await?;
    let mut response = page_with_secret(&GoPage { shell, url: begun.url, host: begun.host })?;
    if let Ok(refresh) = refresh {
        response.headers_mut().insert(HeaderName::from_static("refresh"), refresh);
    }
    Ok(response)
}

async fn disconnect(visit: Visit<Member>, Path(of): Path<OfConnection>) -> Answer {
    let (slug, connection): (ServerSlug, ConnectionId) = (id(&of.server)?, id(&of.connection)?);
    let server = visit.accounts().server(visit.caller(), &slug).await?;
    visit.accounts().disconnect(visit.caller(), server.id, connection).await?;
    let done = Flash::done("Disconnected. Every gateway knows within seconds.");
    Ok(go_to_with(visit.kit(), &format!("{}#connect", base(&visit, &slug)), &done))
}

/// What went wrong, for the person who connects; what is no matter of theirs is a problem of ours.
pub(crate) fn told(error: ConnectError) -> Result<String, Problem> {
    match error {
        ConnectError::Other(error @ accounts::Error::Invalid(_)) => {
            Ok(Errors::of(error, &[])?.iter().map(|e| e.message.clone()).collect::<Vec<_>>().join(" "))
        }
        ConnectError::Other(error) => Err(error.into()),
        other => Ok(words::visible(&other.to_string())),
    }
}

#[cfg(test)]
mod tests;
