//! The one place where a problem, or a panic, becomes a page; and where a form that could not be saved is given back.

use std::panic::AssertUnwindSafe;

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};

use crate::{ErrorView, Kit, LostForm, Problem, Stage, stage::Purpose};

/// The largest form that is read, in bytes. A policy is the largest thing anyone sends.
pub const MAX_FORM_BYTES: usize = 2 * 1024 * 1024;

const FORM: &str = "application/x-www-form-urlencoded";

pub(crate) async fn rescue(State(kit): State<Kit>, request: Request, next: Next) -> Response {
    let Some(stage) = request.extensions().get::<Stage>().cloned() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let posted_to = request.uri().path().to_owned();
    let (request, form) = match keep_form(request).await {
        Ok(kept) => kept,
        Err(problem) => return page(&kit, &stage, &problem.view()),
    };
    let response = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => {
            tracing::error!(request_id = &*stage.request_id, "a handler panicked");
            Problem::Internal.into_response()
        }
    };
    match response.extensions().get::<Problem>() {
        Some(problem) => answer(&kit, &stage, problem, form.map(|form| Posted { to: posted_to, form })),
        None => response,
    }
}

struct Posted {
    to: String,
    form: Bytes,
}

async fn keep_form(request: Request) -> Result<(Request, Option<Bytes>), Problem> {
    if !is_form(request.headers()) {
        return Ok((request, None));
    }
    let (head, body) = request.into_parts();
    let read = Limited::new(body, MAX_FORM_BYTES).collect().await;
    let bytes = match read {
        Ok(read) => read.to_bytes(),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            return Err(Problem::TooLarge { limit: MAX_FORM_BYTES });
        }
        Err(_) => return Err(Problem::Unreadable { why: "it did not arrive in full".to_owned() }),
    };
    Ok((Request::from_parts(head, Body::from(bytes.clone())), Some(bytes)))
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(FORM)
}

fn answer(kit: &Kit, stage: &Stage, problem: &Problem, posted: Option<Posted>) -> Response {
    let mut view = problem.view();
    if let Problem::LoggedOut { next } = problem {
        match posted {
            Some(posted) => give_back(&mut view, posted),
            None if stage.purpose == Purpose::Page => return see_other(&next.through_login()),
            None => {}
        }
    }
    page(kit, stage, &view)
}

/// Every field goes back into the form, also empty ones: repeated names belong together by their order.
fn give_back(view: &mut ErrorView, posted: Posted) {
    let fields = url::form_urlencoded::parse(&posted.form).into_owned();
    let fields: Vec<_> = fields.filter(|(name, _)| !name.contains("password")).collect();
    let shown =
        fields.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.clone(), readable(name, value)));
    let typed: Vec<_> = shown.collect();
    if !typed.is_empty() {
        view.form = Some(LostForm { action: posted.to, typed, fields });
    }
}

/// A credential is sent again, but not put before who looks over a shoulder.
fn readable(name: &str, value: &str) -> String {
    let secret = name.ends_with("_value") || name.contains("secret");
    if secret { "kept, not shown".to_owned() } else { value.to_owned() }
}

fn page(kit: &Kit, stage: &Stage, view: &ErrorView) -> Response {
    let html = (kit.error_page())(stage, view);
    let mut response = (view.status, axum::response::Html(html)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn see_other(to: &str) -> Response {
    axum::response::Redirect::to(to).into_response()
}
