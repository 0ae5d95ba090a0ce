//! `/invite/{token}`: joining an account by link: signed in, by logging in, or with a new login, in one form.

use accounts::{Invitation, LogIn, NewPerson};
use askama::Template;
use axum::response::Response;
use domain::Secret;
use serde::Deserialize;
use web_kit::{Answer, Anyone, Flash, Form, Path, Problem, Visit, go_to_with};

use crate::{
    form::Errors,
    page::{form_again, page_with_secret},
    pages::{login, signup},
    routes::{Routes, Who},
    session,
    shell::{Shell, home},
    show,
};

#[derive(Template)]
#[template(path = "people/invite.html")]
struct InvitePage {
    shell: Shell,
    errors: Errors,
    account: String,
    role: &'static str,
    team: Option<String>,
    token: String,
    email: String,
}

#[derive(Deserialize)]
struct Named {
    token: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Typed {
    how: String,
    email: String,
    password: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/invite/{token}", Who::Anyone, show).post("/invite/{token}", Who::Anyone, accept)
}

fn form(visit: &Visit<Anyone>, token: String, invitation: Invitation, email: String, errors: Errors) -> InvitePage {
    InvitePage {
        shell: Shell::public(visit, &format!("Join {}", invitation.account_name)),
        errors,
        account: invitation.account_name.to_string(),
        role: show::role(invitation.role),
        team: invitation.team.map(|team| team.to_string()),
        token,
        email,
    }
}

/// What the link offers. One that was used, revoked or is over looks like one that never was.
async fn invitation(visit: &Visit<Anyone>, token: &str) -> Result<Invitation, Problem> {
    let over = "This invitation was used or revoked, or is over. Ask whoever sent it for a new one.";
    match visit.accounts().invitation(token).await {
        Err(accounts::Error::NotFound) => Err(Problem::Over { what: over.to_owned() }),
        found => Ok(found?),
    }
}

async fn show(visit: Visit<Anyone>, Path(named): Path<Named>) -> Answer {
    let invitation = invitation(&visit, &named.token).await?;
    page_with_secret(&form(&visit, named.token, invitation, String::new(), Errors::none()))
}

async fn accept(visit: Visit<Anyone>, Path(named): Path<Named>, Form(typed): Form<Typed>) -> Answer {
    let invitation = invitation(&visit, &named.token).await?;
    let joined = match (&visit.who().0, typed.how.as_str()) {
        (Some(visitor), _) => {
            let account = visit.accounts().accept_invite(visitor, &named.token).await?;
            return Ok(go_to_with(visit.kit(), &home(account.as_str()), &welcome(&invitation)));
        }
        (None, "existing") => log_in_and_join(&visit, &named.token, &typed, &invitation).await?,
        (None, _) => sign_up_and_join(&visit, &named.token, &typed, &invitation).await?,
    };
    match joined {
        Ok(response) => Ok(response),
        Err(errors) => form_again(&form(&visit, named.token, invitation, typed.email, errors)),
    }
}

fn welcome(invitation: &Invitation) -> Flash {
    Flash::done(format!("You are a member of {} now.", invitation.account_name))
}

async fn log_in_and_join(
    visit: &Visit<Anyone>,
    token: &str,
    typed: &Typed,
    invitation: &Invitation,
) -> Result<Result<Response, Errors>, Problem> {
    let asked = LogIn { email: typed.email.clone(), password: Secret::new(typed.password.clone()) };
    let signed_in = match visit.accounts().log_in(asked, visit.address()).await {
        Ok(signed_in) => signed_in,
        Err(refused) => return Ok(Err(login::refusal(refused)?)),
    };
    let visitor = visit.accounts().visitor(signed_in.session.expose()).await?.ok_or(Problem::Internal)?;
    let account = visit.accounts().accept_invite(&visitor, token).await?;
    Ok(Ok(session::begin(visit, &signed_in.session, &home(account.as_str()), Some(&welcome(invitation)))))
}

async fn sign_up_and_join(
    visit: &Visit<Anyone>,
    token: &str,
    typed: &Typed,
    invitation: &Invitation,
) -> Result<Result<Response, Errors>, Problem> {
    let asked = NewPerson { email: typed.email.clone(), password: Secret::new(typed.password.clone()) };
    match visit.accounts().sign_up_invited(token, asked, visit.address()).await {
        Ok(signed_in) => {
            let path = home(signed_in.account.as_str());
            Ok(Ok(session::begin(visit, &signed_in.session, &path, Some(&welcome(invitation)))))
        }
        Err(refused) => Ok(Err(signup::refusal(refused)?)),
    }
}

#[cfg(test)]
mod tests {
    use domain::Role;
    use http::StatusCode;
    use test_support::PASSWORD;

    use crate::testing::{Fill, Site};

    async fn link(site: &Site) -> String {
        let ours = site.ours();
        let created = site.fixture.accounts.create_invite(&ours.owner.caller, Role::Viewer, Some(ours.team)).await;
        format!("/invite/{}", created.unwrap().token.expose())
    }

    #[tokio::test]
    async fn a_new_person_joins_with_a_new_login() {
        let site = Site::new().await;
        let path = link(&site).await;
        let mut browser = site.anonymous();
        let page = browser.open(&path).await;
        assert_eq!((page.h1().as_str(), page.header("cache-control")), ("Join Same name", "no-store"));
        let fill = |password| {
            Fill::press("Create my login and join").with("E-mail", "new@example.com").with("Password", password)
        };
        let page = browser.fill(&page, &fill("short")).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(page.attribute("#email", "value"), "new@example.com");
        let page = browser.fill(&page, &fill("kettle-marble-forest")).await;
        assert_eq!(page.path, "/app/ours");
        assert_eq!(browser.open("/app/ours/teams/data").await.all(".list .main").len(), 2, "and is in the team");
        let again = site.anonymous().open(&path).await;
        assert_eq!(again.status, StatusCode::NOT_FOUND, "the link works once");
        assert!(again.text.contains("Ask whoever sent it for a new one."));
    }

    #[tokio::test]
    async fn who_has_a_login_joins_with_it() {
        let site = Site::new().await;
        let path = link(&site).await;
        let mut browser = site.anonymous();
        let page = browser.open(&path).await;
        let fill = |password| {
            Fill::press("I have a login: log in and join")
                .with("E-mail", "viewer@neighbour.example")
                .with("Password", password)
        };
        let page = browser.fill(&page, &fill("wrong password")).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        let page = browser.fill(&page, &fill(PASSWORD)).await;
        assert_eq!(page.path, "/app/ours");
        assert_eq!(browser.open("/app").await.all(".list .main"), ["Same name", "Same name"]);
    }

    #[tokio::test]
    async fn who_is_signed_in_joins_by_one_button() {
        let site = Site::new().await;
        let path = link(&site).await;
        let mut browser = site.browser(&site.fixture.neighbour.admin);
        let page = browser.open(&path).await;
        assert!(!page.has("main input"));
        assert_eq!(browser.fill(&page, &Fill::press("Join Same name")).await.path, "/app/ours");
    }
}
