//! `/app/{account}/servers/{server}/settings`: name, address, headers, what passes, connect lines, and removing it.

use accounts::{ServerEdit, ServerView};
use askama::Template;
use domain::{Access, DriftSetting, ListDenied, Permission, Secret, ServerSettings, ServerSlug, Transport};
use serde::Deserialize;
use web_kit::{Answer, Flash, Form, Member, Path, Problem, Visit, go_to_with};

use super::{Named, base, connect::ConnectorLine, oauth::OAuthSettings};
use crate::{
    form::{Choice, Errors},
    page::{form_again, id, page},
    pages::server_new::INPUTS,
    routes::{Routes, Who},
    shell::{Shell, Tab},
    show,
};

/// Rows for headers that the form offers.
const HEADER_ROWS: usize = 3;

#[derive(Template)]
#[template(path = "servers/settings.html")]
struct SettingsPage {
    shell: Shell,
    errors: Errors,
    base: String,
    server: String,
    slug: String,
    may_manage: bool,
    name: String,
    url: Option<String>,
    headers: Vec<String>,
    header_rows: Vec<HeaderRow>,
    families: Vec<Family>,
    list_denied: Vec<Choice>,
    drift: Vec<Choice>,
    connectors: Vec<ConnectorLine>,
    removal: String,
    /// For servers that are reached by URL.
    oauth: Option<OAuthSettings>,
}

/// A row for a new header; its value is never put into the page.
struct HeaderRow {
    index: usize,
    name: String,
}

/// One family of methods that can be on or off.
struct Family {
    field: &'static str,
    title: &'static str,
    says: &'static str,
    on: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Basics {
    name: String,
    url: String,
    header_name: Vec<String>,
    header_value: Vec<String>,
    /// Sent when the box is checked.
    no_headers: String,
}

/// A check box that is not checked is not sent.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Passes {
    resources: String,
    prompts: String,
    completion: String,
    server_requests: String,
    logging: String,
    tasks: String,
    unknown_methods: String,
    list_denied: String,
    drift: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    let manage = Who::Member(Permission::ManageServers);
    routes
        .get("/app/{account}/servers/{server}/settings", Who::Member(Permission::View), show)
        .post("/app/{account}/servers/{server}/settings/basics", manage, save_basics)
        .post("/app/{account}/servers/{server}/settings/passes", manage, save_passes)
        .post("/app/{account}/servers/{server}/remove", manage, remove)
}

async fn load(visit: &Visit<Member>, server: &ServerView, errors: Errors) -> Result<SettingsPage, Problem> {
    let grants = visit.accounts().list_grants(visit.caller(), Some(server.id)).await?;
    Ok(SettingsPage {
        shell: Shell::account(visit, Tab::Servers, &format!("Settings of {}", server.name)).await?,
        errors,
        base: base(visit, &server.slug),
        server: server.name.to_string(),
        slug: server.slug.to_string(),
        may_manage: visit.may(Permission::ManageServers),
        name: server.name.to_string(),
        url: match &server.transport {
            Transport::Http { url } => Some(url.clone()),
            Transport::Tunnel => None,
        },
        headers: server.header_names.clone(),
        header_rows: (0..HEADER_ROWS).map(|index| HeaderRow { index, name: String::new() }).collect(),
        families: families(&server.settings),
        list_denied: list_denied(server.settings.list_denied),
        drift: drift(server.settings.drift),
        connectors: connector_lines(server),
        removal: removal(server, grants.len()),
        oauth: oauth_part(visit, server).await?,
    })
}

fn connector_lines(server: &ServerView) -> Vec<ConnectorLine> {
    server.connectors.iter().map(|row| ConnectorLine::of(row, &server.connected)).collect()
}

async fn oauth_part(visit: &Visit<Member>, server: &ServerView) -> Result<Option<OAuthSettings>, Problem> {
    if server.transport == Transport::Tunnel || !visit.may(Permission::ManageServers) {
        return Ok(None);
    }
    let view = visit.accounts().upstream_oauth(visit.caller(), server.id).await?;
    Ok(Some(OAuthSettings::of(view.as_ref(), &base(visit, &server.slug), visit.accounts().callback_url())))
}

/// The page again, with this form of its part about signing in.
pub(crate) async fn with_oauth(
    visit: &Visit<Member>,
    server: &ServerView,
    part: OAuthSettings,
) -> Result<impl Template, Problem> {
    Ok(SettingsPage { oauth: Some(part), ..load(visit, server, Errors::none()).await? })
}

async fn found(visit: &Visit<Member>, named: &Named) -> Result<ServerView, Problem> {
    let slug: ServerSlug = id(&named.server)?;
    Ok(visit.accounts().server(visit.caller(), &slug).await?)
}

/// What goes with the server, in numbers.
fn removal(server: &ServerView, grants: usize) -> String {
    format!(
        "{} and {} go with it: every call to it is refused from then on. Recorded calls stay.",
        show::count(server.tools.len(), "tool", "tools"),
        show::count(grants, "grant", "grants"),
    )
}

fn families(settings: &ServerSettings) -> Vec<Family> {
    let family = |field, title, says, access| Family { field, title, says, on: access == Access::On };
    vec![
        family("resources", "Resources", "Reading and subscribing to resources.", settings.resources),
        family("prompts", "Prompts", "Listing and getting prompts.", settings.prompts),
        family("completion", "Completion", "Completing arguments of prompts and resources.", settings.completion),
        family(
            "server_requests",
            "Requests by the server",
            "Sampling, elicitation and roots, asked for by the server.",
            settings.server_requests,
        ),
        family("logging", "Logging", "Log messages of the server.", settings.logging),
        family("tasks", "Tasks", "Long-running tasks.", settings.tasks),
        family(
            "unknown_methods",
            "Unknown methods",
            "Methods that Portcullis does not know; they pass unjudged.",
            settings.unknown_methods,
        ),
    ]
}

fn list_denied(now: ListDenied) -> Vec<Choice> {
    let choice =
        |value: &str, label: &str, of| Choice { value: value.to_owned(), label: label.to_owned(), selected: of == now };
    vec![
        choice("show", "Stay in the list", ListDenied::Show),
        choice("omit", "Are left out of the list", ListDenied::Omit),
    ]
}

fn drift(now: DriftSetting) -> Vec<Choice> {
    let choice =
        |value: &str, label: &str, of| Choice { value: value.to_owned(), label: label.to_owned(), selected: of == now };
    vec![
        choice("note", "Can be called; the change is noted", DriftSetting::Note),
        choice("hold", "Is held until someone accepts it", DriftSetting::Hold),
    ]
}

impl Passes {
    fn read(&self) -> ServerSettings {
        let access = |text: &str| if text.is_empty() { Access::Off } else { Access::On };
        ServerSettings {
            resources: access(&self.resources),
            prompts: access(&self.prompts),
            completion: access(&self.completion),
            server_requests: access(&self.server_requests),
            logging: access(&self.logging),
            tasks: access(&self.tasks),
            unknown_methods: access(&self.unknown_methods),
            list_denied: if self.list_denied == "omit" { ListDenied::Omit } else { ListDenied::Show },
            drift: if self.drift == "hold" { DriftSetting::Hold } else { DriftSetting::Note },
        }
    }
}

/// The server as it is, for a change of one part of it.
fn unchanged(server: &ServerView) -> ServerEdit {
    let url = match &server.transport {
        Transport::Http { url } => url.clone(),
        Transport::Tunnel => String::new(),
    };
    ServerEdit { name: server.name.to_string(), url, headers: None, settings: server.settings.clone() }
}

async fn show(visit: Visit<Member>, Path(named): Path<Named>) -> Answer {
    page(&load(&visit, &found(&visit, &named).await?, Errors::none()).await?)
}

impl Basics {
    /// The headers to have from now on; none where nothing was said about them.
    fn headers(&self) -> Option<Vec<(String, Secret<String>)>> {
        let rows = self.header_name.iter().zip(&self.header_value);
        let filled = rows.filter(|(name, value)| !name.trim().is_empty() || !value.trim().is_empty());
        let headers: Vec<_> = filled.map(|(name, value)| (name.clone(), Secret::new(value.clone()))).collect();
        if headers.is_empty() && self.no_headers.is_empty() { None } else { Some(headers) }
    }
}

async fn save_basics(visit: Visit<Member>, Path(named): Path<Named>, Form(typed): Form<Basics>) -> Answer {
    let server = found(&visit, &named).await?;
    let edit = ServerEdit {
        name: typed.name.clone(),
        url: typed.url.clone(),
        headers: typed.headers(),
        settings: server.settings.clone(),
    };
    match visit.accounts().update_server(visit.caller(), server.id, &edit).await {
        Ok(()) => Ok(back(&visit, &server, "Saved.")),
        Err(refused) => {
            let mut loaded = load(&visit, &server, Errors::of(refused, INPUTS)?).await?;
            loaded.name = typed.name;
            loaded.url = loaded.url.map(|_| typed.url);
            for (row, name) in loaded.header_rows.iter_mut().zip(typed.header_name) {
                row.name = name;
            }
            form_again(&loaded)
        }
    }
}

async fn save_passes(visit: Visit<Member>, Path(named): Path<Named>, Form(typed): Form<Passes>) -> Answer {
    let server = found(&visit, &named).await?;
    let edit = ServerEdit { settings: typed.read(), ..unchanged(&server) };
    visit.accounts().update_server(visit.caller(), server.id, &edit).await?;
    Ok(back(&visit, &server, "Saved. Every gateway knows within seconds."))
}

async fn remove(visit: Visit<Member>, Path(named): Path<Named>) -> Answer {
    let server = found(&visit, &named).await?;
    visit.accounts().remove_server(visit.caller(), server.id).await?;
    Ok(go_to_with(visit.kit(), &visit.home(), &Flash::done(format!("{} is removed.", server.name))))
}

fn back(visit: &Visit<Member>, server: &ServerView, done: &str) -> axum::response::Response {
    go_to_with(visit.kit(), &format!("{}/settings", base(visit, &server.slug)), &Flash::done(done))
}
