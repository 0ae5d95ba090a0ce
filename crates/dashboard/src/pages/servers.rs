//! `/app/{account}`: the servers of an account.

use accounts::{ServerSummary, TroubledConnection};
use askama::Template;
use domain::Permission;
use web_kit::{Answer, Member, Visit};

use super::standing::{Seen, Standing};
use crate::{
    page::page,
    routes::{Routes, Who},
    shell::{Shell, Tab},
    show::Time,
    words::{self, Badge, ClassCount},
};

#[derive(Template)]
#[template(path = "servers/servers.html")]
struct ServersPage {
    shell: Shell,
    may_manage: bool,
    account_url: String,
    troubles: Vec<Trouble>,
    servers: Vec<ServerLine>,
}

/// A connection to a server that somebody has to look after.
struct Trouble {
    href: String,
    server: String,
    whose: String,
    badge: Badge,
    says: String,
}

struct ServerLine {
    href: String,
    name: String,
    slug: String,
    standing: Standing,
    /// What went wrong when its tools were last asked for.
    trouble: Option<String>,
    tools: String,
    split: Vec<ClassCount>,
    last_call: Option<Time>,
    calls_24h: u64,
    denied_24h: u64,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/app/{account}", Who::Member(Permission::View), show)
}

async fn show(visit: Visit<Member>) -> Answer {
    let servers = visit.accounts().list_servers(visit.caller()).await?;
    let home = visit.home();
    let troubles = visit.accounts().troubled_connections(visit.caller()).await?;
    page(&ServersPage {
        shell: Shell::account(&visit, Tab::Servers, "Servers").await?,
        may_manage: visit.may(Permission::ManageServers),
        account_url: accounts::gateway_url(visit.accounts().gateway_origin(), visit.caller().slug(), None),
        troubles: troubles.into_iter().map(|one| trouble(one, &home)).collect(),
        servers: servers.into_iter().map(|server| line(server, &home)).collect(),
    })
}

fn trouble(one: TroubledConnection, home: &str) -> Trouble {
    let (badge, says) = super::server::health(&one.health);
    Trouble {
        href: format!("{home}/servers/{}#connect", one.slug),
        server: one.server,
        whose: if one.of.is_some() { "Your connection to".to_owned() } else { "The connection to".to_owned() },
        badge,
        says,
    }
}

fn line(server: ServerSummary, home: &str) -> ServerLine {
    ServerLine {
        href: format!("{home}/servers/{}", server.slug),
        standing: Standing::of(&server.standing, &server.transport),
        trouble: server.tools_error.as_deref().map(words::visible),
        tools: crate::show::count(server.risk.total(), "tool", "tools"),
        split: words::counted(&server.risk),
        last_call: server.last_call_at.map(Time::from),
        calls_24h: server.calls_24h,
        denied_24h: server.denied_24h,
        name: server.name.to_string(),
        slug: server.slug.to_string(),
    }
}
