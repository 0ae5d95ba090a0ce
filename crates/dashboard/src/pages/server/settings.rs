//! `/app/{account}/servers/{server}/settings`: name, address, headers, what passes, connect lines, and removing it.

use accounts::{GrantRow, ServerView};
use askama::Template;
use domain::{Access, DriftSetting, GrantState, ListDenied, Name, Permission, Secret, ServerSettings, ServerSlug, Transport};
use serde::Deserialize;
use web_kit::{Answer, Flash, Form, Member, Path, Problem, Visit, go_to_with};

use super::{Named, base, connect::Connect};
use crate::{
    form::{Choice, Errors},
    page::{form_again, id, page},
    routes::{Routes, Who},
    shell::{Shell, Tab},
    show,
};

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
    new_header: String,
    families: Vec<Family>,
    list_denied: Vec<Choice>,
    drift: Vec<Choice>,
    connect: Connect,
    removal: String,
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
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Header {
    header_name: String,
    header_value: String,
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
        .post("/app/{account}/servers/{server}/settings/headers", manage, set_header)
        .post("/app/{account}/servers/{server}/settings/headers/remove", manage, remove_header)
        .post("/app/{account}/servers/{server}/settings/passes", manage, save_passes)
        .post("/app/{account}/servers/{server}/remove", manage, remove)
}

async fn load(visit: &Visit<Member>, slug: &ServerSlug, errors: Errors) -> Result<SettingsPage, Problem> {
    let server = visit.accounts().server(visit.caller(), slug).await?;
    let grants = visit.accounts().grants(visit.caller(), Some(slug)).await?;
    let base = base(visit, slug);
    let may_manage = visit.may(Permission::ManageServers);
    Ok(SettingsPage {
        shell: Shell::account(visit, Tab::Servers, &format!("Settings of {}", server.name)),
        errors,
        slug: slug.to_string(),
        may_manage,
        url: match &server.transport {
            Transport::Http { url } => Some(url.clone()),
            Transport::Tunnel => None,
        },
        new_header: String::new(),
        families: families(&server.settings),
        list_denied: list_denied(server.settings.list_denied),
        drift: drift(server.settings.drift),
        connect: Connect::of(&server, &base, None, may_manage),
        removal: removal(&server, &grants),
        headers: server.header_names,
        server: server.name.to_string(),
        name: server.name.to_string(),
        base,
    })
}

/// What goes with the server, in numbers.
fn removal(server: &ServerView, grants: &[GrantRow]) -> String {
    let live = grants.iter().filter(|grant| grant.state != GrantState::Revoked).count();
    format!(
        "{} and {} go with it: every call to it is refused from then on. Recorded calls stay.",
        show::count(server.tools.len(), "tool", "tools"),
        show::count(live, "grant", "grants"),
    )
}

fn families(settings: &ServerSettings) -> Vec<Family> {
    let family = |field, title, says, access| Family { field, title, says, on: access == Access::On };
    vec![
        family("resources", "Resources", "Reading and subscribing to resources.", settings.resources),
        family("prompts", "Prompts", "Listing and getting prompts.", settings.prompts),
        family("completion", "Completion", "Completing arguments of prompts and resources.", settings.completion),
        family("server_requests", "Requests by the server", "Sampling, elicitation and roots, asked for by the server.", settings.server_requests),
        family("logging", "Logging", "Log messages of the server.", settings.logging),
        family("tasks", "Tasks", "Long-running tasks.", settings.tasks),
        family("unknown_methods", "Unknown methods", "Methods that Portcullis does not know; they pass unjudged.", settings.unknown_methods),
    ]
}

fn list_denied(now: ListDenied) -> Vec<Choice> {
    let choice = |value: &str, label: &str, of| Choice { value: value.to_owned(), label: label.to_owned(), selected: of == now };
    vec![choice("show", "Stay in the list", ListDenied::Show), choice("omit", "Are left out of the list", ListDenied::Omit)]
}

fn drift(now: DriftSetting) -> Vec<Choice> {
    let choice = |value: &str, label: &str, of| Choice { value: value.to_owned(), label: label.to_owned(), selected: of == now };
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

async fn show(visit: Visit<Member>, Path(named): Path<Named>) -> Answer {
    page(&load(&visit, &id(&named.server)?, Errors::none()).await?)
}

async fn save_basics(visit: Visit<Member>, Path(named): Path<Named>, Form(typed): Form<Basics>) -> Answer {
    let slug: ServerSlug = id(&named.server)?;
    let mut errors = Errors::none();
    let Some(name) = errors.take("name", "The name", Name::parse(&typed.name)) else {
        return again(&visit, &slug, errors, &typed).await;
    };
    let server = visit.accounts().server(visit.caller(), &slug).await?;
    let transport = match server.transport {
        Transport::Http { .. } => Transport::Http { url: typed.url.trim().to_owned() },
        Transport::Tunnel => Transport::Tunnel,
    };
    match visit.accounts().change_server(visit.caller(), &slug, name, transport).await {
        Ok(()) => Ok(back(&visit, &slug, "Saved.")),
        Err(refused) => again(&visit, &slug, Errors::rule_at("url", refused)?, &typed).await,
    }
}

async fn again(visit: &Visit<Member>, slug: &ServerSlug, errors: Errors, typed: &Basics) -> Answer {
    let mut loaded = load(visit, slug, errors).await?;
    loaded.name.clone_from(&typed.name);
    loaded.url = loaded.url.map(|_| typed.url.clone());
    form_again(&loaded)
}

async fn set_header(visit: Visit<Member>, Path(named): Path<Named>, Form(typed): Form<Header>) -> Answer {
    let slug: ServerSlug = id(&named.server)?;
    let value = Secret::new(typed.header_value.trim().to_owned());
    match visit.accounts().set_server_header(visit.caller(), &slug, typed.header_name.trim(), value).await {
        Ok(()) => Ok(back(&visit, &slug, "The header is stored; its value is not shown again.")),
        Err(refused) => {
            let mut loaded = load(&visit, &slug, Errors::rule_at("header_name", refused)?).await?;
            loaded.new_header = typed.header_name;
            form_again(&loaded)
        }
    }
}

async fn remove_header(visit: Visit<Member>, Path(named): Path<Named>, Form(typed): Form<Header>) -> Answer {
    let slug: ServerSlug = id(&named.server)?;
    visit.accounts().remove_server_header(visit.caller(), &slug, &typed.header_name).await?;
    Ok(back(&visit, &slug, "The header is not sent any more."))
}

async fn save_passes(visit: Visit<Member>, Path(named): Path<Named>, Form(typed): Form<Passes>) -> Answer {
    let slug: ServerSlug = id(&named.server)?;
    visit.accounts().save_server_settings(visit.caller(), &slug, typed.read()).await?;
    Ok(back(&visit, &slug, "Saved. Every gateway knows within seconds."))
}

async fn remove(visit: Visit<Member>, Path(named): Path<Named>) -> Answer {
    visit.accounts().remove_server(visit.caller(), &id(&named.server)?).await?;
    Ok(go_to_with(visit.kit(), &visit.home(), &Flash::done("The server is removed.")))
}

fn back(visit: &Visit<Member>, slug: &ServerSlug, done: &str) -> axum::response::Response {
    go_to_with(visit.kit(), &format!("{}/settings", base(visit, slug)), &Flash::done(done))
}
