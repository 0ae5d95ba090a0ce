//! The body of a program's request: bounded in size and in time.

use std::time::Duration;

use axum::{body::Body, extract::Request};
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt as _, Limited};

use crate::{answers::Refused, params::Params};

/// The largest body that is read. A registration with ten long redirect URIs has a tenth of it.
const MAX_BYTES: usize = 64 * 1024;
/// How long it may take to arrive.
const WITHIN: Duration = Duration::from_secs(10);

/// Reads a form, with the headers that it came with.
pub(crate) async fn form(request: Request) -> Result<(HeaderMap, Params), Refused> {
    needs(request.headers(), "application/x-www-form-urlencoded")?;
    let (head, body) = request.into_parts();
    let params = Params::parse(&read(body).await?);
    match params.repeated() {
        Some(name) => Err(Refused::unreadable(format!("the parameter {name} was given more than once"))),
        None => Ok((head.headers, params)),
    }
}

/// Reads a JSON document.
pub(crate) async fn json(request: Request) -> Result<Bytes, Refused> {
    needs(request.headers(), "application/json")?;
    read(request.into_body()).await
}

async fn read(body: Body) -> Result<Bytes, Refused> {
    match tokio::time::timeout(WITHIN, Limited::new(body, MAX_BYTES).collect()).await {
        Ok(Ok(read)) => Ok(read.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Refused::unreadable(format!("the body is larger than {} KiB", MAX_BYTES / 1024)))
        }
        Ok(Err(_)) => Err(Refused::unreadable("the body did not arrive in full")),
        Err(_) => Err(Refused::unreadable(format!("the body did not arrive within {} seconds", WITHIN.as_secs()))),
    }
}

fn needs(headers: &HeaderMap, kind: &str) -> Result<(), Refused> {
    let named = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if named.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(kind) {
        return Ok(());
    }
    Err(Refused::unreadable(format!("the body has to be {kind}")))
}
