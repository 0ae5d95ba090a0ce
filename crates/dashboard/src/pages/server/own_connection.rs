//! `/app/{account}/servers/{server}/connect`: where callers are sent who have to connect a server first, often by their client.
//!
//! The address may name the person for whom the call was. What somebody connects is used for their own calls only; so who is
//! somebody else is told, lest they connect in vain, or because a link made them (MCP client/elicitation "Phishing").

use askama::Template;
use domain::{Permission, ServerSlug};
use serde::Deserialize;
use web_kit::{Answer, Member, Path, Query, Visit, go_to};

use super::{Named, base, oauth::OAuthPanel};
use crate::{
    page::{id, page},
    routes::{Routes, Who},
    shell::{Shell, Tab},
};

#[derive(Template)]
#[template(path = "servers/own_connection.html")]
struct OwnConnectionPage {
    shell: Shell,
    base: String,
    name: String,
    email: String,
    /// None: the address names somebody else.
    oauth: Option<OAuthPanel>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    /// For whom; empty: for whoever looks.
    #[serde(rename = "for")]
    person: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/app/{account}/servers/{server}/connect", Who::Member(Permission::OwnKeys), show)
}

async fn show(visit: Visit<Member>, Path(named): Path<Named>, Query(asked): Query<Asked>) -> Answer {
    let slug: ServerSlug = id(&named.server)?;
    let server = visit.accounts().server(visit.caller(), &slug).await?;
    let base = base(&visit, &slug);
    let Some(view) = visit.accounts().upstream_oauth(visit.caller(), server.id).await? else {
        return Ok(go_to(&base));
    };
    let theirs = asked.person.is_empty() || asked.person == visit.caller().user().to_string();
    let oauth = theirs.then(|| OAuthPanel::of(view, &base, visit.may(Permission::ManageServers)).alone());
    page(&OwnConnectionPage {
        shell: Shell::account(&visit, Tab::Servers, &format!("Connect {}", server.name)).await?,
        base,
        name: server.name.to_string(),
        email: visit.who().visitor.email.to_string(),
        oauth,
    })
}
