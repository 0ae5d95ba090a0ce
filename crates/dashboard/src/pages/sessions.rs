//! `/app/{account}/sessions`: the browsers that are signed in as the visitor, and the password.

use accounts::ChangePassword;
use askama::Template;
use domain::{Permission, Secret, SessionId};
use serde::Deserialize;
use web_kit::{Answer, Flash, Form, Member, Path, Problem, Visit, go_to_with};

use super::signup;
use crate::{
    form::{Errors, Input},
    page::{form_again, id, page},
    routes::{Routes, Who},
    shell::{Shell, Tab},
    show::Time,
};

#[derive(Template)]
#[template(path = "people/sessions.html")]
struct SessionsPage {
    shell: Shell,
    errors: Errors,
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

#[derive(Deserialize, Default)]
#[serde(default)]
struct Passwords {
    current: String,
    password: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    let member = Who::Member(Permission::View);
    routes
        .get("/app/{account}/sessions", member, show)
        .post("/app/{account}/sessions/password", member, change_password)
        .post("/app/{account}/sessions/revoke-others", member, revoke_others)
        .post("/app/{account}/sessions/{session}/revoke", member, revoke)
}

async fn load(visit: &Visit<Member>, errors: Errors) -> Result<SessionsPage, Problem> {
    let sessions = visit.accounts().sessions(&visit.who().visitor).await?;
    let rows = sessions.into_iter().map(|session| Row {
        id: session.id.to_string(),
        browser: browser(&session.user_agent),
        ip: session.ip,
        created: session.created_at.into(),
        last_seen: session.last_seen_at.into(),
        current: session.current,
    });
    let shell = Shell::account(visit, Tab::Other, "Signed-in devices").await?;
    Ok(SessionsPage { shell, errors, sessions: rows.collect() })
}

async fn show(visit: Visit<Member>) -> Answer {
    page(&load(&visit, Errors::none()).await?)
}

async fn revoke(visit: Visit<Member>, Path(named): Path<Named>) -> Answer {
    let session: SessionId = id(&named.session)?;
    visit.accounts().revoke_session(&visit.who().visitor, session).await?;
    Ok(back(&visit, "That device is logged out."))
}

async fn revoke_others(visit: Visit<Member>) -> Answer {
    visit.accounts().revoke_other_sessions(&visit.who().visitor).await?;
    Ok(back(&visit, "All other devices are logged out."))
}

const INPUTS: [Input; 2] =
    [Input::same("current", "The password you have now"), Input::same("password", "The new password")];

const CHANGED: &str = "Your password is changed. All other devices are logged out, and your apps are disconnected.";

async fn change_password(visit: Visit<Member>, Form(typed): Form<Passwords>) -> Answer {
    let asked = ChangePassword { current: Secret::new(typed.current), password: Secret::new(typed.password) };
    match visit.accounts().change_password(&visit.who().visitor, asked, visit.address()).await {
        Ok(()) => Ok(back(&visit, CHANGED)),
        Err(refused) => form_again(&load(&visit, signup::refusal_at(refused, &INPUTS)?).await?),
    }
}

fn back(visit: &Visit<Member>, done: &str) -> axum::response::Response {
    go_to_with(visit.kit(), &format!("{}/sessions", visit.home()), &Flash::done(done))
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
    use http::StatusCode;
    use test_support::PASSWORD;

    use super::*;
    use crate::testing::{Fill, Site};

    #[tokio::test]
    async fn a_device_that_is_logged_out_is_out_at_once() {
        let site = Site::new().await;
        let (mut mine, mut other) = (site.browser(&site.ours().viewer), site.anonymous());
        let page = other.open("/login").await;
        let fill = Fill::press("Log in").with("E-mail", "viewer@ours.example").with("Password", PASSWORD);
        other.fill(&page, &fill).await;
        let page = mine.open("/app/ours/sessions").await;
        assert_eq!(page.all(".list li").len(), 2);
        let page = mine.fill(&page, &Fill::press("Log out An unknown program")).await;
        assert_eq!(page.all(".list li").len(), 1);
        assert_eq!(other.open("/app/ours/sessions").await.h1(), "Log in");
        assert_eq!(mine.open("/app/ours/sessions").await.status, StatusCode::OK);
    }

    #[tokio::test]
    async fn all_other_devices_are_logged_out_by_one_button() {
        let site = Site::new().await;
        let (mut mine, mut other) = (site.browser(&site.ours().viewer), site.anonymous());
        let page = mine.open("/app/ours/sessions").await;
        assert!(!page.text.contains("Log out all"), "there is no other");
        let page = other.open("/login").await;
        let fill = Fill::press("Log in").with("E-mail", "viewer@ours.example").with("Password", PASSWORD);
        other.fill(&page, &fill).await;
        let page = mine.open("/app/ours/sessions").await;
        let done = mine.fill(&page, &Fill::press("Log out all other devices")).await;
        assert_eq!(done.one(".flash"), "All other devices are logged out.");
        assert_eq!(done.all(".list li").len(), 1);
        assert_eq!(other.open("/app/ours/sessions").await.h1(), "Log in");
    }

    #[tokio::test]
    async fn the_password_is_changed_by_who_knows_it() {
        let site = Site::new().await;
        let mut browser = site.browser(&site.ours().viewer);
        let page = browser.open("/app/ours/sessions").await;
        let change =
            |now: &str, new: &str| Fill::press("Change password").with("Password now", now).with("New password", new);
        let wrong = browser.fill(&page, &change("not the password", "plum-orbit-lantern")).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(wrong.has("#current-error"));
        let done = browser.fill(&page, &change(PASSWORD, "plum-orbit-lantern")).await;
        assert_eq!(done.one(".flash"), CHANGED);
        let mut other = site.anonymous();
        let page = other.open("/login").await;
        let fill = Fill::press("Log in").with("E-mail", "viewer@ours.example").with("Password", "plum-orbit-lantern");
        assert_eq!(other.fill(&page, &fill).await.path, "/app/ours");
    }

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
