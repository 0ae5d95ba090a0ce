//! `/`: what this is.

use askama::Template;
use web_kit::{Answer, Anyone, Visit, go_to};

use crate::{
    page::page,
    routes::{Routes, Who},
    shell::Shell,
};

#[derive(Template)]
#[template(path = "landing.html")]
struct LandingPage {
    shell: Shell,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/", Who::Anyone, show)
}

async fn show(visit: Visit<Anyone>) -> Answer {
    if visit.who().0.is_some() {
        return Ok(go_to("/app"));
    }
    page(&LandingPage { shell: Shell::public(&visit, "The gate between AI agents and your MCP servers") })
}

#[cfg(test)]
mod tests {
    use crate::testing::Site;

    #[tokio::test]
    async fn it_leads_to_sign_up_and_those_signed_in_to_their_account() {
        let site = Site::new().await;
        let page = site.anonymous().open("/").await;
        assert_eq!(page.attribute(".hero .button.primary", "href"), "/signup");
        let page = site.browser(&site.ours().viewer).open("/").await;
        assert_eq!(page.path, "/app/ours");
    }
}
