//! An MCP server that wants OAuth, and the authorization server it names, on one loopback port, with knobs.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    Form, Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse as _, Response},
    routing::post,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What every secret that this server gives begins with, so that a test can look for it where it must not be.
pub const CANARY: &str = "canary-7d31";

/// Where the protected-resource metadata is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Where the challenge says.
    Challenge,
    /// At the well-known place with the server's path; the challenge is silent.
    Path,
    /// At the well-known place of the origin; the challenge is silent.
    Root,
    /// Nowhere, as before it was invented.
    Nowhere,
}

/// How the servers behave.
#[derive(Clone, Debug)]
pub struct Knobs {
    /// Where the protected-resource metadata is.
    pub resource: Resource,
    /// What it says the resource is; none: the server's URL.
    pub resource_is: Option<String>,
    /// What the authorization server calls itself; none: what it is called.
    pub issuer_is: Option<String>,
    /// Whether there is metadata of it at all.
    pub metadata: bool,
    /// Whether clients may register themselves.
    pub registers: bool,
    /// Whether a client id may be a document.
    pub documents: bool,
    /// Whether PKCE is announced.
    pub pkce: bool,
    /// Ways of client authentication.
    pub methods: Vec<&'static str>,
    /// Seconds that an access token lives; none: it is not said.
    pub life: Option<i64>,
    /// Whether refresh tokens are given.
    pub renewable: bool,
    /// Whether each refresh gives a new refresh token and ends the one before.
    pub rotates: bool,
    /// What refreshing is answered with: an HTTP status and an OAuth error.
    pub refresh_error: Option<(u16, &'static str)>,
    /// Whether `initialize` is answered to everyone.
    pub greets: bool,
    /// The `scope` of the challenge.
    pub scope: Option<&'static str>,
    /// A scope that calls of tools need.
    pub call_needs: Option<&'static str>,
}

/// The two servers.
#[derive(Clone, Debug)]
pub struct Authorization {
    /// The MCP server's URL.
    pub url: String,
    /// The authorization server's name.
    pub issuer: String,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    knobs: Knobs,
    url: String,
    issuer: String,
    given: u64,
    challenges: Vec<(String, String)>,
    good: HashSet<String>,
    scopes: String,
    refresh: HashSet<String>,
    seen: Vec<(String, Value)>,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            resource: Resource::Challenge,
            resource_is: None,
            issuer_is: None,
            metadata: true,
            registers: true,
            documents: false,
            pkce: true,
            methods: vec!["client_secret_basic", "none"],
            life: Some(3_600),
            renewable: true,
            rotates: true,
            refresh_error: None,
            greets: false,
            scope: None,
            call_needs: None,
        }
    }
}

impl Authorization {
    /// Starts both.
    ///
    /// # Panics
    /// When there is no port.
    pub async fn start(knobs: Knobs) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let url = format!("{issuer}/mcp");
        let inner = Inner {
            knobs,
            url: url.clone(),
            issuer: issuer.clone(),
            given: 0,
            challenges: Vec::new(),
            good: HashSet::new(),
            scopes: String::new(),
            refresh: HashSet::new(),
            seen: Vec::new(),
        };
        let inner = Arc::new(Mutex::new(inner));
        let router = Router::new()
            .route("/mcp", post(mcp))
            .route("/token", post(token))
            .route("/register", post(register))
            .route("/revoke", post(revoke))
            .fallback(document)
            .with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, issuer, inner }
    }

    /// Turns knobs.
    pub fn turn(&self, turn: impl FnOnce(&mut Knobs)) {
        turn(&mut lock(&self.inner).knobs);
    }

    /// Ends every access token.
    pub fn end_tokens(&self) {
        lock(&self.inner).good.clear();
    }

    /// What was asked: path and what came with it, in order. Tokens of MCP requests are under `bearer`.
    #[must_use]
    pub fn seen(&self) -> Vec<(String, Value)> {
        lock(&self.inner).seen.clone()
    }

    /// How often a path was asked for.
    #[must_use]
    pub fn count(&self, path: &str) -> usize {
        lock(&self.inner).seen.iter().filter(|(seen, _)| seen == path).count()
    }

    /// How often refresh tokens were redeemed, or tried to be.
    #[must_use]
    pub fn refreshes(&self) -> usize {
        let refreshes = |(path, body): &&(String, Value)| path == "/token" && body["grant_type"] == "refresh_token";
        lock(&self.inner).seen.iter().filter(refreshes).count()
    }

    /// The person consents: what their browser brings back, for the address that it was sent to.
    ///
    /// # Panics
    /// When the address is not that of an authorization request with PKCE.
    #[must_use]
    pub fn consent(&self, url: &str) -> Vec<(String, String)> {
        let query = url.split_once('?').expect("a query").1;
        let asked: Vec<(String, String)> = pairs(query);
        let of = |name: &str| asked.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
        assert_eq!(of("code_challenge_method").as_deref(), Some("S256"));
        assert_eq!(of("response_type").as_deref(), Some("code"));
        let mut inner = lock(&self.inner);
        let code = inner.next("code");
        inner.challenges.push((code.clone(), of("code_challenge").expect("a challenge")));
        inner.scopes = of("scope").unwrap_or_default();
        inner.seen.push(("/authorize".to_owned(), asked.iter().cloned().map(|(n, v)| (n, json!(v))).collect()));
        vec![
            ("state".to_owned(), of("state").expect("a state")),
            ("code".to_owned(), code),
            ("iss".to_owned(), inner.issuer.clone()),
        ]
    }
}

impl Inner {
    fn next(&mut self, what: &str) -> String {
        self.given += 1;
        format!("{CANARY}-{what}-{}", self.given)
    }

    fn resource_metadata(&self) -> Value {
        let resource = self.knobs.resource_is.clone().unwrap_or_else(|| self.url.clone());
        json!({"resource": resource, "authorization_servers": [self.issuer], "scopes_supported": ["listed"]})
    }

    fn metadata(&self) -> Value {
        let issuer = &self.issuer;
        let mut metadata = json!({
            "issuer": self.knobs.issuer_is.as_ref().unwrap_or(issuer),
            "authorization_endpoint": format!("{issuer}/authorize?tenant=1"),
            "token_endpoint": format!("{issuer}/token"),
            "revocation_endpoint": format!("{issuer}/revoke"),
            "token_endpoint_auth_methods_supported": self.knobs.methods,
            "authorization_response_iss_parameter_supported": true,
            "client_id_metadata_document_supported": self.knobs.documents,
            "scopes_supported": ["listed", "offline_access"],
        });
        if self.knobs.registers {
            metadata["registration_endpoint"] = json!(format!("{issuer}/register"));
        }
        if self.knobs.pkce {
            metadata["code_challenge_methods_supported"] = json!(["plain", "S256"]);
        }
        metadata
    }

    fn challenge(&self) -> String {
        let mut challenge = "Bearer realm=\"a, b\"".to_owned();
        if self.knobs.resource == Resource::Challenge {
            challenge += &format!(", resource_metadata=\"{}/elsewhere/metadata\"", self.issuer);
        }
        if let Some(scope) = self.knobs.scope {
            challenge += &format!(", scope=\"{scope}\"");
        }
        challenge
    }

    fn give(&mut self) -> Value {
        let access = self.next("access");
        self.good.insert(access.clone());
        let mut given = json!({"access_token": access, "token_type": "bearer", "scope": self.scopes});
        if let Some(life) = self.knobs.life {
            given["expires_in"] = json!(life);
        }
        given
    }

    fn refresh_token(&mut self) -> String {
        let token = self.next("refresh");
        self.refresh.insert(token.clone());
        token
    }
}

type Servers = State<Arc<Mutex<Inner>>>;

async fn document(State(inner): Servers, uri: Uri) -> Response {
    let mut inner = lock(&inner);
    inner.seen.push((uri.path().to_owned(), Value::Null));
    let resource = inner.knobs.resource;
    let found = match uri.path() {
        "/elsewhere/metadata" if resource == Resource::Challenge => inner.resource_metadata(),
        "/.well-known/oauth-protected-resource/mcp" if resource == Resource::Path => inner.resource_metadata(),
        "/.well-known/oauth-protected-resource" if resource == Resource::Root => inner.resource_metadata(),
        "/.well-known/oauth-authorization-server" if inner.knobs.metadata => inner.metadata(),
        _ => return (StatusCode::NOT_FOUND, "<h1>Not found</h1>").into_response(),
    };
    Json(found).into_response()
}

async fn register(State(inner): Servers, Json(body): Json<Value>) -> Response {
    let mut inner = lock(&inner);
    inner.seen.push(("/register".to_owned(), body.clone()));
    let id = format!("client-{}", inner.given);
    let mut answer = json!({"client_id": id, "token_endpoint_auth_method": body["token_endpoint_auth_method"]});
    if body["token_endpoint_auth_method"] != "none" {
        answer["client_secret"] = json!(inner.next("secret"));
    }
    (StatusCode::CREATED, Json(answer)).into_response()
}

async fn revoke(State(inner): Servers, Form(form): Form<Vec<(String, String)>>) -> StatusCode {
    let mut inner = lock(&inner);
    let body: Value = form.into_iter().map(|(name, value)| (name, json!(value))).collect();
    inner.refresh.remove(body["token"].as_str().unwrap_or_default());
    inner.good.clear();
    inner.seen.push(("/revoke".to_owned(), body));
    StatusCode::OK
}

async fn token(State(inner): Servers, headers: HeaderMap, Form(form): Form<Vec<(String, String)>>) -> Response {
    let mut inner = lock(&inner);
    let mut body: Value = form.into_iter().map(|(name, value)| (name, json!(value))).collect();
    if let Some(basic) = headers.get("authorization") {
        body["authorization"] = json!(basic.to_str().unwrap_or_default());
    }
    inner.seen.push(("/token".to_owned(), body.clone()));
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let refused = |status: u16, error: &str| {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        (status, Json(json!({"error": error, "error_description": "so it is"}))).into_response()
    };
    if text("grant_type") == "refresh_token" {
        if let Some((status, error)) = inner.knobs.refresh_error {
            return refused(status, error);
        }
        let token = text("refresh_token");
        let known = if inner.knobs.rotates { inner.refresh.remove(&token) } else { inner.refresh.contains(&token) };
        if !known {
            return refused(400, "invalid_grant");
        }
        let mut given = inner.give();
        if inner.knobs.rotates {
            given["refresh_token"] = json!(inner.refresh_token());
        }
        return Json(given).into_response();
    }
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, text("code_verifier").as_bytes()));
    let Some(at) = inner.challenges.iter().position(|(code, c)| *code == text("code") && *c == challenge) else {
        return refused(400, "invalid_grant");
    };
    inner.challenges.remove(at);
    let mut given = inner.give();
    if inner.knobs.renewable {
        given["refresh_token"] = json!(inner.refresh_token());
    }
    Json(given).into_response()
}

async fn mcp(State(inner): Servers, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let mut inner = lock(&inner);
    let bearer = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let bearer = bearer.strip_prefix("Bearer ").unwrap_or_default().to_owned();
    inner.seen.push(("/mcp".to_owned(), json!({"method": body["method"], "bearer": bearer})));
    let greeted = inner.knobs.greets && body["method"] == "initialize";
    if !greeted && !inner.good.contains(&bearer) {
        return (StatusCode::UNAUTHORIZED, [("www-authenticate", inner.challenge())]).into_response();
    }
    let needs = inner.knobs.call_needs.filter(|needs| !inner.scopes.split(' ').any(|scope| scope == *needs));
    if let (Some(needs), "tools/call") = (needs, body["method"].as_str().unwrap_or_default()) {
        let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{needs}\"");
        return (StatusCode::FORBIDDEN, [("www-authenticate", challenge)]).into_response();
    }
    let result = match body["method"].as_str().unwrap_or_default() {
        "initialize" => {
            json!({"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "locked", "version": "1"}})
        }
        "tools/list" => json!({"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]}),
        "tools/call" => json!({"content": [{"type": "text", "text": bearer}]}),
        "notifications/initialized" => return StatusCode::ACCEPTED.into_response(),
        _ => return (StatusCode::BAD_REQUEST, "?").into_response(),
    };
    Json(json!({"jsonrpc": "2.0", "id": body["id"], "result": result})).into_response()
}

fn lock(inner: &Arc<Mutex<Inner>>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A query's names and values, decoded.
fn pairs(query: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}
