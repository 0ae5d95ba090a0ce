//! The server over a database of its own, asked as programs and browsers ask it.

use axum::{Router, body::Body};
use domain::Token;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use scraper::{Html, Selector};
use serde_json::{Value, json};
use test_support::{Fixture, Person};
use tower::ServiceExt as _;
use web_kit::{Config, Origin};

use crate::{Look, Oauth};

/// Where the server is; the fixture's gateway is there too.
pub(crate) const ORIGIN: &str = "https://gateway.example";
/// Where the tests' client has its codes sent.
pub(crate) const REDIRECT: &str = "http://localhost:8787/callback";
/// RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// The challenge that it answers.
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The server over two accounts, `ours` and `neighbour`.
pub(crate) struct Site {
    pub(crate) fixture: Fixture,
    router: Router,
}

/// An answer.
pub(crate) struct Seen {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Site {
    pub(crate) async fn new() -> Self {
        let fixture = Fixture::new().await;
        let config = Config {
            public_origin: Origin::parse(ORIGIN).unwrap(),
            key: fixture.key.clone(),
            clock: fixture.clock.clone(),
            entropy: fixture.entropy.clone(),
        };
        let look =
            Look { error_page: |_, view| format!("problem: {}", view.title), asset: |name| format!("/static/{name}") };
        let router = Oauth::new(fixture.accounts.clone(), config, look).routes();
        Self { fixture, router }
    }

    async fn send(&self, request: Request<Body>) -> Seen {
        let (head, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Seen { status: head.status, headers: head.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    /// Asks as a program does.
    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Seen {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "gateway.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// Posts a form as a program does.
    pub(crate) async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        self.ask("POST", path, &[("content-type", "application/x-www-form-urlencoded")], &encoded(fields)).await
    }

    /// Registers a client.
    pub(crate) async fn register(&self, document: &Value) -> Seen {
        self.ask("POST", "/register", &[("content-type", "application/json")], &document.to_string()).await
    }

    /// A registered client's id.
    pub(crate) async fn client(&self) -> String {
        let document = json!({
            "client_name": "Test client",
            "redirect_uris": [REDIRECT],
            "grant_types": ["authorization_code", "refresh_token"],
        });
        self.register(&document).await.json()["client_id"].as_str().unwrap().to_owned()
    }

    /// Opens a page with a session, or without one.
    pub(crate) async fn open(&self, path: &str, person: Option<&Person>) -> Seen {
        let cookie = person.map(|person| cookie(&person.session));
        let headers: Vec<_> = cookie.iter().map(|cookie| ("cookie", cookie.as_str())).collect();
        self.ask("GET", path, &headers, "").await
    }

    /// Sends a form of the consent page, as a browser does.
    pub(crate) async fn answer(&self, person: Option<&Person>, fields: &[(&str, &str)]) -> Seen {
        let cookie = person.map(|person| cookie(&person.session)).unwrap_or_default();
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("sec-fetch-site", "same-origin"),
            ("cookie", cookie.as_str()),
        ];
        self.ask("POST", "/authorize", &headers, &encoded(fields)).await
    }

    /// Allows what a query asks for, by the page's own form; where the browser is sent.
    pub(crate) async fn allow(&self, person: &Person, query: &str) -> Seen {
        let page = self.open(&format!("/authorize?{query}"), Some(person)).await;
        let mut fields = page.fields();
        fields.push(("answer".to_owned(), "allow".to_owned()));
        if page.has("input#write[checked]") {
            fields.push(("write".to_owned(), "yes".to_owned()));
        }
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.answer(Some(person), &fields).await
    }

    /// A code for the account's own URL.
    pub(crate) async fn code(&self, person: &Person, client: &str) -> String {
        let sent = self.allow(person, &query(client, &[])).await;
        sent.parameter("code").unwrap()
    }

    /// Exchanges a code.
    pub(crate) async fn exchange(&self, code: &str, client: &str) -> Seen {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("client_id", client),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
            ("resource", "https://gateway.example/ours/mcp"),
        ];
        self.form("/token", &fields).await
    }
}

/// The query of a good request, with some parameters replaced; those with an empty value are left out.
pub(crate) fn query(client: &str, other: &[(&str, &str)]) -> String {
    let good = [
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", REDIRECT),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("state", "the state"),
        ("resource", "https://gateway.example/ours/mcp"),
    ];
    let given = |name: &str| other.iter().find(|(of, _)| *of == name).map(|(_, value)| *value);
    let mut fields: Vec<_> = good.iter().map(|(name, value)| (*name, given(name).unwrap_or(value))).collect();
    fields.extend(other.iter().filter(|(name, _)| !good.iter().any(|(of, _)| of == name)));
    fields.retain(|(_, value)| !value.is_empty());
    encoded(&fields)
}

pub(crate) fn encoded(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn cookie(session: &Token) -> String {
    format!("__Host-portcullis_session={}", session.expose())
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {} {:?}", self.status, self.text))
    }

    /// The code of a refusal.
    pub(crate) fn error(&self) -> (u16, String) {
        (self.status.as_u16(), self.json()["error"].as_str().unwrap_or_default().to_owned())
    }

    /// A parameter of the redirect.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let url = url::Url::parse(self.header("location")).ok()?;
        url.query_pairs().find(|(of, _)| of == name).map(|(_, value)| value.into_owned())
    }

    /// The first form's hidden fields.
    pub(crate) fn fields(&self) -> Vec<(String, String)> {
        let hidden = Selector::parse("form[action='/authorize'] input[type=hidden]").unwrap();
        let document = Html::parse_document(&self.text);
        let both = |name: &str| name.to_owned();
        let each = document
            .select(&hidden)
            .map(|input| (both(input.attr("name").unwrap()), both(input.attr("value").unwrap())));
        each.take(2).collect()
    }

    pub(crate) fn has(&self, css: &str) -> bool {
        Html::parse_document(&self.text).select(&Selector::parse(css).unwrap()).next().is_some()
    }

    /// The text of all elements that match, white space made single.
    pub(crate) fn all(&self, css: &str) -> Vec<String> {
        let document = Html::parse_document(&self.text);
        let selector = Selector::parse(css).unwrap();
        let text = |element: scraper::ElementRef<'_>| element.text().collect::<String>();
        document
            .select(&selector)
            .map(|element| text(element).split_whitespace().collect::<Vec<_>>().join(" "))
            .collect()
    }

    pub(crate) fn one(&self, css: &str) -> String {
        let mut all = self.all(css);
        assert_eq!(all.len(), 1, "{css}: {all:?} in {}", self.text);
        all.remove(0)
    }
}
