//! `/app`: the accounts of who is signed in; with one account, that account.

use askama::Template;
use web_kit::{Answer, Visit, Visitor, go_to};

use crate::{
    page::page,
    routes::{Routes, Who},
    shell::{Shell, home},
};

#[derive(Template)]
#[template(path = "people/chooser.html")]
struct ChooserPage {
    shell: Shell,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/app", Who::Visitor, show)
}

async fn show(visit: Visit<Visitor>) -> Answer {
    match visit.who().accounts.as_slice() {
        [(only, _, _)] => Ok(go_to(&home(only.as_str()))),
        _ => page(&ChooserPage { shell: Shell::personal(&visit, "Your accounts") }),
    }
}
