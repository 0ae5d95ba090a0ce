//! `/catalogue`: the public pages of known servers and their tools, and taking a recommended policy to one's own server.

use accounts::ServerSummary;
use askama::Template;
use catalogue::{KnownServer, KnownTool, Recommendation};
use domain::Permission;
use policy::RiskClass;
use serde::Deserialize;
use web_kit::{Answer, Anyone, Path, Problem, Query, Visit, Visitor, go_to};

use crate::{
    page::page,
    routes::{Routes, Who},
    shell::{Shell, home},
    words::{self, Badge, ClassCount},
};

/// Other tools that a tool's page shows.
const RELATED: usize = 8;

#[derive(Template)]
#[template(path = "catalogue/catalogue.html")]
struct CataloguePage {
    shell: Shell,
    servers: Vec<ServerCard>,
    tools: usize,
}

struct ServerCard {
    href: String,
    title: &'static str,
    publisher: &'static str,
    summary: &'static str,
    tools: usize,
    split: Vec<ClassCount>,
}

#[derive(Template)]
#[template(path = "catalogue/server.html")]
struct KnownServerPage {
    shell: Shell,
    known: &'static KnownServer,
    href: String,
    split: Vec<ClassCount>,
    groups: Vec<Group>,
    recommended: Recommendation,
}

/// The tools of one class.
struct Group {
    class: Badge,
    says: &'static str,
    tools: Vec<ToolLink>,
}

struct ToolLink {
    href: String,
    name: &'static str,
    does: &'static str,
    class: Badge,
}

#[derive(Template)]
#[template(path = "catalogue/tool.html")]
struct KnownToolPage {
    shell: Shell,
    server: &'static KnownServer,
    server_href: String,
    tool: &'static KnownTool,
    class: Badge,
    class_says: &'static str,
    annotations: Vec<&'static str>,
    policies: Vec<Recommendation>,
    related: Vec<ToolLink>,
}

#[derive(Template)]
#[template(path = "catalogue/use.html")]
struct UsePage {
    shell: Shell,
    what: String,
    back: String,
    accounts: Vec<UseAccount>,
}

struct UseAccount {
    name: String,
    servers: Vec<(String, String)>,
    new_server: Option<String>,
}

#[derive(Deserialize)]
struct OfServer {
    server: String,
}

#[derive(Deserialize)]
struct OfTool {
    server: String,
    tool: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    /// A tool whose recommendation is meant; without one the server's.
    tool: String,
    choice: usize,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .get("/catalogue", Who::Anyone, list)
        .get("/catalogue/{server}", Who::Anyone, show_server)
        .get("/catalogue/{server}/{tool}", Who::Anyone, show_tool)
        .get("/catalogue/{server}/use", Who::Visitor, use_it)
}

fn found(slug: &str) -> Result<&'static KnownServer, Problem> {
    catalogue::server(slug).ok_or(Problem::NotFound)
}

fn split(known: &KnownServer) -> Vec<ClassCount> {
    words::split(known.tools.iter().map(|tool| tool.class))
}

fn link(known: &KnownServer, tool: &'static KnownTool) -> ToolLink {
    ToolLink {
        href: format!("/catalogue/{}/{}", known.slug, tool.name),
        name: &tool.name,
        does: &tool.does,
        class: words::class(tool.class),
    }
}

async fn list(visit: Visit<Anyone>) -> Answer {
    let card = |known: &'static KnownServer| ServerCard {
        href: format!("/catalogue/{}", known.slug),
        title: &known.title,
        publisher: &known.publisher,
        summary: &known.summary,
        tools: known.tools.len(),
        split: split(known),
    };
    let servers = catalogue::servers();
    page(&CataloguePage {
        shell: Shell::public(&visit, "Catalogue of MCP servers"),
        servers: servers.iter().map(card).collect(),
        tools: servers.iter().map(|known| known.tools.len()).sum(),
    })
}

async fn show_server(visit: Visit<Anyone>, Path(of): Path<OfServer>) -> Answer {
    let known = found(&of.server)?;
    let group = |class: RiskClass| Group {
        class: words::class(class),
        says: words::class_says(class),
        tools: known.tools.iter().filter(|tool| tool.class == class).map(|tool| link(known, tool)).collect(),
    };
    // The riskiest first: they are why one comes here.
    let groups = RiskClass::ALL.into_iter().rev().map(group).filter(|group| !group.tools.is_empty()).collect();
    page(&KnownServerPage {
        shell: Shell::public(&visit, &format!("{}: its tools and their risk", known.title)),
        href: format!("/catalogue/{}", known.slug),
        split: split(known),
        groups,
        recommended: known.recommended(),
        known,
    })
}

async fn show_tool(visit: Visit<Anyone>, Path(of): Path<OfTool>) -> Answer {
    let server = found(&of.server)?;
    let tool = server.tool(&of.tool).ok_or(Problem::NotFound)?;
    let others = || server.tools.iter().filter(|other| other.name != tool.name);
    let alike = others().filter(|other| kin(&other.name) == kin(&tool.name) || other.class == tool.class);
    page(&KnownToolPage {
        shell: Shell::public(&visit, &format!("{} of {}", tool.name, server.title)),
        server_href: format!("/catalogue/{}", server.slug),
        class: words::class(tool.class),
        class_says: words::class_says(tool.class),
        annotations: annotations(tool),
        policies: tool.recommended(),
        related: alike.take(RELATED).map(|other| link(server, other)).collect(),
        server,
        tool,
    })
}

/// What a tool is about: its name without the verb in front.
fn kin(name: &str) -> &str {
    name.split_once('_').map_or(name, |(_, rest)| rest)
}

fn annotations(tool: &KnownTool) -> Vec<&'static str> {
    let said = tool.annotations;
    let hint = |hint: Option<bool>, yes: &'static str, no: &'static str| hint.map(|hint| if hint { yes } else { no });
    [
        hint(said.read_only_hint, "readOnlyHint: true", "readOnlyHint: false"),
        hint(said.destructive_hint, "destructiveHint: true", "destructiveHint: false"),
        hint(said.idempotent_hint, "idempotentHint: true", "idempotentHint: false"),
        hint(said.open_world_hint, "openWorldHint: true", "openWorldHint: false"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Which of the visitor's servers is the policy for? With one server there is nothing to ask.
async fn use_it(visit: Visit<Visitor>, Path(of): Path<OfServer>, Query(asked): Query<Asked>) -> Answer {
    let known = found(&of.server)?;
    if !asked.tool.is_empty() && known.tool(&asked.tool).is_none() {
        return Err(Problem::NotFound);
    }
    let accounts = own_servers(&visit, known, &asked).await?;
    let all: Vec<&String> = accounts.iter().flat_map(|account| account.servers.iter().map(|(href, _)| href)).collect();
    if let [only] = all.as_slice() {
        return Ok(go_to(only));
    }
    page(&UsePage {
        shell: Shell::personal(&visit, "Use this policy"),
        what: if asked.tool.is_empty() { known.title.clone() } else { asked.tool.clone() },
        back: if asked.tool.is_empty() {
            format!("/catalogue/{}", known.slug)
        } else {
            format!("/catalogue/{}/{}", known.slug, asked.tool)
        },
        accounts,
    })
}

/// The servers, in the accounts where the visitor may write policies.
async fn own_servers(visit: &Visit<Visitor>, known: &KnownServer, asked: &Asked) -> Result<Vec<UseAccount>, Problem> {
    let query = if asked.tool.is_empty() {
        format!("from={}", known.slug)
    } else {
        format!("from={}&tool={}&choice={}", known.slug, asked.tool, asked.choice)
    };
    let mut accounts = Vec::new();
    for (slug, name, role) in &visit.who().accounts {
        if !role.may(Permission::WritePolicies) {
            continue;
        }
        let caller = visit.accounts().enter(visit.who(), slug).await?;
        let servers = visit.accounts().list_servers(&caller).await?;
        let home = home(slug.as_str());
        let href = |server: &ServerSummary| format!("{home}/servers/{}/policies/new?{query}", server.slug);
        accounts.push(UseAccount {
            name: name.to_string(),
            servers: servers.iter().map(|server| (href(server), server.name.to_string())).collect(),
            new_server: role.may(Permission::ManageServers).then(|| format!("{home}/servers/new?kind={}", known.slug)),
        });
    }
    Ok(accounts)
}

#[cfg(test)]
mod tests;
