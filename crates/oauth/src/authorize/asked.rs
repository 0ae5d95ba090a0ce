//! A client's request, read: who asks, for which gateway URL, where the answer goes.

use accounts::{
    AuthorizeRequest, ClientAddress, ClientError, CodeChallenge, OAuthClient, RedirectError, Resource, ResourceError,
};
use web_kit::{LocalPath, Problem};

use super::{astray::Astray, redirect::Back};
use crate::{Oauth, params::Params};

/// A request that can be put to a person.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Who asks, for what.
    pub(crate) request: AuthorizeRequest,
    /// Where the answer goes.
    pub(crate) back: Back,
    /// The query, to be read again with the person's answer.
    pub(crate) query: String,
    /// The page that asks, to come back to.
    pub(crate) here: LocalPath,
}

/// A request that nobody is asked about.
#[derive(Clone, Debug)]
pub(crate) enum Wrong {
    /// Nobody knows to whom it could be told: a page tells the person.
    Astray(Astray),
    /// The client is told, at its redirect URI.
    Back(Back, Fault),
}

/// What the client is told of its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The code: RFC 6749 §4.1.2.1, RFC 8707 §2, OpenID Connect Core §3.1.2.6.
    pub(crate) code: &'static str,
    /// What is wrong, for whoever made the client.
    pub(crate) description: String,
}

impl Asked {
    /// Reads the query of a request.
    ///
    /// # Errors
    /// [`Problem`], when something that is needed does not answer.
    pub(crate) async fn read(oauth: &Oauth, query: &str, from: &ClientAddress) -> Result<Result<Self, Wrong>, Problem> {
        let Some(here) = LocalPath::parse(&format!("/authorize?{query}")) else {
            return Ok(Err(Wrong::Astray(Astray::TooLong)));
        };
        let params = Params::parse(query.as_bytes());
        let (client, back) = match way_back(oauth, &params, from).await? {
            Ok(known) => known,
            Err(astray) => return Ok(Err(Wrong::Astray(astray))),
        };
        let scopes = client.scopes(params.get("scope"));
        let redirect = back.redirect.clone();
        match put_rightly(&params).and_then(|challenge| Ok((challenge, resource(oauth, &params)?))) {
            Ok((challenge, resource)) => {
                let request = AuthorizeRequest { client, redirect, resource, scopes, challenge };
                Ok(Ok(Self { request, back, query: query.to_owned(), here }))
            }
            Err(fault) => Ok(Err(Wrong::Back(back, fault))),
        }
    }
}

/// The client, and where its answer goes: what has to hold before anything is sent there.
async fn way_back(
    oauth: &Oauth,
    params: &Params,
    from: &ClientAddress,
) -> Result<Result<(OAuthClient, Back), Astray>, Problem> {
    if let Some(name) = params.repeated().filter(|name| matches!(*name, "client_id" | "redirect_uri")) {
        return Ok(Err(Astray::Twice(name.to_owned())));
    }
    let Some(id) = params.get("client_id") else { return Ok(Err(Astray::Missing("client_id"))) };
    let client = match oauth.accounts().oauth_client(id, from).await {
        Ok(client) => client,
        Err(ClientError::Other(error)) => return Err(error.into()),
        Err(unknown) => return Ok(Err(Astray::Client(unknown.to_string()))),
    };
    let asked = params.get("redirect_uri");
    let redirect = match client.redirect(asked) {
        Ok(redirect) => redirect,
        Err(RedirectError::Missing) => return Ok(Err(Astray::Missing("redirect_uri"))),
        Err(_) => {
            let uri = asked.unwrap_or_default().to_owned();
            return Ok(Err(Astray::Redirect { client: client.name.to_string(), uri }));
        }
    };
    let state = params.get("state").map(str::to_owned);
    Ok(Ok((client, Back { redirect, state })))
}

/// Whether it is a request that this server answers; its challenge (RFC 7636).
fn put_rightly(params: &Params) -> Result<CodeChallenge, Fault> {
    if let Some(name) = params.repeated() {
        return Err(Fault::request(format!("the parameter {name} was given more than once")));
    }
    if params.get("request").is_some() {
        return Err(Fault::new("request_not_supported", "send the parameters themselves"));
    }
    if params.get("request_uri").is_some() {
        return Err(Fault::new("request_uri_not_supported", "send the parameters themselves"));
    }
    match params.get("response_type") {
        Some("code") => {}
        Some(_) => return Err(Fault::new("unsupported_response_type", "response_type has to be code")),
        None => return Err(Fault::request("the parameter response_type is missing")),
    }
    if params.get("response_mode").is_some_and(|mode| mode != "query") {
        return Err(Fault::request("response_mode has to be query"));
    }
    // A person is asked each time, so there is never an answer without one.
    if params.get("prompt").is_some_and(|prompt| prompt.split(' ').any(|word| word == "none")) {
        return Err(Fault::new("interaction_required", "a person has to be asked"));
    }
    CodeChallenge::parse(params.get("code_challenge"), params.get("code_challenge_method"))
        .map_err(|error| Fault::request(error.to_string()))
}

/// The gateway URL that is asked for. Without one there is no audience to put into a token, and none is guessed: a token for more than the
/// client will call is a token for somebody else too (RFC 8707 §2, and a MUST of MCP's authorization).
fn resource(oauth: &Oauth, params: &Params) -> Result<Resource, Fault> {
    let named = params.get("resource").ok_or(ResourceError::Missing);
    named
        .and_then(|text| oauth.accounts().resource(text))
        .map_err(|error| Fault::new("invalid_target", error.to_string()))
}

impl Fault {
    fn new(code: &'static str, description: impl Into<String>) -> Self {
        Self { code, description: description.into() }
    }

    fn request(description: impl Into<String>) -> Self {
        Self::new("invalid_request", description)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "response_type=code&code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn code_of(query: &str) -> Result<CodeChallenge, &'static str> {
        put_rightly(&Params::parse(query.as_bytes())).map_err(|fault| fault.code)
    }

    #[test]
    fn only_a_code_with_an_s256_challenge_is_asked_for() {
        assert!(code_of(GOOD).is_ok());
        let challenge = "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        for (query, code) in [
            (format!("{GOOD}&prompt=consent&response_mode=query&nonce=x"), None),
            (GOOD.replace("type=code", "type=token"), Some("unsupported_response_type")),
            (GOOD.replace("response_type=code&", ""), Some("invalid_request")),
            (GOOD.replace("S256", "plain"), Some("invalid_request")),
            (GOOD.replace("code_challenge_method=S256&", ""), Some("invalid_request")),
            (GOOD.replace(challenge, ""), Some("invalid_request")),
            (GOOD.replace("E9M", "E9"), Some("invalid_request")),
            (GOOD.replace("w-cM", "w=cM"), Some("invalid_request")),
            (format!("{GOOD}&response_mode=form_post"), Some("invalid_request")),
            (format!("{GOOD}&state=1&state=2"), Some("invalid_request")),
            (format!("{GOOD}&request=x"), Some("request_not_supported")),
            (format!("{GOOD}&request_uri=x"), Some("request_uri_not_supported")),
            (format!("{GOOD}&prompt=none"), Some("interaction_required")),
        ] {
            assert_eq!(code_of(&query).err(), code, "{query}");
        }
    }
}
