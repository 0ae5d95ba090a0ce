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

/// A text, whoever wrote it, as part of a query.
pub(crate) fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tools_name_cannot_leave_its_place_in_a_query() {
        assert_eq!(escape("a&b=c#é d"), "a%26b%3Dc%23%C3%A9%20d");
    }
}
