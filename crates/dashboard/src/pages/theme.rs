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
