//! Codes and refresh tokens into access tokens (RFC 6749 §4.1.3, §6), and giving tokens back (RFC 7009).

use domain::Secret;
use serde_json::Value;

use super::{AuthorizationError, AuthorizationServer, ClientIdentity, Pkce, Rules, client::SignedForm};
use crate::Exchange;

const TOKEN_ENDPOINT: &str = "the token endpoint";
/// Longest token that is taken: it has to fit into a header.
const MOST_CHARACTERS: usize = 16 * 1024;
/// Longest life that is believed, in seconds: ten years.
const LONGEST_LIFE: i64 = 10 * 365 * 86_400;

/// At which authorization server, as whom and for what tokens are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// Who is asked.
    pub server: &'a AuthorizationServer,
    /// Who asks.
    pub client: &'a ClientIdentity,
    /// What the token is for.
    pub resource: &'a str,
}

/// What a token endpoint gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// For the server.
    pub access: Secret<String>,
    /// For the next access token; none: the one before stays good, if there was one.
    pub refresh: Option<Secret<String>>,
    /// The access token's life in seconds; none: it is not known.
    pub expires_in_seconds: Option<i64>,
    /// What it is for, where that is not just what was asked for.
    pub scope: Option<String>,
}

/// Redeems the code of an authorization response.
///
/// # Errors
/// [`AuthorizationError`].
pub async fn redeem<E: Exchange>(
    via: &E,
    rules: &Rules,
    grant: Grant<'_>,
    (code, redirect_uri, pkce): (&Secret<String>, &str, &Pkce),
) -> Result<Tokens, AuthorizationError> {
    let form = grant.client.signed(&[
        ("grant_type", "authorization_code"),
        ("code", code.expose()),
        ("redirect_uri", redirect_uri),
        ("code_verifier", pkce.verifier()),
        ("resource", grant.resource),
    ]);
    ask(via, rules, grant.server, form).await
}

/// Redeems a refresh token.
///
/// # Errors
/// [`AuthorizationError`]; [`AuthorizationError::is_final`] tells whether the token is of any use still.
pub async fn refresh<E: Exchange>(
    via: &E,
    rules: &Rules,
    grant: Grant<'_>,
    token: &Secret<String>,
) -> Result<Tokens, AuthorizationError> {
    let form = grant.client.signed(&[
        ("grant_type", "refresh_token"),
        ("refresh_token", token.expose()),
        ("resource", grant.resource),
    ]);
    ask(via, rules, grant.server, form).await
}

/// Gives a token back, where the authorization server takes it.
///
/// # Errors
/// [`AuthorizationError`]; the token may be good still.
pub async fn revoke<E: Exchange>(
    via: &E,
    rules: &Rules,
    (server, client): (&AuthorizationServer, &ClientIdentity),
    (token, hint): (&Secret<String>, &'static str),
) -> Result<(), AuthorizationError> {
    let Some(endpoint) = &server.revocation_endpoint else { return Ok(()) };
    let what = "the revocation endpoint";
    let form = client.signed(&[("token", token.expose()), ("token_type_hint", hint)]);
    let answer = rules.form(via, what, endpoint, form).await?;
    if answer.status.is_success() {
        return Ok(());
    }
    Err(AuthorizationError::Unreachable { what, words: format!("it answered HTTP {}", answer.status) })
}

async fn ask<E: Exchange>(
    via: &E,
    rules: &Rules,
    server: &AuthorizationServer,
    form: SignedForm,
) -> Result<Tokens, AuthorizationError> {
    let answer = rules.form(via, TOKEN_ENDPOINT, &server.token_endpoint, form).await?;
    read(&answer.object(TOKEN_ENDPOINT)?)
}

fn read(told: &Value) -> Result<Tokens, AuthorizationError> {
    let odd = |words: &str| AuthorizationError::Answer { what: TOKEN_ENDPOINT, words: words.to_owned() };
    let token = |name: &str| match told.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()) {
        None => Ok(None),
        // RFC 6749 appendix A.12 and A.17: visible ASCII; so that it can be sent.
        Some(text) if text.len() <= MOST_CHARACTERS && text.bytes().all(|b| (b'!'..=b'~').contains(&b)) => {
            Ok(Some(Secret::new(text.to_owned())))
        }
        Some(_) => Err(odd("a token that cannot be sent")),
    };
    let access = token("access_token")?.ok_or_else(|| odd("no access_token"))?;
    let kind = told.get("token_type").and_then(Value::as_str).unwrap_or_default();
    if !kind.eq_ignore_ascii_case("bearer") {
        return Err(odd("a token_type other than Bearer"));
    }
    let life = told.get("expires_in").and_then(|life| match life {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    });
    let scope = told.get("scope").and_then(Value::as_str).map(crate::exchange::shown);
    Ok(Tokens {
        access,
        refresh: token("refresh_token")?,
        expires_in_seconds: life.map(|life: i64| life.clamp(0, LONGEST_LIFE)),
        scope: scope.filter(|scope| !scope.is_empty()),
    })
}
