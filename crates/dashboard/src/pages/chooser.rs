//! `/app`: the accounts of who is signed in, with one account that account; `/app/new`: a further one.

use accounts::NewAccount;
use askama::Template;
use serde::Deserialize;
use web_kit::{Answer, Flash, Form, Visit, Visitor, go_to, go_to_with};

use super::signup;
use crate::{
    form::Errors,
    page::{form_again, page},
    routes::{Routes, Who},
    shell::{Shell, home},
    slug::slug_of,
};

#[derive(Template)]
#[template(path = "people/chooser.html")]
struct ChooserPage {
    shell: Shell,
}

#[derive(Template)]
#[template(path = "people/new_account.html")]
struct NewAccountPage {
    shell: Shell,
    errors: Errors,
    values: Values,
    gateway_origin: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Values {
    account_name: String,
    account_slug: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/app", Who::Visitor, show).get("/app/new", Who::Visitor, show_new).post(
        "/app/new",
        Who::Visitor,
        create,
    )
}

async fn show(visit: Visit<Visitor>) -> Answer {
    match visit.who().accounts.as_slice() {
        [(only, _, _)] => Ok(go_to(&home(only.as_str()))),
        _ => page(&ChooserPage { shell: Shell::personal(&visit, "Your accounts") }),
    }
}

fn form(visit: &Visit<Visitor>, values: Values, errors: Errors) -> NewAccountPage {
    let gateway_origin = visit.accounts().gateway_origin().to_owned();
    NewAccountPage { shell: Shell::personal(visit, "New account"), errors, values, gateway_origin }
}

async fn show_new(visit: Visit<Visitor>) -> Answer {
    page(&form(&visit, Values::default(), Errors::none()))
}

async fn create(visit: Visit<Visitor>, Form(mut values): Form<Values>) -> Answer {
    if values.account_slug.trim().is_empty() {
        values.account_slug = slug_of(&values.account_name);
    }
    let asked =
        NewAccount { account_name: values.account_name.clone(), account_slug: values.account_slug.trim().to_owned() };
    match visit.accounts().create_account(visit.who(), &asked, visit.address()).await {
        Ok(account) => {
            let path = format!("{}/servers/new", home(account.as_str()));
            Ok(go_to_with(visit.kit(), &path, &Flash::done("The account is ready. Register its first server.")))
        }
        Err(refused) => form_again(&form(&visit, values, signup::refusal(refused)?)),
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use crate::testing::{Fill, Site};

    #[tokio::test]
    async fn a_further_account_is_founded_and_both_are_there_to_choose() {
        let site = Site::new().await;
        let mut browser = site.browser(&site.ours().viewer);
        let page = browser.open("/app/new").await;
        let page = browser.fill(&page, &Fill::press("Create account").with("Account name", "Side Project")).await;
        assert_eq!(page.path, "/app/side-project/servers/new");
        let page = browser.open("/app").await;
        assert_eq!(page.all(".list .badge"), ["Viewer", "Owner"]);
        assert_eq!(browser.open("/app/side-project/members").await.all("tbody th"), ["viewer@ours.example You"]);
    }

    #[tokio::test]
    async fn the_neighbours_address_is_taken() {
        let site = Site::new().await;
        let mut browser = site.browser(&site.ours().owner);
        let page = browser.open("/app/new").await;
        let fill = Fill::press("Create account").with("Account name", "Mine").with("Account address", "neighbour");
        let page = browser.fill(&page, &fill).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(page.attribute("#account_name", "value"), "Mine");
        assert!(page.one("#account_slug-error").starts_with("The account address "));
    }
}
