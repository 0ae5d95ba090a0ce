//! `/theme`: the colours someone chose, kept in a cookie.

use serde::Deserialize;
use web_kit::{
    Answer, Anyone, Form, LocalPath, Theme, Visit,
    cookies::{self, CookieName},
    go_to,
};

use crate::routes::{Routes, Who};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Chosen {
    theme: String,
    next: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.post("/theme", Who::Anyone, choose)
}

async fn choose(visit: Visit<Anyone>, Form(chosen): Form<Chosen>) -> Answer {
    let next = LocalPath::parse(&chosen.next).unwrap_or_else(LocalPath::root);
    let mut response = go_to(next.as_str());
    let theme = Theme::parse(&chosen.theme);
    cookies::set(response.headers_mut(), CookieName::Theme, theme.as_str(), &visit.kit().config().public_origin);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fill, Site};

    #[tokio::test]
    async fn the_colours_stay_and_so_does_the_page() {
        let site = Site::new().await;
        let mut browser = site.browser(&site.ours().viewer);
        let page = browser.open("/app/ours/teams?x=1").await;
        assert_eq!(page.attribute("html", "data-theme"), "system");
        let page = browser.fill(&page, &Fill::press("Dark")).await;
        assert_eq!(
            (page.path.as_str(), page.attribute("html", "data-theme")),
            ("/app/ours/teams?x=1", "dark".to_owned())
        );
        assert!(
            page.has("button[value=dark][aria-pressed=true]") && page.has("button[value=light][aria-pressed=false]")
        );
        let answer = browser.post_once("/theme", "theme=evil&next=//evil.example").await;
        assert_eq!(answer.header("location"), "/");
        assert_eq!(browser.open("/app/ours/teams").await.attribute("html", "data-theme"), "system");
    }
}
