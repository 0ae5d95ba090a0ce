//! axum's extractors with our error page as the rejection. Pages use these and not axum's.

use axum::extract::{FromRequest, FromRequestParts, Request};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::Problem;

/// A posted form. Its struct takes texts and has defaults, so that whatever was typed can be shown again.
#[derive(Clone, Copy, Debug)]
pub struct Form<T>(pub T);

/// What the path names, by the names of its parameters. What cannot be read names nothing: not found.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

/// The query; what cannot be read is as if it was not there.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match axum_extra::extract::Form::from_request(request, state).await {
            Ok(axum_extra::extract::Form(form)) => Ok(Self(form)),
            Err(rejection) => Err(Problem::Unreadable { why: rejection.to_string().to_lowercase() }),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(path)) => Ok(Self(path)),
            Err(_) => Err(Problem::NotFound),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum_extra::extract::Query::from_request_parts(parts, state).await;
        Ok(Self(read.map(|axum_extra::extract::Query(query)| query).unwrap_or_default()))
    }
}
