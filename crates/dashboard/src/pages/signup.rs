//! `/signup`: a person, their first account and its address, in one form.

use accounts::{SignUp, SignUpError};
use askama::Template;
use domain::Secret;
use serde::Deserialize;
use web_kit::{Answer, Anyone, Flash, Form, LocalPath, Problem, Query, Visit, go_to};

use super::login::{Next, asked_for, is_consent};
use crate::{
    form::{Errors, Input},
    page::{form_again, page},
    routes::{Routes, Who},
    session,
    shell::{Shell, home},
    show::wait,
    slug::slug_of,
};

#[derive(Template)]
#[template(path = "people/signup.html")]
struct SignUpPage {
    shell: Shell,
    errors: Errors,
    values: Values,
    gateway_origin: String,
    /// The page that was asked for, or nothing.
    next: String,
    /// Where those with a login use it, and then go on to the same page.
    log_in: String,
}

impl SignUpPage {
    fn for_an_app(&self) -> bool {
        is_consent(&self.next)
    }
}

#[derive(Clone, Default)]
struct Values {
    email: String,
    account_name: String,
    account_slug: String,
    next: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Typed {
    email: String,
    password: String,
    account_name: String,
    account_slug: String,
    next: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/signup", Who::Anyone, show).post("/signup", Who::Anyone, create)
}

fn form(visit: &Visit<Anyone>, values: Values, errors: Errors) -> SignUpPage {
    let next = asked_for(&values.next);
    SignUpPage {
        // The head's own links would lose the page that was asked for.
        shell: Shell { knows_who: false, ..Shell::public(visit, "Create account") },
        errors,
        values,
        gateway_origin: visit.accounts().gateway_origin().to_owned(),
        log_in: next.as_ref().map_or_else(|| "/login".to_owned(), LocalPath::through_login),
        next: next.map(|path| path.as_str().to_owned()).unwrap_or_default(),
    }
}

async fn show(visit: Visit<Anyone>, Query(asked): Query<Next>) -> Answer {
    if visit.who().0.is_some() {
        return Ok(go_to("/app"));
    }
    page(&form(&visit, Values { next: asked.next, ..Values::default() }, Errors::none()))
}

async fn create(visit: Visit<Anyone>, Form(typed): Form<Typed>) -> Answer {
    let slug = if typed.account_slug.trim().is_empty() {
        slug_of(&typed.account_name)
    } else {
        typed.account_slug.trim().to_owned()
    };
    let values = Values {
        email: typed.email.clone(),
        account_name: typed.account_name.clone(),
        account_slug: slug.clone(),
        next: typed.next.clone(),
    };
    let asked = SignUp {
        email: typed.email,
        password: Secret::new(typed.password),
        account_name: typed.account_name,
        account_slug: slug,
    };
    let next = asked_for(&typed.next);
    match visit.accounts().sign_up(asked, visit.address()).await {
        Ok(signed_in) => {
            let (first, ready) = match &next {
                Some(next) => (next.as_str().to_owned(), "Your account is ready."),
                None => {
                    let first = format!("{}/servers/new", home(signed_in.account.as_str()));
                    (first, "Your account is ready. Register your first server.")
                }
            };
            Ok(session::begin(&visit, &signed_in.session, &first, Some(&Flash::done(ready))))
        }
        Err(refused) => form_again(&form(&visit, values, refusal(refused)?)),
    }
}

const INPUTS: [Input; 4] = [
    Input::same("email", "The e-mail address"),
    Input::same("password", "The password"),
    Input::same("account_name", "The account name"),
    Input::same("account_slug", "The account address"),
];

/// What to tell of a sign-up that was refused.
pub(super) fn refusal(refused: SignUpError) -> Result<Errors, Problem> {
    refusal_at(refused, &INPUTS)
}

/// The same for a form with other inputs.
pub(super) fn refusal_at(refused: SignUpError, inputs: &[Input]) -> Result<Errors, Problem> {
    match refused {
        SignUpError::Fields(faults) => Ok(Errors::faults(&faults, inputs)),
        SignUpError::Throttled { retry_after_s } => {
            Ok(Errors::whole(format!("Too many attempts from your network. Try again in {}.", wait(retry_after_s))))
        }
        SignUpError::Other(error) => Errors::of(error, inputs),
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use crate::testing::{Fill, Site};

    fn filled(email: &str, password: &str) -> Fill {
        Fill::press("Create account")
            .with("E-mail", email)
            .with("Password", password)
            .with("Account name", "Acme Robotics")
    }

    #[tokio::test]
    async fn who_signs_up_is_signed_in_and_registers_a_server_next() {
        let site = Site::new().await;
        let mut browser = site.anonymous();
        let page = browser.open("/signup").await;
        assert!(page.has("#email[autofocus]"));
        let page = browser.fill(&page, &filled("Ann@Example.com", "kettle-marble-forest")).await;
        assert_eq!(page.path, "/app/acme-robotics/servers/new");
        assert_eq!(browser.open("/app/acme-robotics/keys").await.one(".rail .who"), "ann@example.com");
        assert_eq!(browser.open("/signup").await.path, "/app/acme-robotics", "who is signed in has no sign-up");
    }

    #[tokio::test]
    async fn the_page_asked_for_comes_after_sign_up_too() {
        let site = Site::new().await;
        let mut browser = site.anonymous();
        let page = browser.open("/login?next=%2Fapp%2Fnew").await;
        let page = browser.open(&page.attribute("main p a", "href")).await;
        assert_eq!(page.attribute("main p a", "href"), "/login?next=%2Fapp%2Fnew");
        let page = browser.fill(&page, &filled("ann@example.com", "kettle-marble-forest")).await;
        assert_eq!(page.path, "/app/new");
        let page = site.anonymous().open("/signup?next=//evil.example").await;
        assert_eq!(page.attribute("main input[name=next]", "value"), "");
    }

    #[tokio::test]
    async fn what_is_wrong_is_told_at_its_input_and_the_password_is_not_shown_again() {
        let site = Site::new().await;
        let mut browser = site.anonymous();
        let page = browser.open("/signup").await;
        let fill = filled("owner@ours.example", "password12").with("Account address", "app");
        let page = browser.fill(&page, &fill).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        for id in ["password", "account_slug"] {
            let css = format!("#{id}[aria-invalid=true][aria-describedby~='{id}-error']");
            assert!(page.has(&css) && page.has(&format!(".summary a[href='#{id}']")), "{id}");
        }
        assert_eq!(page.attribute("#email", "value"), "owner@ours.example");
        assert_eq!(page.attribute("#account_slug", "value"), "app");
        assert!(!page.text.contains("password12"));
        assert!(page.has("#password[autofocus]"), "the first that is wrong has the focus");
        let page = browser.fill(&page, &filled("owner@ours.example", "kettle-marble-forest")).await;
        assert!(page.one("#account_slug-error").starts_with("The account address "), "{}", page.text);
    }

    #[tokio::test]
    async fn an_address_that_is_taken_is_told() {
        let site = Site::new().await;
        let mut browser = site.anonymous();
        let page = browser.open("/signup").await;
        let page = browser.fill(&page, &filled("owner@ours.example", "kettle-marble-forest")).await;
        assert!(page.one("#email-error").contains("log in instead"));
        assert_eq!(browser.cookie("portcullis_session"), None);
    }
}
