//! `/app/{account}/servers/new`: registering a server, and trying its address before that.

use accounts::{NewServer, NewServerProbe, NewTransport};
use askama::Template;
use catalogue::{KnownServer, SuggestedTransport};
use domain::{Permission, Secret};
use serde::Deserialize;
use web_kit::{Answer, Form, Member, Problem, Query, Visit, go_to};

mod probe;

use self::probe::{Credential, ProbeView};
use super::{server, server::Extra};
use crate::{
    form::{Errors, Input},
    page::{form_again, page, page_with_secret},
    routes::{Routes, Who},
    shell::{Shell, Tab},
    slug::slug_of,
};

/// Rows for headers that the form offers at least.
const HEADER_ROWS: usize = 2;
/// Rows that it offers at most.
const MAX_HEADERS: usize = 20;

/// The inputs by the fields of the use case.
pub(crate) const INPUTS: &[Input] = &[
    Input::same("name", "The name"),
    Input::same("slug", "The short name"),
    Input::same("url", "The URL"),
    Input::same("headers", "The headers"),
];

#[derive(Template)]
#[template(path = "servers/new.html")]
struct NewServerPage {
    shell: Shell,
    errors: Errors,
    kinds: Vec<Kind>,
    other: bool,
    name: String,
    slug: String,
    url: String,
    tunnel: bool,
    headers: Vec<HeaderRow>,
    gateway: String,
    probe: Option<ProbeView>,
}

/// A known server to choose.
struct Kind {
    slug: &'static str,
    title: &'static str,
    summary: &'static str,
    name: String,
    server_slug: &'static str,
    url: &'static str,
    tunnel: bool,
    command: &'static str,
    environment: Vec<(&'static str, &'static str, &'static str)>,
    note: &'static str,
    chosen: bool,
}

struct HeaderRow {
    index: usize,
    name: String,
    value: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Preset {
    kind: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Typed {
    kind: String,
    name: String,
    slug: String,
    transport: String,
    url: String,
    header_name: Vec<String>,
    header_value: Vec<String>,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    let manage = Who::Member(Permission::ManageServers);
    routes
        .get("/app/{account}/servers", Who::Member(Permission::View), to_list)
        .get("/app/{account}/servers/new", manage, show)
        .post("/app/{account}/servers/new", manage, register)
        .post("/app/{account}/servers/new/test", manage, test)
        .post("/app/{account}/servers/new/probe", manage, probe)
}

async fn to_list(visit: Visit<Member>) -> Answer {
    Ok(go_to(&visit.home()))
}

async fn show(visit: Visit<Member>, Query(preset): Query<Preset>) -> Answer {
    super::needs(&visit, Permission::ManageServers)?;
    let here = visit.accounts().list_servers(visit.caller()).await?;
    let asked = catalogue::server(&preset.kind);
    let free = |known: &&KnownServer| here.iter().all(|server| server.slug.as_str() != known.suggested_slug);
    let known = asked.or_else(|| catalogue::servers().first().filter(free).filter(|_| preset.kind.is_empty()));
    let typed = known.map_or_else(|| Typed { kind: "other".to_owned(), ..Typed::default() }, filled);
    page(&form(&visit, typed, Errors::none(), None).await?)
}

/// The form as a known server fills it.
fn filled(known: &'static KnownServer) -> Typed {
    let url = known.run.url.clone().unwrap_or_default();
    let transport = if known.transport == SuggestedTransport::Tunnel { "tunnel" } else { "http" };
    Typed {
        kind: known.slug.clone(),
        name: short_name(known),
        slug: known.suggested_slug.clone(),
        transport: transport.to_owned(),
        url,
        ..Typed::default()
    }
}

/// The title without what stands in brackets.
fn short_name(known: &KnownServer) -> String {
    known.title.split(" (").next().unwrap_or(&known.title).to_owned()
}

async fn form(
    visit: &Visit<Member>,
    typed: Typed,
    errors: Errors,
    probe: Option<ProbeView>,
) -> Result<NewServerPage, Problem> {
    let rows = typed.header_name.len().clamp(HEADER_ROWS, MAX_HEADERS);
    let header = |index: usize| HeaderRow {
        index,
        name: typed.header_name.get(index).cloned().unwrap_or_default(),
        value: typed.header_value.get(index).cloned().unwrap_or_default(),
    };
    Ok(NewServerPage {
        shell: Shell::account(visit, Tab::Servers, "Add a server").await?,
        errors,
        kinds: catalogue::servers().iter().map(|known| kind(known, &typed.kind)).collect(),
        other: catalogue::server(&typed.kind).is_none(),
        headers: (0..rows).map(header).collect(),
        gateway: format!("{}/{}/", visit.accounts().gateway_origin(), visit.caller().slug()),
        tunnel: typed.transport == "tunnel",
        probe,
        name: typed.name,
        slug: typed.slug,
        url: typed.url,
    })
}

fn kind(known: &'static KnownServer, chosen: &str) -> Kind {
    let environment = known.run.environment.iter();
    Kind {
        slug: &known.slug,
        title: &known.title,
        summary: &known.summary,
        name: short_name(known),
        server_slug: &known.suggested_slug,
        url: known.run.url.as_deref().unwrap_or_default(),
        tunnel: known.transport == SuggestedTransport::Tunnel,
        command: &known.run.command,
        environment: environment.map(|e| (e.name.as_str(), e.example.as_str(), e.meaning.as_str())).collect(),
        note: &known.run.note,
        chosen: known.slug == chosen,
    }
}

impl Typed {
    /// What a known server says stands where nothing was typed; a form without script comes so.
    fn completed(mut self) -> Self {
        let Some(known) = catalogue::server(&self.kind) else {
            if self.slug.trim().is_empty() {
                self.slug = slug_of(&self.name);
            }
            return self;
        };
        let fill = filled(known);
        let or = |typed: &mut String, filled: String| {
            if typed.trim().is_empty() {
                *typed = filled;
            }
        };
        or(&mut self.name, fill.name);
        or(&mut self.slug, fill.slug);
        or(&mut self.transport, fill.transport);
        or(&mut self.url, fill.url);
        self
    }

    fn headers(&self) -> Vec<(String, Secret<String>)> {
        let rows = self.header_name.iter().zip(&self.header_value);
        rows.map(|(name, value)| (name.clone(), Secret::new(value.clone()))).collect()
    }

    fn credential(&self) -> Credential {
        let shown = self.header_name.iter().any(|name| name.trim().eq_ignore_ascii_case("authorization"));
        if shown { Credential::Shown } else { Credential::None }
    }

    fn read(&self) -> Option<NewServer> {
        let (transport, headers) = match self.transport.as_str() {
            "tunnel" => (NewTransport::Tunnel, Vec::new()),
            "http" => (NewTransport::Http { url: self.url.trim().to_owned() }, self.headers()),
            _ => return None,
        };
        let kind = Some(self.kind.clone());
        Some(NewServer { name: self.name.clone(), slug: self.slug.clone(), transport, headers, kind })
    }
}

async fn register(visit: Visit<Member>, Form(typed): Form<Typed>) -> Answer {
    super::needs(&visit, Permission::ManageServers)?;
    let typed = typed.completed();
    let Some(asked) = typed.read() else {
        let errors = Errors::one("transport", "Say how the server is reached");
        return form_again(&form(&visit, typed, errors, None).await?);
    };
    match visit.accounts().register_server(visit.caller(), &asked).await {
        Ok(created) => {
            let connect = created.connect.map(|connector| connector.token);
            let extra = Extra { connect, answers_form: true, ..Extra::default() };
            page_with_secret(&server::load(&visit, &created.slug, extra).await?)
        }
        Err(refused) => form_again(&form(&visit, typed, Errors::of(refused, INPUTS)?, None).await?),
    }
}

/// Without script: the whole form again, with the outcome.
async fn test(visit: Visit<Member>, Form(typed): Form<Typed>) -> Answer {
    super::needs(&visit, Permission::ManageServers)?;
    let typed = typed.completed();
    let mut errors = Errors::none();
    let tried = try_address(&visit, &typed, &mut errors).await?;
    // What was typed may hold a credential, so no browser keeps this page.
    page_with_secret(&form(&visit, typed, errors, tried).await?)
}

/// With script, while one types: the outcome alone.
async fn probe(visit: Visit<Member>, Form(typed): Form<Typed>) -> Answer {
    let mut errors = Errors::none();
    match try_address(&visit, &typed, &mut errors).await? {
        Some(tried) => page_with_secret(&tried),
        None => page_with_secret(&ProbeView::refused(&errors)),
    }
}

async fn try_address(visit: &Visit<Member>, typed: &Typed, errors: &mut Errors) -> Result<Option<ProbeView>, Problem> {
    let asked = NewServerProbe { url: typed.url.trim().to_owned(), headers: typed.headers() };
    match visit.accounts().probe(visit.caller(), &asked).await {
        Ok(probe) => Ok(Some(ProbeView::of(&probe, typed.credential()))),
        Err(refused) => {
            *errors = Errors::of(refused, INPUTS)?;
            Ok(None)
        }
    }
}

impl NewServerPage {
    /// Whether this input is the first that is wrong.
    fn draws_focus(&self, field: &str) -> bool {
        self.errors.focus(field, &false)
    }
}

#[cfg(test)]
mod tests;
