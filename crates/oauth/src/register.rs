//! `POST /register`: a client registers itself (RFC 7591). It gets an id and no secret.

use accounts::{ClientAddress, ClientError, RegisterClient, RegisteredClient};
use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use web_kit::client_ip;

use crate::{
    Oauth,
    answers::{Code, Refused},
    body,
};

/// What a client says of itself, as far as it decides anything; the rest of RFC 7591 §2 (logos, contacts, addresses of terms) nobody
/// checked, so none of it is kept or shown.
#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default)]
    redirect_uris: Vec<String>,
    #[serde(default)]
    client_name: Option<String>,
    #[serde(default)]
    application_type: Option<String>,
    #[serde(default)]
    grant_types: Option<Vec<String>>,
    #[serde(default)]
    response_types: Option<Vec<String>>,
    #[serde(default)]
    token_endpoint_auth_method: Option<String>,
}

/// What it was registered as.
#[derive(Serialize)]
struct Answer {
    client_id: String,
    client_id_issued_at: i64,
    client_name: String,
    redirect_uris: Vec<String>,
    application_type: String,
    grant_types: Vec<String>,
    response_types: [&'static str; 1],
    token_endpoint_auth_method: &'static str,
    scope: &'static str,
}

/// `POST /register`
///
/// A client that asks for a way to authenticate gets `none` all the same: the server may replace what was asked for and says so in its
/// answer (RFC 7591 §3.2.1).
pub(crate) async fn register(State(oauth): State<Oauth>, request: Request) -> Result<Response, Refused> {
    let ip = client_ip(request.extensions());
    let from = ClientAddress { ip, user_agent: String::new() };
    let text = body::json(request).await?;
    let asked: Asked = serde_json::from_slice(&text)
        .map_err(|error| Refused::new(Code::InvalidClientMetadata, format!("the document cannot be read: {error}")))?;
    if asked.response_types.as_ref().is_some_and(|types| !types.iter().any(|of| of == "code")) {
        return Err(Refused::new(Code::InvalidClientMetadata, "response_types has to contain code"));
    }
    let registered = oauth.accounts().register_client(wanted(asked), &from).await.map_err(refusal)?;
    Ok(created(registered))
}

fn wanted(asked: Asked) -> RegisterClient {
    RegisterClient {
        name: asked.client_name,
        redirect_uris: asked.redirect_uris,
        application_type: asked.application_type,
        grant_types: asked.grant_types,
        token_endpoint_auth_method: asked.token_endpoint_auth_method,
    }
}

fn created(client: RegisteredClient) -> Response {
    let answer = Answer {
        client_id: client.client_id,
        client_id_issued_at: client.issued_at_s,
        client_name: client.name.to_string(),
        redirect_uris: client.redirect_uris,
        application_type: client.application_type,
        grant_types: client.grant_types,
        response_types: ["code"],
        token_endpoint_auth_method: "none",
        scope: "mcp:read mcp:write offline_access",
    };
    let mut response = (StatusCode::CREATED, Json(answer)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn refusal(error: ClientError) -> Refused {
    let text = error.to_string();
    match error {
        ClientError::Redirect(_) => Refused::new(Code::InvalidRedirectUri, text),
        ClientError::Metadata(_) => Refused::new(Code::InvalidClientMetadata, text),
        ClientError::Throttled { retry_after_s } => Refused::wait(text, retry_after_s),
        ClientError::Unknown | ClientError::Document(_) => Refused::new(Code::InvalidClientMetadata, text),
        ClientError::Other(error) => error.into(),
    }
}

#[cfg(test)]
mod tests;
