//! `POST /token`: a code, or a refresh token, becomes an access token.

use accounts::{ClientError, ExchangeCode, Issued, Refresh, TokenError};
use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header};
use serde::Serialize;

use crate::{
    Oauth,
    answers::{Code, Refused},
    client::ClientForm,
};

#[derive(Serialize)]
struct Answer {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    scope: String,
}

/// `POST /token`
pub(crate) async fn token(State(oauth): State<Oauth>, request: Request) -> Result<Response, Refused> {
    let form = ClientForm::read(request).await?;
    let spoke = form.spoke;
    answer(&oauth, &form).await.map_err(|refused| refused.to(spoke))
}

async fn answer(oauth: &Oauth, form: &ClientForm) -> Result<Response, Refused> {
    let issued = match form.params.get("grant_type") {
        Some("authorization_code") => exchange(oauth, form).await?,
        Some("refresh_token") => refresh(oauth, form).await?,
        Some(_) => {
            let known = "grant_type has to be authorization_code or refresh_token";
            return Err(Refused::new(Code::UnsupportedGrantType, known));
        }
        None => return Err(missing("grant_type")),
    };
    Ok(granted(issued))
}

async fn exchange(oauth: &Oauth, form: &ClientForm) -> Result<Issued, Refused> {
    let asked = ExchangeCode {
        code: needed(form, "code")?,
        client_id: client(form)?,
        redirect_uri: form.params.get("redirect_uri").map(str::to_owned),
        code_verifier: needed(form, "code_verifier")?,
        resource: form.params.get("resource").map(str::to_owned),
    };
    match oauth.accounts().exchange_code(&asked).await {
        Ok(issued) => Ok(issued),
        Err(error) => Err(refusal(oauth, &asked.client_id, error).await),
    }
}

async fn refresh(oauth: &Oauth, form: &ClientForm) -> Result<Issued, Refused> {
    let asked = Refresh {
        refresh_token: needed(form, "refresh_token")?,
        client_id: client(form)?,
        resource: form.params.get("resource").map(str::to_owned),
        scope: form.params.get("scope").map(str::to_owned),
    };
    match oauth.accounts().refresh(&asked).await {
        Ok(issued) => Ok(issued),
        Err(error) => Err(refusal(oauth, &asked.client_id, error).await),
    }
}

fn needed(form: &ClientForm, name: &str) -> Result<String, Refused> {
    form.params.get(name).map(str::to_owned).ok_or_else(|| missing(name))
}

fn client(form: &ClientForm) -> Result<String, Refused> {
    form.client_id.clone().ok_or_else(|| missing("client_id"))
}

fn missing(name: &str) -> Refused {
    Refused::unreadable(format!("the parameter {name} is missing"))
}

fn granted(issued: Issued) -> Response {
    let answer = Answer {
        access_token: issued.access_token.expose().to_owned(),
        token_type: "Bearer",
        expires_in: issued.expires_in_s,
        refresh_token: issued.refresh_token.map(|token| token.expose().to_owned()),
        scope: issued.scopes.to_string(),
    };
    let mut response = Json(answer).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

async fn refusal(oauth: &Oauth, client: &str, error: TokenError) -> Refused {
    let text = error.to_string();
    match error {
        TokenError::Client(ClientError::Other(error)) | TokenError::Other(error) => error.into(),
        TokenError::Grant if is_unknown(oauth, client).await => unknown(),
        TokenError::Grant => Refused::new(Code::InvalidGrant, text),
        TokenError::Target => Refused::new(Code::InvalidTarget, text),
        TokenError::Scope => Refused::new(Code::InvalidScope, text),
        TokenError::Client(_) => unknown(),
    }
}

/// Clients register anew when they are told that they are not known, and ask the person again when their token is void: one that comes
/// with the id of a registration that is gone has to be told the first. A document at a URL is not fetched to find out.
async fn is_unknown(oauth: &Oauth, client: &str) -> bool {
    let registered = !client.contains(':');
    registered && matches!(oauth.accounts().registered_client(client).await, Err(ClientError::Unknown))
}

fn unknown() -> Refused {
    Refused::new(Code::InvalidClient, "this client is not known here; it has to register again")
}

#[cfg(test)]
mod tests;
