//! `/invite/{token}`: joining an account by link: signed in, by logging in, or with a new login, in one form.

use accounts::{Invitation, LogIn, NewPerson, SignUpError};
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
    /// What the reader is in the account already, and where that is.
    member: Option<(&'static str, String)>,
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
    let shell = Shell::public(visit, &format!("Join {}", invitation.account_name));
    let here = shell.accounts().iter().find(|account| account.slug == invitation.account_slug.as_str());
    InvitePage {
        member: here.map(|account| (account.role, account.home.clone())),
        shell,
        errors,
        account: invitation.account_name.to_string(),
        role: show::role(invitation.role),
        team: invitation.team.map(|team| team.to_string()),
        token,
        email,
    }
}

/// What the link offers.
async fn invitation(visit: &Visit<Anyone>, token: &str) -> Result<Invitation, Problem> {
    visit.accounts().invitation(token).await.map_err(over)
}

/// An invitation that was used, revoked or is over, be it while its page was open, looks like one that never was.
fn over(error: accounts::Error) -> Problem {
    match error {
        accounts::Error::NotFound => Problem::Over { title: "This invitation does not work", what: OVER },
        other => other.into(),
    }
}

const OVER: &str = "It was used or revoked, is older than a week, or its address was not copied whole. Have you joined with it already? \
                    Then you are in: go to your account. Otherwise ask whoever sent it for a new one.";

async fn show(visit: Visit<Anyone>, Path(named): Path<Named>) -> Answer {
    let invitation = invitation(&visit, &named.token).await?;
    page_with_secret(&form(&visit, named.token, invitation, String::new(), Errors::none()))
}

async fn accept(visit: Visit<Anyone>, Path(named): Path<Named>, Form(typed): Form<Typed>) -> Answer {
    let invitation = invitation(&visit, &named.token).await?;
    let joined = match (&visit.who().0, typed.how.as_str()) {
        (Some(visitor), _) => {
            let account = visit.accounts().accept_invite(visitor, &named.token).await.map_err(over)?;
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
    let account = visit.accounts().accept_invite(&visitor, token).await.map_err(over)?;
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
        Err(SignUpError::Other(gone @ accounts::Error::NotFound)) => Err(over(gone)),
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
        assert_eq!(again.h1(), "This invitation does not work");
        assert!(again.text.contains("ask whoever sent it for a new one"), "{}", again.text);
    }

    #[tokio::test]
    async fn a_link_that_was_used_while_its_page_was_open_says_so_whoever_presses() {
        let site = Site::new().await;
        let path = link(&site).await;
        let (mut member, mut person, mut nobody) =
            (site.browser(&site.fixture.neighbour.admin), site.anonymous(), site.anonymous());
        let (seen, asked, read) = (member.open(&path).await, person.open(&path).await, nobody.open(&path).await);
        let fill = Fill::press("Create my login and join").with("E-mail", "new@example.com");
        assert_eq!(nobody.fill(&read, &fill.with("Password", "kettle-marble-forest")).await.path, "/app/ours");
        let late = Fill::press("I have a login: log in and join")
            .with("E-mail", "viewer@neighbour.example")
            .with("Password", PASSWORD);
        for page in [member.fill(&seen, &Fill::press("Join Same name")).await, person.fill(&asked, &late).await] {
            assert_eq!((page.status, page.h1().as_str()), (StatusCode::NOT_FOUND, "This invitation does not work"));
        }
    }

    #[tokio::test]
    async fn who_is_a_member_already_is_told_so() {
        let site = Site::new().await;
        let path = link(&site).await;
        let page = site.browser(&site.ours().admin).open(&path).await;
        assert!(page.text.contains("You are in Same name already, as Admin"), "{}", page.text);
        let mut browser = site.browser(&site.fixture.neighbour.admin);
        let page = browser.open(&path).await;
        let page = browser.fill(&page, &Fill::press("Log in as somebody else")).await;
        assert_eq!((page.h1().as_str(), page.attribute("main input[name=next]", "value")), ("Log in", path));
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
        assert!(!page.has("main input:not([type=hidden])"));
        assert_eq!(browser.fill(&page, &Fill::press("Join Same name")).await.path, "/app/ours");
    }
}
