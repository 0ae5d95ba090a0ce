//! `/app/{account}/apps`: the apps that act for the reader, and for who manages members everybody's.

use accounts::{AppRow, Error};
use askama::Template;
use domain::{AppId, Permission, Scope, Scopes, UserId};
use serde::Deserialize;
use web_kit::{Answer, Flash, Member, Path, Problem, Visit, go_to_with};

use crate::{
    page::{id, page},
    routes::{Routes, Who},
    shell::{Shell, Tab},
    show::Time,
};

#[derive(Template)]
#[template(path = "people/apps.html")]
struct AppsPage {
    shell: Shell,
    path: String,
    account_url: String,
    mine: Vec<AppLine>,
    /// The others' apps, for who manages members.
    others: Vec<AppLine>,
}

/// An app in the list.
struct AppLine {
    id: String,
    name: String,
    /// Where the name comes from.
    known: String,
    who: String,
    url: String,
    may: &'static str,
    connected: Time,
    last_used: Option<Time>,
    ends: Time,
}

#[derive(Deserialize)]
struct Named {
    app: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    let own = Who::Member(Permission::OwnKeys);
    routes.get("/app/{account}/apps", own, show).post("/app/{account}/apps/{app}/revoke", own, revoke)
}

fn path(visit: &Visit<Member>) -> String {
    format!("{}/apps", visit.home())
}

async fn show(visit: Visit<Member>) -> Answer {
    let me = visit.caller().user();
    let all = apps(&visit).await?;
    let (mine, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|app| app.user == me);
    page(&AppsPage {
        shell: Shell::account(&visit, Tab::Apps, "Connected apps").await?,
        path: path(&visit),
        account_url: format!("{}/{}/mcp", visit.accounts().gateway_origin(), visit.caller().slug()),
        mine: mine.into_iter().map(|app| AppLine::of(app, me)).collect(),
        others: others.into_iter().map(|app| AppLine::of(app, me)).collect(),
    })
}

async fn apps(visit: &Visit<Member>) -> Result<Vec<AppRow>, Error> {
    if visit.may(Permission::ManageMembers) {
        visit.accounts().all_apps(visit.caller()).await
    } else {
        visit.accounts().apps(visit.caller()).await
    }
}

async fn revoke(visit: Visit<Member>, Path(named): Path<Named>) -> Result<axum::response::Response, Problem> {
    let app: AppId = id(&named.app)?;
    visit.accounts().revoke_app(visit.caller(), app).await?;
    Ok(go_to_with(visit.kit(), &path(&visit), &Flash::done("The app is disconnected.")))
}

impl AppLine {
    fn of(app: AppRow, me: UserId) -> Self {
        let known = match &app.client.host {
            Some(host) => format!("known by its page at {host}"),
            None => "registered itself; the name is its own word".to_owned(),
        };
        Self {
            id: app.id.to_string(),
            name: app.client.name.to_string(),
            known,
            who: if app.user == me { "You".to_owned() } else { app.email.as_str().to_owned() },
            url: app.resource,
            may: may(app.scopes),
            connected: app.created_at.into(),
            last_used: app.last_used_at.map(Time::from),
            ends: app.ends_at.into(),
        }
    }
}

/// What it may do, within what the grants allow.
fn may(scopes: Scopes) -> &'static str {
    if scopes.contains(Scope::Write) { "look and change things" } else { "look" }
}

#[cfg(test)]
mod tests;
