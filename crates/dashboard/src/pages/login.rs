//! `/login` and `/logout`.

use accounts::{LogIn, LogInError};
use askama::Template;
use domain::Secret;
use serde::Deserialize;
use web_kit::{Answer, Anyone, Form, LocalPath, Problem, Query, Visit, go_to};

use crate::{
    form::Errors,
    page::{form_again, page},
    routes::{Routes, Who},
    session,
    shell::Shell,
    show::wait,
};

#[derive(Template)]
#[template(path = "people/login.html")]
struct LogInPage {
    shell: Shell,
    errors: Errors,
    email: String,
    next: String,
    /// Where those without a login make one, and then go on to the same page.
    sign_up: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Next {
    pub(super) next: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Typed {
    email: String,
    password: String,
    next: String,
}

impl LogInPage {
    fn for_an_app(&self) -> bool {
        is_consent(&self.next)
    }
}

/// Whether somebody comes here because an app asks to act for them (crate `oauth`).
pub(super) fn is_consent(next: &str) -> bool {
    next.starts_with("/authorize?")
}

/// Where one goes after log-in when no page was asked for.
const HOME: &str = "/app";

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/login", Who::Anyone, show).post("/login", Who::Anyone, log_in).post("/logout", Who::Anyone, log_out)
}

/// The page of ours that was asked for, if one was.
pub(super) fn asked_for(next: &str) -> Option<LocalPath> {
    LocalPath::parse(next).filter(|path| !matches!(path.as_str(), "/" | "/app"))
}

fn form(visit: &Visit<Anyone>, email: String, next: Option<&LocalPath>, errors: Errors) -> LogInPage {
    LogInPage {
        // The head's own links would lose the page that was asked for.
        shell: Shell { knows_who: false, ..Shell::public(visit, "Log in") },
        errors,
        email,
        next: next.map_or_else(|| HOME.to_owned(), |path| path.as_str().to_owned()),
        sign_up: next.map_or_else(|| "/signup".to_owned(), |path| path.through("/signup")),
    }
}

async fn show(visit: Visit<Anyone>, Query(asked): Query<Next>) -> Answer {
    let next = asked_for(&asked.next);
    if visit.who().0.is_some() {
        return Ok(go_to(next.as_ref().map_or(HOME, LocalPath::as_str)));
    }
    page(&form(&visit, String::new(), next.as_ref(), Errors::none()))
}

async fn log_in(visit: Visit<Anyone>, Form(typed): Form<Typed>) -> Answer {
    let next = asked_for(&typed.next);
    let asked = LogIn { email: typed.email.clone(), password: Secret::new(typed.password) };
    let errors = match visit.accounts().log_in(asked, visit.address()).await {
        Ok(signed_in) => {
            return Ok(session::begin(&visit, &signed_in.session, next.as_ref().map_or(HOME, LocalPath::as_str), None));
        }
        Err(refused) => refusal(refused)?,
    };
    form_again(&form(&visit, typed.email, next.as_ref(), errors))
}

/// The same words whether the e-mail or the password was wrong.
pub(super) fn refusal(refused: LogInError) -> Result<Errors, Problem> {
    match refused {
        LogInError::Throttled { retry_after_s } => {
            Ok(Errors::whole(format!("Too many attempts. Try again in {}.", wait(retry_after_s))))
        }
        LogInError::Wrong => Ok(Errors::whole("That e-mail address and password do not belong together.")),
        LogInError::Other(error) => Err(error.into()),
    }
}

/// Who logs out to go on as somebody else comes back to the page they were on.
async fn log_out(visit: Visit<Anyone>, Form(typed): Form<Next>) -> Answer {
    if let Some(visitor) = &visit.who().0 {
        visit.accounts().log_out(visitor).await?;
    }
    let next = asked_for(&typed.next);
    Ok(session::end(&visit, &next.map_or_else(|| "/login".to_owned(), |path| path.through_login())))
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use test_support::PASSWORD;

    use crate::testing::{Fill, Site};

    #[tokio::test]
    async fn the_page_asked_for_comes_after_log_in_and_log_out_ends_the_session() {
        let site = Site::new().await;
        let mut browser = site.anonymous();
        let page = browser.open("/app/ours/teams").await;
        assert_eq!(page.path, "/login?next=%2Fapp%2Fours%2Fteams");
        let fill = Fill::press("Log in").with("E-mail", "owner@ours.example").with("Password", PASSWORD);
        let page = browser.fill(&page, &fill).await;
        assert_eq!(page.path, "/app/ours/teams");
        let stolen = browser.cookie("portcullis_session").unwrap().to_owned();
        let page = browser.fill(&page, &Fill::press("Log out")).await;
        assert_eq!((page.path.as_str(), browser.cookie("portcullis_session")), ("/login", None));
        let mut thief = site.anonymous();
        thief.set_cookie("portcullis_session", &stolen);
        assert_eq!(thief.open("/app/ours/teams").await.h1(), "Log in");
    }

    #[tokio::test]
    async fn who_comes_because_of_an_app_is_told_so_and_every_way_leads_back_to_it() {
        let site = Site::new().await;
        let mut browser = site.anonymous();
        assert!(!browser.open("/login").await.has(".notice"));
        let page = browser.open("/login?next=%2Fauthorize%3Fstate%3Dx").await;
        assert!(page.one(".notice").contains("An app asks to act for you"));
        assert!(!page.has("header a[href='/signup']"));
        let page = browser.open(&page.attribute("main a", "href")).await;
        assert!(page.one(".notice").contains("An app asks to act for you"));
        assert_eq!(page.attribute("main input[name=next]", "value"), "/authorize?state=x");
        assert!(!page.has("header a[href='/login']"));
    }

    #[tokio::test]
    async fn who_logs_out_to_be_somebody_else_comes_back_to_the_same_page() {
        let site = Site::new().await;
        let mut browser = site.browser(&site.ours().viewer);
        let page = browser.post_once("/logout", "next=%2Fauthorize%3Fstate%3Dx").await;
        assert_eq!(page.header("location"), "/login?next=%2Fauthorize%3Fstate%3Dx");
        assert_eq!(browser.cookie("portcullis_session"), None);
        let page = browser.post_once("/logout", "next=%2F%2Fevil.example").await;
        assert_eq!(page.header("location"), "/login");
    }

    #[tokio::test]
    async fn a_wrong_password_and_an_unknown_person_are_told_the_same() {
        let site = Site::new().await;
        let mut told = Vec::new();
        for email in ["owner@ours.example", "nobody@ours.example"] {
            let mut browser = site.anonymous();
            let page = browser.open("/login").await;
            let fill = Fill::press("Log in").with("E-mail", email).with("Password", "not the password");
            let page = browser.fill(&page, &fill).await;
            assert_eq!(
                (page.status, page.attribute("#email", "value")),
                (StatusCode::UNPROCESSABLE_ENTITY, email.to_owned())
            );
            assert!(!page.text.contains("not the password"));
            told.push(page.one(".summary li"));
        }
        assert_eq!(told[0], told[1]);
    }

    #[tokio::test]
    async fn attempts_are_throttled() {
        let site = Site::new().await;
        let mut browser = site.anonymous();
        let fill = Fill::press("Log in").with("E-mail", "owner@ours.example").with("Password", "not the password");
        for _ in 0..50 {
            let page = browser.open("/login").await;
            let page = browser.fill(&page, &fill).await;
            if page.one(".summary li").starts_with("Too many attempts. Try again in ") {
                return;
            }
        }
        panic!("fifty wrong passwords and no throttle");
    }

    #[tokio::test]
    async fn log_in_leads_to_no_other_site() {
        let site = Site::new().await;
        for odd in ["//evil.example", "https://evil.example", "/%5Cevil.example"] {
            let page = site.anonymous().open(&format!("/login?next={odd}")).await;
            let next = page.attribute("main input[name=next]", "value");
            assert_eq!(next, "/app", "{odd}");
        }
    }
}
