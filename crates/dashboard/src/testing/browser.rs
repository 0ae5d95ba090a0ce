//! Keeps cookies, follows redirects, fills in forms by their labels and presses buttons by their words.

use std::collections::BTreeMap;

use axum::{Router, body::Body};
use http::{HeaderMap, Request, header};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::{page::Seen, well_formed};

/// A browser.
pub(crate) struct Browser {
    router: Router,
    cookies: BTreeMap<String, String>,
}

/// What a person does with a form: which button, and what goes into which input.
pub(crate) struct Fill {
    button: String,
    values: Vec<(String, String)>,
}

impl Fill {
    /// Presses the button with these words (or this accessible name).
    pub(crate) fn press(button: &str) -> Self {
        Self { button: button.to_owned(), values: Vec::new() }
    }

    /// Types into, or chooses in, the input with this label.
    pub(crate) fn with(mut self, label: &str, value: &str) -> Self {
        self.values.push((label.to_owned(), value.to_owned()));
        self
    }
}

impl Browser {
    pub(super) fn new(router: Router) -> Self {
        Self { router, cookies: BTreeMap::new() }
    }

    pub(crate) fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }

    /// The value of a cookie.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    /// Opens an address, following redirects, and checks the page that comes.
    pub(crate) async fn open(&mut self, path: &str) -> Seen {
        self.follow("GET", path, None).await
    }

    /// Fills in the form that has the button and sends it, following redirects.
    ///
    /// # Panics
    /// When the page has no such button or no such label.
    pub(crate) async fn fill(&mut self, page: &Seen, fill: &Fill) -> Seen {
        let mut form =
            page.form(&fill.button).unwrap_or_else(|| panic!("no button {:?} on {}", fill.button, page.path));
        let body = form.filled(&fill.values);
        self.follow("POST", &form.action, Some(body)).await
    }

    /// Asks for an address without following a redirect.
    pub(crate) async fn open_once(&mut self, path: &str) -> Seen {
        self.send("GET", path, None).await
    }

    /// Posts a form that no page offered, as an attacker with a session of their own would.
    pub(crate) async fn post_once(&mut self, path: &str, body: &str) -> Seen {
        self.send("POST", path, Some(body.to_owned())).await
    }

    async fn follow(&mut self, method: &str, path: &str, body: Option<String>) -> Seen {
        let mut seen = self.send(method, path, body).await;
        for _ in 0..5 {
            let Some(next) = seen.redirect() else { break };
            seen = self.send("GET", &next, None).await;
        }
        assert!(!seen.status.is_redirection(), "{path} redirects without end");
        seen
    }

    async fn send(&mut self, method: &str, path: &str, body: Option<String>) -> Seen {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1:8080");
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, pairs.join("; "));
        }
        if body.is_some() {
            request = request
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header("sec-fetch-site", "same-origin");
        }
        let request = request.body(body.map_or_else(Body::empty, Body::from)).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        self.take_cookies(&head.headers);
        let bytes = body.collect().await.unwrap().to_bytes();
        let seen = Seen::new(path, head.status, head.headers, String::from_utf8_lossy(&bytes).into_owned());
        if seen.is_page() {
            well_formed::check(&seen);
        }
        seen
    }

    fn take_cookies(&mut self, headers: &HeaderMap) {
        for line in headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().unwrap();
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if line.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}
