use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use domain::{Clock, DeploymentKey};
use http::{StatusCode, header};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::*;
use crate::{Flash, FormTarget, LocalPath, Origin, Problem, go_to_with};

fn kit(origin: &str) -> Kit {
    let entropy = Entropy::seeded(1);
    let config = Config {
        public_origin: Origin::parse(origin).unwrap(),
        key: DeploymentKey::new(&entropy),
        clock: Clock::fixed(Timestamp(0)),
        entropy,
    };
    Kit::new(config, |stage, view| {
        let form = view.form.as_ref().map(|form| {
            let pairs =
                |of: &[(String, String)]| of.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("&");
            format!("{}|{}|{}", form.action, pairs(&form.typed), pairs(&form.fields))
        });
        format!("{}|{}|{}|{}", view.title, stage.request_id, form.unwrap_or_default(), view.way_on.0)
    })
}

fn router(kit: &Kit) -> Router {
    let left = kit.clone();
    let logged_out = || async { Problem::LoggedOut { next: LocalPath::parse("/app/acme/teams").unwrap() } };
    let router = Router::new()
        .route("/ok", get(|| async { "ok" }).post(|body: String| async move { body }))
        .route("/session", get(logged_out).post(logged_out))
        .route(
            "/panic",
            get(|| async {
                if true {
                    panic!("secret inner words")
                }
            }),
        )
        .route("/out", get(leading_out))
        .route("/secret", get(|| async { crate::html(StatusCode::OK, "s".into(), crate::Keep::Not) }))
        .route("/leave", post(|| async move { go_to_with(&left, "/read", &Flash::done("Saved.")) }))
        .route("/read", get(|request: Request| async move { words(&request) }));
    kit.protect(router)
}

async fn leading_out() -> Response {
    let mut response = "out".into_response();
    FormTarget::of(&url::Url::parse("http://localhost:8787/callback").unwrap()).allow(&mut response);
    response
}

fn words(request: &Request) -> Response {
    let flash = request.extensions().get::<Stage>().and_then(|stage| stage.flash.clone());
    flash.map_or_else(String::new, |flash| flash.text).into_response()
}

struct Seen {
    status: StatusCode,
    headers: http::HeaderMap,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn send(origin: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Seen {
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", origin.split_once("://").unwrap().1);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let response = router(&kit(origin)).oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Seen { status: head.status, headers: head.headers, body }
}

const HERE: &str = "http://127.0.0.1:8080";
const THERE: &str = "https://gate.example";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const OURS: (&str, &str) = ("sec-fetch-site", "same-origin");

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    for path in ["/ok", "/panic", "/no-such-page"] {
        let seen = send(THERE, "GET", path, &[], "").await;
        let policy = seen.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'nonce-"), "{path}: {policy}");
        assert!(
            !policy.contains("unsafe")
                && policy.contains("frame-ancestors 'none'")
                && policy.contains("base-uri 'none'")
        );
        assert_eq!(seen.header("x-content-type-options"), "nosniff");
        assert_eq!(seen.header("x-frame-options"), "DENY");
        assert_eq!(seen.header("referrer-policy"), "same-origin");
        assert_eq!(seen.header("cross-origin-opener-policy"), "same-origin");
        assert_eq!(seen.header("strict-transport-security"), "max-age=31536000; includeSubDomains");
        assert!(seen.header("x-request-id").starts_with("req_"));
    }
    assert_eq!(send(HERE, "GET", "/ok", &[], "").await.header("strict-transport-security"), "");
    assert_eq!(send(HERE, "GET", "/ok", &[], "").await.header("cache-control"), "private, no-cache");
    assert_eq!(send(HERE, "GET", "/secret", &[], "").await.header("cache-control"), "no-store");
}

#[tokio::test]
async fn only_a_page_that_says_so_has_forms_that_lead_elsewhere() {
    let form_action = |seen: &Seen| {
        let policy = seen.header("content-security-policy").to_owned();
        policy.split("; ").find(|part| part.starts_with("form-action")).unwrap().to_owned()
    };
    assert_eq!(form_action(&send(HERE, "GET", "/ok", &[], "").await), "form-action 'self'");
    let leads = send(HERE, "GET", "/out", &[], "").await;
    assert_eq!(form_action(&leads), "form-action 'self' http://localhost:8787");
}

#[tokio::test]
async fn a_window_that_an_app_opened_to_ask_is_not_cut_off_from_it() {
    for (path, policy) in
        [("/login", "unsafe-none"), ("/authorize?x=y", "unsafe-none"), ("/app/authorize", "same-origin")]
    {
        assert_eq!(send(THERE, "GET", path, &[], "").await.header("cross-origin-opener-policy"), policy, "{path}");
    }
}

#[tokio::test]
async fn each_request_has_its_own_nonce() {
    let router = router(&kit(HERE));
    let mut policies = Vec::new();
    for _ in 0..2 {
        let request = Request::builder().uri("/ok").header("host", "127.0.0.1:8080").body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        policies.push(response.headers()["content-security-policy"].clone());
    }
    assert_ne!(policies[0], policies[1]);
}

#[tokio::test]
async fn a_foreign_host_is_refused() {
    for host in ["evil.example", "evil.example:8080", ""] {
        let seen = send(HERE, "GET", "/ok", &[("host", host)], "").await;
        assert_eq!(seen.status, StatusCode::MISDIRECTED_REQUEST, "{host}");
        assert!(seen.body.contains(HERE));
    }
    let twice = send(HERE, "GET", "/ok", &[("host", "127.0.0.1:8080"), ("host", "evil.example")], "").await;
    assert_eq!(twice.status, StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(send(HERE, "GET", "/ok", &[("host", "localhost:8080")], "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_change_must_come_from_our_own_pages() {
    let origin = |value| ("origin", value);
    let site = |value| ("sec-fetch-site", value);
    for good in [vec![OURS], vec![site("none")], vec![origin(THERE)], vec![OURS, origin(THERE)]] {
        assert_eq!(send(THERE, "POST", "/ok", &good, "x").await.status, StatusCode::OK, "{good:?}");
    }
    let bad = [
        vec![],
        vec![site("cross-site")],
        vec![site("same-site")],
        vec![origin("https://evil.example")],
        vec![origin("null")],
        vec![site("cross-site"), origin("https://evil.example")],
    ];
    for bad in bad {
        let seen = send(THERE, "POST", "/ok", &bad, "x").await;
        assert_eq!(seen.status, StatusCode::FORBIDDEN, "{bad:?}");
        assert!(seen.body.starts_with("Refused|req_"), "{}", seen.body);
    }
}

#[tokio::test]
async fn a_panic_is_a_page_without_its_words() {
    let seen = send(HERE, "GET", "/panic", &[], "").await;
    assert_eq!(seen.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(seen.body.contains(seen.header("x-request-id")) && !seen.body.contains("secret inner words"));
}

#[tokio::test]
async fn without_a_session_a_page_leads_to_log_in_and_a_script_is_told() {
    let page = send(HERE, "GET", "/session", &[("sec-fetch-dest", "document")], "").await;
    assert_eq!((page.status, page.header("location")), (StatusCode::SEE_OTHER, "/login?next=%2Fapp%2Facme%2Fteams"));
    let part = send(HERE, "GET", "/session", &[("sec-fetch-dest", "empty")], "").await;
    assert_eq!(part.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_form_filled_in_while_the_session_ended_is_given_back() {
    let typed = "name=Data+science&password=hunter2&new_password=x&header_value=s3cret&header_value=&note=";
    let seen = send(HERE, "POST", "/session", &[FORM, OURS], typed).await;
    assert_eq!(seen.status, StatusCode::UNAUTHORIZED);
    let shown = "|name=Data science&header_value=kept, not shown|";
    let sent_again = "|name=Data science&header_value=s3cret&header_value=&note=|";
    assert!(seen.body.contains(shown) && seen.body.contains(sent_again), "{}", seen.body);
    assert!(seen.body.contains("|/session|") && seen.body.contains("|/login?next="), "{}", seen.body);
    assert!(!seen.body.contains("hunter2"));
    assert_eq!(seen.header(header::CACHE_CONTROL.as_str()), "no-store");
}

#[tokio::test]
async fn what_another_site_sent_is_never_shown() {
    let seen = send(HERE, "POST", "/session", &[FORM, ("sec-fetch-site", "cross-site")], "name=Free+money").await;
    assert_eq!(seen.status, StatusCode::FORBIDDEN);
    assert!(!seen.body.contains("Free money"));
}

#[tokio::test]
async fn a_form_is_read_up_to_the_limit() {
    let fits = format!("a={}", "x".repeat(MAX_FORM_BYTES - 2));
    assert_eq!(send(HERE, "POST", "/ok", &[FORM, OURS], &fits).await.body.len(), MAX_FORM_BYTES);
    let over = send(HERE, "POST", "/ok", &[FORM, OURS], &format!("{fits}x")).await;
    assert_eq!(over.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_flash_is_read_once() {
    let left = send(HERE, "POST", "/leave", &[OURS], "").await;
    let cookie = left.header("set-cookie").split(';').next().unwrap().to_owned();
    let read = send(HERE, "GET", "/read", &[("cookie", &cookie)], "").await;
    assert_eq!(read.body, "Saved.");
    assert!(read.header("set-cookie").starts_with("portcullis_flash=; Path=/; Max-Age=0"));
    let part = send(HERE, "GET", "/read", &[("cookie", &cookie), ("sec-fetch-dest", "empty")], "").await;
    assert_eq!((part.body.as_str(), part.header("set-cookie")), ("", ""), "a script's request leaves it for the page");
}
