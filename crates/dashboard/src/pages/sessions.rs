//! `/app/{account}/sessions`: the browsers that are signed in as the visitor.

use askama::Template;
use domain::SessionId;
use serde::Deserialize;
use web_kit::{Answer, Flash, Member, Path, Visit, go_to_with};

use crate::{
    page::{id, page},
    routes::{Routes, Who},
    shell::{Shell, Tab},
    show::Time,
};

#[derive(Template)]
#[template(path = "people/sessions.html")]
struct SessionsPage {
    shell: Shell,
    sessions: Vec<Row>,
}

struct Row {
    id: String,
    browser: String,
    ip: String,
    created: Time,
    last_seen: Time,
    current: bool,
}

#[derive(Deserialize)]
struct Named {
    session: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/app/{account}/sessions", Who::Member(domain::Permission::View), show).post(
        "/app/{account}/sessions/{session}/revoke",
        Who::Member(domain::Permission::View),
        revoke,
    )
}

async fn show(visit: Visit<Member>) -> Answer {
    let sessions = visit.accounts().sessions(&visit.who().visitor).await?;
    let rows = sessions.into_iter().map(|session| Row {
        id: session.id.to_string(),
        browser: browser(&session.user_agent),
        ip: session.ip,
        created: session.created_at.into(),
        last_seen: session.last_seen_at.into(),
        current: session.current,
    });
    page(&SessionsPage { shell: Shell::account(&visit, Tab::Other, "Signed-in devices"), sessions: rows.collect() })
}

async fn revoke(visit: Visit<Member>, Path(named): Path<Named>) -> Answer {
    let session: SessionId = id(&named.session)?;
    visit.accounts().revoke_session(&visit.who().visitor, session).await?;
    let back = format!("{}/sessions", visit.home());
    Ok(go_to_with(visit.kit(), &back, &Flash::done("That device is logged out.")))
}

/// "Firefox on Linux": enough to know one's own devices by.
fn browser(user_agent: &str) -> String {
    let first = |known: &[(&'static str, &'static str)]| {
        known.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    // Order matters: Edge and Opera also call themselves Chrome, and Chrome calls itself Safari.
    let program = first(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = first(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (program, system) {
        (Some(program), Some(system)) => format!("{program} on {system}"),
        (Some(program), None) => program.to_owned(),
        (None, Some(system)) => format!("A browser on {system}"),
        (None, None) => "An unknown program".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_apart() {
        for (agent, told) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36 Edg/142.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit/605.1 (KHTML, like Gecko) Version/18 Safari/605.1",
                "Safari on macOS",
            ),
            (
                "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            ("curl/8.5", "curl"),
            ("", "An unknown program"),
        ] {
            assert_eq!(browser(agent), told);
        }
    }
}
