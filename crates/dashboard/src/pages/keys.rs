//! `/app/{account}/keys`: the reader's own keys.

use askama::Template;
use domain::{KeyId, Permission, Principal};
use serde::Deserialize;
use web_kit::{Answer, Flash, Form, Member, Path, Problem, Visit, go_to_with};

use super::key_form::{INPUTS, KeyLine, NewKey, Typed};
use crate::{
    form::{Choice, Errors},
    page::{form_again, id, page, page_with_secret},
    routes::{Routes, Who},
    shell::{Shell, Tab},
};

#[derive(Template)]
#[template(path = "people/keys.html")]
struct KeysPage {
    shell: Shell,
    errors: Errors,
    may_revoke: bool,
    keys_path: String,
    keys: Vec<KeyLine>,
    new_key: Option<NewKey>,
    label: String,
    expiries: Vec<Choice>,
}

#[derive(Deserialize)]
struct Named {
    key: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    let own = Who::Member(Permission::OwnKeys);
    routes.get("/app/{account}/keys", own, show).post("/app/{account}/keys", own, create).post(
        "/app/{account}/keys/{key}/revoke",
        own,
        revoke,
    )
}

fn path(visit: &Visit<Member>) -> String {
    format!("{}/keys", visit.home())
}

async fn load(
    visit: &Visit<Member>,
    typed: &Typed,
    new_key: Option<NewKey>,
    errors: Errors,
) -> Result<KeysPage, Problem> {
    let now = visit.kit().now();
    let keys = visit.accounts().my_keys(visit.caller()).await?;
    Ok(KeysPage {
        shell: Shell::account(visit, Tab::Keys, "My keys").await?,
        errors,
        may_revoke: true,
        keys_path: path(visit),
        keys: keys.into_iter().map(|key| KeyLine::of(key, now)).collect(),
        new_key,
        label: typed.label.clone(),
        expiries: typed.expiries(),
    })
}

async fn show(visit: Visit<Member>) -> Answer {
    page(&load(&visit, &Typed::default(), None, Errors::none()).await?)
}

async fn create(visit: Visit<Member>, Form(typed): Form<Typed>) -> Answer {
    let me = Principal::Member(visit.caller().user());
    let asked = match typed.read(me, visit.kit().now()) {
        Ok(asked) => asked,
        Err(errors) => return form_again(&load(&visit, &typed, None, errors).await?),
    };
    match visit.accounts().new_key(visit.caller(), &asked).await {
        Ok(created) => {
            let new_key = NewKey::of(&visit, &asked.label, &created.token);
            page_with_secret(&load(&visit, &Typed::default(), Some(new_key), Errors::none()).await?)
        }
        Err(refused) => form_again(&load(&visit, &typed, None, Errors::of(refused, &INPUTS)?).await?),
    }
}

async fn revoke(visit: Visit<Member>, Path(named): Path<Named>) -> Answer {
    let key: KeyId = id(&named.key)?;
    visit.accounts().revoke_key(visit.caller(), key).await?;
    Ok(go_to_with(visit.kit(), &path(&visit), &Flash::done("The key is revoked.")))
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use crate::testing::{Fill, Site};

    #[tokio::test]
    async fn a_key_is_shown_once_with_the_url_it_goes_with() {
        let site = Site::new().await;
        let mut browser = site.browser(&site.ours().viewer);
        let page = browser.open("/app/ours/keys").await;
        assert!(page.has(".empty"));
        let fill = Fill::press("Create key").with("What it is for", "Laptop").with("Ends", "In 7 days");
        let page = browser.fill(&page, &fill).await;
        assert_eq!(page.header("cache-control"), "no-store");
        let shown = page.all(".copy code");
        assert!(shown[0].starts_with("pcl_key_"), "{shown:?}");
        assert_eq!(shown[1], "https://gateway.example/ours/mcp");
        assert_eq!(page.attribute("td[data-label=Ends] time", "datetime"), "2026-01-12T12:00:00Z");
        let page = browser.open("/app/ours/keys").await;
        assert!(!page.text.contains("pcl_key_"));
        assert_eq!(page.all("tbody th"), ["Laptop"]);
        let page = browser.fill(&page, &Fill::press("Revoke")).await;
        assert_eq!(page.one(".flash"), "The key is revoked.");
        assert!(page.has(".empty"));
    }

    #[tokio::test]
    async fn what_is_wrong_is_told_and_what_was_typed_stays() {
        let site = Site::new().await;
        let mut browser = site.browser(&site.ours().viewer);
        let page = browser.open("/app/ours/keys").await;
        let page = browser.fill(&page, &Fill::press("Create key").with("Ends", "Only when revoked")).await;
        assert_eq!((page.status, page.has("#label[aria-invalid=true]")), (StatusCode::UNPROCESSABLE_ENTITY, true));
        assert!(page.has("#expires option[value=never][selected]"));
        let page = browser.post_once("/app/ours/keys", "label=x&expires=4000").await;
        assert!(page.has("#expires[aria-invalid=true]") && page.attribute("#label", "value") == "x");
    }

    #[tokio::test]
    async fn nobody_elses_key_can_be_revoked_here() {
        let site = Site::new().await;
        let mut browser = site.browser(&site.ours().owner);
        let path = format!("/app/ours/keys/{}/revoke", site.fixture.neighbour.agent_key);
        assert_eq!(browser.post_once(&path, "").await.status, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn a_form_sent_after_the_session_ended_is_given_back() {
        let site = Site::new().await;
        let page = site.anonymous().post_once("/app/ours/keys", "label=My+precious+label&expires=30").await;
        assert_eq!((page.status, page.h1().as_str()), (StatusCode::UNAUTHORIZED, "You are logged out"));
        assert!(page.all("dd").contains(&"My precious label".to_owned()));
        assert_eq!(page.attribute("main form", "action"), "/app/ours/keys");
        let mut browser = site.browser(&site.ours().viewer);
        let page = browser.fill(&page, &Fill::press("Send it again")).await;
        assert_eq!(page.all("tbody th"), ["My precious label"]);
    }
}
