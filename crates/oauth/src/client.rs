//! Who sends a form to `/token` or `/revoke`.

use axum::extract::Request;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, header};

use crate::{
    answers::{Code, Refused, Spoke},
    body,
    params::Params,
};

/// A form of `/token` or `/revoke`, with the client that sends it.
pub(crate) struct ClientForm {
    pub(crate) params: Params,
    pub(crate) client_id: Option<String>,
    pub(crate) spoke: Spoke,
}

impl ClientForm {
    /// Reads the form, and who sends it: `client_id` in the form or HTTP Basic without a password. Our clients are public, so there is no
    /// secret that could be right.
    pub(crate) async fn read(request: Request) -> Result<Self, Refused> {
        let (headers, params) = body::form(request).await?;
        of(&headers, params)
    }
}

/// Takes the client from the form, or from HTTP Basic with an empty password, as some libraries send it for a public client.
fn of(headers: &HeaderMap, params: Params) -> Result<ClientForm, Refused> {
    let Some(authorization) = headers.get(header::AUTHORIZATION) else {
        if params.get("client_secret").is_some() {
            return Err(no_secret());
        }
        let client_id = params.get("client_id").map(str::to_owned);
        return Ok(ClientForm { params, client_id, spoke: Spoke::Form });
    };
    let (name, password) = authorization
        .to_str()
        .ok()
        .and_then(basic)
        .ok_or_else(|| wrong("the Authorization header is not HTTP Basic"))?;
    if !password.is_empty() {
        return Err(no_secret().to(Spoke::Basic));
    }
    if params.get("client_id").is_some_and(|in_form| in_form != name) {
        return Err(wrong("the client in the form is another than in the Authorization header"));
    }
    Ok(ClientForm { params, client_id: Some(name).filter(|name| !name.is_empty()), spoke: Spoke::Basic })
}

fn no_secret() -> Refused {
    Refused::new(Code::InvalidClient, "this server gives no client secrets: use token_endpoint_auth_method none")
}

fn wrong(why: &str) -> Refused {
    Refused::new(Code::InvalidClient, why).to(Spoke::Basic)
}

/// Name and password; both are form-encoded inside the header (RFC 6749 §2.3.1).
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, credentials) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((decoded(name), decoded(password)))
}

fn decoded(text: &str) -> String {
    let pair = format!("x={text}");
    url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(authorization: Option<&str>, form: &str) -> Result<(Option<String>, Spoke), Code> {
        let mut headers = HeaderMap::new();
        if let Some(text) = authorization {
            headers.insert(header::AUTHORIZATION, text.parse().unwrap());
        }
        of(&headers, Params::parse(form.as_bytes())).map(|form| (form.client_id, form.spoke)).map_err(|e| e.code())
    }

    fn basic_of(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn a_public_client_says_who_it_is_in_the_form_or_by_basic_without_a_password() {
        assert_eq!(read(None, "client_id=a"), Ok((Some("a".into()), Spoke::Form)));
        assert_eq!(read(None, ""), Ok((None, Spoke::Form)));
        assert_eq!(read(Some(&basic_of("a:")), ""), Ok((Some("a".into()), Spoke::Basic)));
        assert_eq!(read(Some(&basic_of("a:")), "client_id=a"), Ok((Some("a".into()), Spoke::Basic)));
        let document = basic_of("https%3A%2F%2Fapp.example%2Fclient.json:");
        assert_eq!(read(Some(&document), ""), Ok((Some("https://app.example/client.json".into()), Spoke::Basic)));
    }

    #[test]
    fn a_secret_or_two_names_are_refused() {
        for (authorization, form) in [
            (None, "client_id=a&client_secret=b"),
            (Some(basic_of("a:b")), ""),
            (Some(basic_of("a:")), "client_id=b"),
            (Some("Bearer x".to_owned()), "client_id=a"),
            (Some("Basic !".to_owned()), "client_id=a"),
        ] {
            assert_eq!(read(authorization.as_deref(), form), Err(Code::InvalidClient), "{authorization:?} {form}");
        }
    }
}
