//! The error page, for whatever went wrong.

use askama::Template;
use web_kit::{ErrorView, LostForm, Stage};

use crate::shell::Shell;

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    shell: Shell,
    status: u16,
    title: &'a str,
    text: &'a str,
    request_id: &'a str,
    way_on: &'a (String, &'static str),
    lost: Option<&'a LostForm>,
}

/// Markup of the error page.
pub fn error_page(stage: &Stage, view: &ErrorView) -> String {
    let page = ErrorPage {
        shell: Shell::bare(stage, view.title),
        status: view.status.as_u16(),
        title: view.title,
        text: &view.text,
        request_id: &stage.request_id,
        way_on: &view.way_on,
        lost: view.form.as_ref(),
    };
    page.render().unwrap_or_else(|_| format!("{} ({})", view.title, stage.request_id))
}
