//! What every request is given on the way in (request id, nonce, chosen colours) and every answer on the way out (security headers).

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::Entropy;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::{
    Flash, FormTarget, Kit, LocalPath,
    cookies::{self, CookieName},
};

/// The colours a person chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Theme {
    /// What the system says.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// What belongs to one request.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Names the request in answers and logs.
    pub request_id: Arc<str>,
    /// Lets our own scripts run.
    pub nonce: Arc<str>,
    /// The colours.
    pub theme: Theme,
    /// The path and query asked for, or `/` when it was not a GET.
    pub here: LocalPath,
    /// Words left by the answer before.
    pub flash: Option<Flash>,
    /// What the answer is for.
    pub purpose: Purpose,
}

/// What the browser wants the answer for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A page to show.
    Page,
    /// A part that a script asked for.
    Script,
}

impl Theme {
    /// The stored form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Reads the stored form; anything else is the system's.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        [Self::Light, Self::Dark].into_iter().find(|theme| theme.as_str() == text).unwrap_or_default()
    }
}

impl Stage {
    fn new(kit: &Kit, request: &Request) -> Self {
        let headers = request.headers();
        let purpose = purpose_of(headers);
        let origin = &kit.config().public_origin;
        let flash = cookies::read(headers, CookieName::Flash, origin).filter(|_| purpose == Purpose::Page);
        Self {
            request_id: format!("req_{}", random(kit.entropy())).into(),
            nonce: random(kit.entropy()).into(),
            theme: cookies::read(headers, CookieName::Theme, origin).map(|t| Theme::parse(&t)).unwrap_or_default(),
            here: here(request),
            flash: flash.and_then(|text| Flash::verify(&text, &kit.config().key)),
            purpose,
        }
    }
}

/// The outermost layer.
pub(crate) async fn stage(State(kit): State<Kit>, mut request: Request, next: Next) -> Response {
    let stage = Stage::new(&kit, &request);
    let opener = Opener::of(request.uri().path());
    request.extensions_mut().insert(stage.clone());
    let mut response = next.run(request).await;
    let shown = stage.flash.is_some() && !response.status().is_redirection();
    let left_anew = response.extensions().get::<LeftFlash>().is_some();
    let leads_to = response.extensions_mut().remove::<FormTarget>();
    let headers = response.headers_mut();
    if shown && !left_anew {
        cookies::clear(headers, CookieName::Flash, &kit.config().public_origin);
    }
    let policy = content_security_policy(&stage.nonce, leads_to.as_ref());
    secure(headers, &policy, &stage, &kit);
    put(headers, HeaderName::from_static("cross-origin-opener-policy"), opener.policy());
    response
}

/// Whether a window keeps what it was opened by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opener {
    Kept,
    Cut,
}

impl Opener {
    /// An app in a browser opens the consent page in a window of its own, in which the person may first log in or sign up, and hears from
    /// that window when it comes back to the app. A window that was cut off once stays so, hence every page and redirect on that way.
    fn of(path: &str) -> Self {
        if matches!(path, "/authorize" | "/login" | "/signup") { Self::Kept } else { Self::Cut }
    }

    fn policy(self) -> &'static str {
        match self {
            Self::Kept => "unsafe-none",
            Self::Cut => "same-origin",
        }
    }
}

/// Marks an answer that leaves words for the next page.
#[derive(Clone, Copy)]
pub(crate) struct LeftFlash;

fn purpose_of(headers: &HeaderMap) -> Purpose {
    match headers.get("sec-fetch-dest").map(HeaderValue::as_bytes) {
        None | Some(b"document") => Purpose::Page,
        Some(_) => Purpose::Script,
    }
}

fn here(request: &Request) -> LocalPath {
    let asked = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let path = if request.method() == Method::GET { asked } else { "/" };
    LocalPath::parse(path).unwrap_or_else(LocalPath::root)
}

fn random(entropy: &Entropy) -> String {
    URL_SAFE_NO_PAD.encode(entropy.bytes::<16>())
}

/// The policy for pages: nothing but our own style sheet, images and scripts with this request's nonce; forms lead only to us, and where
/// this page says; nobody frames us; script can put markup into the page only through the one policy of `live.js`.
fn content_security_policy(nonce: &str, leads_to: Option<&FormTarget>) -> String {
    let form_action = match leads_to {
        Some(target) => format!("form-action 'self' {}", target.source()),
        None => "form-action 'self'".to_owned(),
    };
    [
        "default-src 'none'",
        &format!("script-src 'nonce-{nonce}'"),
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        &form_action,
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types portcullis",
    ]
    .join("; ")
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn secure(headers: &mut HeaderMap, policy: &str, stage: &Stage, kit: &Kit) {
    let mut put = |name: HeaderName, value: &str| put(headers, name, value);
    put(header::CONTENT_SECURITY_POLICY, policy);
    put(HeaderName::from_static("x-request-id"), &stage.request_id);
    put(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(header::X_FRAME_OPTIONS, "DENY");
    // Not `no-referrer`: with it browsers send `Origin: null` with our own forms, and the guard would refuse them.
    put(header::REFERRER_POLICY, "same-origin");
    put(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    put(HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
    if kit.config().public_origin.is_https() {
        put(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains");
    }
    // Kept for the Back button, asked for again otherwise; pages that show a secret say `no-store` themselves.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-cache"));
}
