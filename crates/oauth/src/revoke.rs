//! `POST /revoke`: a client gives a token back (RFC 7009).

use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};

use crate::{Oauth, answers::Refused, client::ClientForm};

/// `POST /revoke`
///
/// A token that nobody has, or another client's, is answered like one that was revoked just now (RFC 7009 §2.2). The hint about its kind
/// is not needed: a token's text says what it is.
pub(crate) async fn revoke(State(oauth): State<Oauth>, request: Request) -> Result<Response, Refused> {
    let form = ClientForm::read(request).await?;
    let spoke = form.spoke;
    let Some(token) = form.params.get("token") else {
        return Err(Refused::unreadable("the parameter token is missing").to(spoke));
    };
    let client = form.client_id.as_deref().unwrap_or_default();
    oauth.accounts().revoke_token(token, client).await?;
    let mut response = StatusCode::OK.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
