//! How a page struct becomes an answer.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use web_kit::{Answer, Keep, Problem};

/// A page.
pub(crate) fn page(template: &impl Template) -> Answer {
    render(StatusCode::OK, template, Keep::ForBack)
}

/// A page that shows a secret once: no browser keeps it.
pub(crate) fn page_with_secret(template: &impl Template) -> Answer {
    render(StatusCode::OK, template, Keep::Not)
}

/// A form again, with what was typed and what was wrong with it.
pub(crate) fn form_again(template: &impl Template) -> Answer {
    render(StatusCode::UNPROCESSABLE_ENTITY, template, Keep::ForBack)
}

fn render(status: StatusCode, template: &impl Template, keep: Keep) -> Result<Response, Problem> {
    let text = template.render().map_err(|error| Problem::internal("rendering a page", &error))?;
    Ok(web_kit::html(status, text, keep))
}

/// What a path names by its id or slug; a text that is none names nothing.
pub(crate) fn id<T: std::str::FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::NotFound)
}
