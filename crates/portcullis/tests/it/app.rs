//! An MCP client that knows nothing but a gateway URL, and does what the SDKs do: discovery, registration, authorization, tokens.

use anyhow::{Context as _, ensure};
use hyper::{StatusCode, header};
use serde_json::{Value, json};

use crate::{
    http::{Answer, Browser, Http, encoded},
    person::Person,
};

/// Where it waits for its codes; nobody listens there, since the test reads where the browser is sent.
pub const REDIRECT: &str = "http://127.0.0.1:47001/callback";
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The client, registered.
#[derive(Debug)]
pub struct App {
    http: Http,
    /// The gateway URL it was given.
    pub url: String,
    /// What the server says of itself.
    pub server: Value,
    /// What the gateway asks for.
    pub scope: String,
    pub client_id: String,
}

/// Tokens.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
    pub scope: String,
}

impl App {
    /// From the URL to a registration.
    pub async fn discover(url: &str) -> anyhow::Result<Self> {
        let http = Http::new();
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
        let refused = http.mcp(url, "", None, &message).await?;
        ensure!(refused.status == StatusCode::UNAUTHORIZED, "{refused:?}");
        let resource = http.json(&challenge(&refused, "resource_metadata")?).await?;
        ensure!(resource["resource"] == url, "the resource is the URL, letter by letter: {resource}");
        let issuer = resource["authorization_servers"][0].as_str().context("an authorization server")?.to_owned();
        let server = http.json(&format!("{issuer}/.well-known/oauth-authorization-server")).await?;
        ensure!(server["issuer"] == issuer.as_str(), "the issuer is the address, letter by letter: {server}");
        let mut app =
            Self { http, url: url.to_owned(), scope: challenge(&refused, "scope")?, server, client_id: String::new() };
        app.client_id = app.register().await?;
        Ok(app)
    }

    async fn register(&self) -> anyhow::Result<String> {
        let document = json!({
            "client_name": "Test client",
            "redirect_uris": [REDIRECT],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        });
        let request = hyper::Request::post(self.endpoint("registration_endpoint")?)
            .header(header::CONTENT_TYPE, "application/json")
            .body(http_body_util::Full::from(document.to_string()))?;
        let answer = self.http.send(request).await?;
        ensure!(answer.status == StatusCode::CREATED, "{answer:?}");
        let registered: Value = serde_json::from_str(&answer.text)?;
        Ok(registered["client_id"].as_str().context("a client id")?.to_owned())
    }

    /// The path of the page that asks, for these scopes.
    pub fn authorize(&self, scope: &str) -> anyhow::Result<String> {
        let fields = [
            ("response_type", "code"),
            ("client_id", self.client_id.as_str()),
            ("redirect_uri", REDIRECT),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("state", "the state"),
            ("scope", scope),
            ("resource", self.url.as_str()),
        ];
        let issuer = self.server["issuer"].as_str().unwrap_or_default();
        let page = self.endpoint("authorization_endpoint")?.replacen(issuer, "", 1);
        Ok(format!("{page}?{}", encoded(&fields)))
    }

    /// A person who is signed in allows all that is asked for; the tokens.
    pub async fn connect(&self, person: &Person, scope: &str) -> anyhow::Result<Tokens> {
        let page = person.browser.get(&self.authorize(scope)?).await?;
        self.allowed(&person.browser, &page).await
    }

    /// Presses "Allow" on the page that asks; the tokens.
    pub async fn allowed(&self, browser: &Browser, page: &Answer) -> anyhow::Result<Tokens> {
        let field = |name: &str| page.attribute(&format!("form input[name={name}]"), "value").unwrap_or_default();
        let (request, who, write) = (field("request"), field("person"), field("write"));
        let fields = [("request", request.as_str()), ("person", &who), ("write", &write), ("answer", "allow")];
        let to = browser.post_out("/authorize", &fields).await?;
        ensure!(to.starts_with(&format!("{REDIRECT}?")), "back to the client: {to}");
        let issuer = self.server["issuer"].as_str().unwrap_or_default();
        let query = to.split_once('?').map_or("", |(_, query)| query);
        ensure!(query.contains("state=the+state") && query.contains(&encoded(&[("iss", issuer)])), "{to}");
        let code = query.split('&').find_map(|pair| pair.strip_prefix("code=")).context("a code")?;
        self.exchange(code).await
    }

    async fn exchange(&self, code: &str) -> anyhow::Result<Tokens> {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("client_id", &self.client_id),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
            ("resource", &self.url),
        ];
        tokens(&self.http.form(&self.endpoint("token_endpoint")?, &fields).await?)
    }

    /// Asks for the next tokens; the answer as it came.
    pub async fn refresh(&self, tokens: &Tokens) -> anyhow::Result<Answer> {
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", tokens.refresh.as_str()),
            ("client_id", &self.client_id),
            ("resource", &self.url),
        ];
        self.http.form(&self.endpoint("token_endpoint")?, &fields).await
    }

    /// Gives a token back.
    pub async fn give_back(&self, token: &str) -> anyhow::Result<Answer> {
        let fields = [("token", token), ("client_id", &self.client_id)];
        self.http.form(&self.endpoint("revocation_endpoint")?, &fields).await
    }

    /// Calls a tool at a URL; the answer as it came.
    pub async fn call(&self, url: &str, token: &str, tool: &str) -> anyhow::Result<Answer> {
        let params = json!({"name": tool, "arguments": {}});
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        self.http.mcp(url, token, None, &message).await
    }

    fn endpoint(&self, name: &str) -> anyhow::Result<String> {
        self.server[name].as_str().map(str::to_owned).with_context(|| format!("{name} in {}", self.server))
    }
}

/// The tokens in an answer of the token endpoint.
pub fn tokens(answer: &Answer) -> anyhow::Result<Tokens> {
    ensure!(answer.status.is_success(), "{answer:?}");
    ensure!(answer.headers.get(header::CACHE_CONTROL).is_some_and(|value| value == "no-store"), "{answer:?}");
    let body: Value = serde_json::from_str(&answer.text)?;
    let text = |name: &str| body[name].as_str().map(str::to_owned).with_context(|| format!("{name} in {body}"));
    Ok(Tokens { access: text("access_token")?, refresh: text("refresh_token")?, scope: text("scope")? })
}

/// A parameter of a 401's or 403's challenge.
pub fn challenge(answer: &Answer, name: &str) -> anyhow::Result<String> {
    let header = answer.headers.get(header::WWW_AUTHENTICATE).context("a challenge")?.to_str()?;
    let rest = header.split_once(&format!("{name}=\"")).with_context(|| format!("{name} in {header}"))?.1;
    Ok(rest.split('"').next().unwrap_or_default().to_owned())
}
