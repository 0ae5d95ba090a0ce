//! Client id metadata documents: a client whose id is an https URL is described by the JSON at it
//! (MCP 2026-07-28 basic/authorization/client-registration).
//!
//! Invariants: only public addresses are dialled, whatever the deployment's servers may have; no redirect is followed; what
//! comes is bounded in size and time; the document has to name its own URL; what is kept of it is bounded in number and age;
//! nobody makes us fetch without end.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use domain::Timestamp;
use http::{HeaderMap, Request, header};
use http_body_util::{BodyExt as _, Limited};
use serde::Deserialize;
use tokio::time::timeout;
use upstream::{Egress, UpstreamUrl};
use url::Url;

use super::clients::{ClientError, ClientKind, OAuthClient, grant_types, name_of, redirects};
use crate::{Accounts, ClientAddress};

/// Longest document.
const MAX_BYTES: usize = 64 << 10;
/// For the whole of fetching one.
const WITHIN: Duration = Duration::from_secs(5);
/// A document is kept at least and at most so long, in seconds, whatever its headers say.
const KEPT_S: std::ops::RangeInclusive<i64> = 60..=24 * 60 * 60;
/// Without headers.
const KEPT_OTHERWISE_S: i64 = 5 * 60;
/// A failure is kept so long, so that asking again and again does not make us ask others.
const FAILURE_KEPT_S: i64 = 20;
/// Documents kept in memory.
const MOST_KEPT: usize = 1_000;
/// Fetches at the same time.
const FETCHES: usize = 16;

/// Which documents are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientDocuments {
    /// Those at https URLs on the public internet.
    Public,
    /// Also those at http URLs on this machine: for tests.
    OnThisMachineToo,
}

/// The documents read lately.
#[derive(Debug)]
pub(crate) struct Documents {
    kept: Mutex<HashMap<String, Kept>>,
    fetches: tokio::sync::Semaphore,
}

#[derive(Clone, Debug)]
struct Kept {
    until: Timestamp,
    client: Result<OAuthClient, String>,
}

/// What is read of a document.
#[derive(Deserialize)]
struct Document {
    client_id: String,
    client_name: Option<String>,
    redirect_uris: Vec<String>,
    grant_types: Option<Vec<String>>,
    token_endpoint_auth_method: Option<String>,
}

impl Documents {
    pub(crate) fn new() -> Self {
        Self { kept: Mutex::default(), fetches: tokio::sync::Semaphore::new(FETCHES) }
    }

    fn get(&self, id: &str, now: Timestamp) -> Option<Result<OAuthClient, String>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(id).filter(|one| now < one.until).map(|one| one.client.clone())
    }

    fn put(&self, id: &str, one: Kept, now: Timestamp) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_KEPT {
            kept.retain(|_, one| now < one.until);
        }
        // What could not be read makes room first, then what is to be read again the soonest.
        let last = |one: &Kept| (one.client.is_ok(), one.until);
        if kept.len() >= MOST_KEPT
            && let Some(first) = kept.iter().min_by_key(|(_, one)| last(one)).map(|(id, _)| id.clone())
        {
            kept.remove(&first);
        }
        kept.insert(id.to_owned(), one);
    }
}

impl Accounts {
    /// A document that is not kept is fetched for anybody who asks, so each address has a number of them.
    pub(super) async fn client_of_document(&self, id: &str, from: &ClientAddress) -> Result<OAuthClient, ClientError> {
        let now = self.now();
        let url = checked(id, self.client_documents()).map_err(ClientError::Document)?;
        if let Some(kept) = self.documents().get(id, now) {
            return kept.map_err(ClientError::Document);
        }
        if let Some(wait) = self.count_document(from.ip).await? {
            return Err(ClientError::Throttled { retry_after_s: wait.0 });
        }
        let _place = self.documents().fetches.try_acquire().map_err(|_| crate::Error::Busy)?;
        let (client, kept_s) = match timeout(WITHIN, self.fetch(id, &url)).await {
            Ok(Ok((client, kept_s))) => (Ok(client), kept_s),
            Ok(Err(words)) => (Err(words), FAILURE_KEPT_S),
            Err(_) => (Err("it did not arrive in time".to_owned()), FAILURE_KEPT_S),
        };
        self.documents().put(id, Kept { until: now.plus_seconds(kept_s), client: client.clone() }, now);
        client.map_err(ClientError::Document)
    }

    async fn fetch(&self, id: &str, url: &UpstreamUrl) -> Result<(OAuthClient, i64), String> {
        let egress = match self.client_documents() {
            ClientDocuments::Public => Egress::PUBLIC_ONLY,
            ClientDocuments::OnThisMachineToo => Egress::PRIVATE_ALLOWED,
        };
        let uri = url.to_uri().map_err(|error| error.to_string())?;
        let request = Request::get(uri).header(header::ACCEPT, "application/json").body(bytes::Bytes::new());
        let request = request.map_err(|error| error.to_string())?;
        // What went wrong on the way is not told: it would make a scanner of us.
        let answer = self.dialer().with_egress(egress).send(request).await.map_err(|error| {
            tracing::info!(host = url.authority(), %error, "a client's metadata document was not reached");
            "it cannot be reached".to_owned()
        })?;
        if answer.status() != http::StatusCode::OK {
            return Err(format!("it was answered with HTTP {}", answer.status().as_u16()));
        }
        let kept_s = kept_seconds(answer.headers());
        let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await;
        let body = body.map_err(|_| format!("it broke off or is longer than {MAX_BYTES} bytes"))?.to_bytes();
        Ok((read(id, &body)?, kept_s))
    }
}

/// The URL of a document: https, with a path, in the one spelling, and nothing hidden in it.
fn checked(id: &str, which: ClientDocuments) -> Result<UpstreamUrl, String> {
    let url = Url::parse(id).map_err(|_| "its id is not a URL".to_owned())?;
    let local = url.scheme() == "http" && which == ClientDocuments::OnThisMachineToo;
    let exact = url.as_str() == id && url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if !(url.scheme() == "https" || local) || !exact || url.path() == "/" || url.query().is_some() {
        return Err("its id must be an https URL with a path, without query, fragment, user name or dots in the path"
            .to_owned());
    }
    let egress = if local { Egress::PRIVATE_ALLOWED } else { Egress::PUBLIC_ONLY };
    let egress = if which == ClientDocuments::OnThisMachineToo { Egress::PRIVATE_ALLOWED } else { egress };
    UpstreamUrl::parse_for(id, &egress).map_err(|error| error.to_string())
}

fn read(id: &str, body: &[u8]) -> Result<OAuthClient, String> {
    let document: Document = serde_json::from_slice(body).map_err(|_| "it is not such a document".to_owned())?;
    if document.client_id != id {
        return Err("its client_id is not its own URL".to_owned());
    }
    let method = document.token_endpoint_auth_method.as_deref().unwrap_or("none");
    if method.starts_with("client_secret") {
        return Err("it names a secret, which a client of this kind cannot have".to_owned());
    }
    let host = Url::parse(id).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    let words = |error: ClientError| error.to_string();
    Ok(OAuthClient {
        client_id: document.client_id,
        name: name_of(document.client_name.as_deref(), &host).map_err(words)?,
        redirect_uris: redirects(&document.redirect_uris).map_err(words)?,
        grant_types: grant_types(document.grant_types).map_err(words)?,
        kind: ClientKind::Document { host },
    })
}

/// How long an answer may be kept (RFC 9111 §5.2.2), within our bounds.
fn kept_seconds(headers: &HeaderMap) -> i64 {
    let control = headers.get(header::CACHE_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut seconds = KEPT_OTHERWISE_S;
    for directive in control.split(',').map(str::trim) {
        match directive.split_once('=') {
            None if directive.eq_ignore_ascii_case("no-store") || directive.eq_ignore_ascii_case("no-cache") => {
                return *KEPT_S.start();
            }
            Some((name, value)) if name.eq_ignore_ascii_case("max-age") => {
                seconds = value.trim_matches('"').parse().unwrap_or(seconds);
            }
            _ => {}
        }
    }
    seconds.clamp(*KEPT_S.start(), *KEPT_S.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "https://client.example/oauth/client.json";

    #[test]
    fn only_plain_https_urls_are_documents() {
        assert!(checked(ID, ClientDocuments::Public).is_ok());
        for bad in [
            "http://client.example/client.json",
            "https://client.example",
            "https://client.example/",
            "https://client.example/c.json#x",
            "https://client.example/c.json?x",
            "https://me@client.example/c.json",
            "https://client.example/a/../c.json",
            "https://CLIENT.example/c.json",
            "https://client.example:443/c.json",
            "https://127.0.0.1/c.json",
            "https://[::1]/c.json",
            "https://169.254.169.254/c.json",
            "https://10.0.0.1/c.json",
            "https://localhost/c.json",
            "https://client.example:22/c.json",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "urn:x:y",
        ] {
            assert!(checked(bad, ClientDocuments::Public).is_err(), "{bad}");
        }
        assert!(checked("http://127.0.0.1:1234/c.json", ClientDocuments::OnThisMachineToo).is_ok());
    }

    #[test]
    fn a_document_has_to_describe_its_own_url() {
        let document = |change: &dyn Fn(&mut serde_json::Value)| {
            let mut value = serde_json::json!({
                "client_id": ID, "client_name": "Client", "redirect_uris": ["https://client.example/cb"],
                "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "none",
                "something_new": {"x": 1},
            });
            change(&mut value);
            read(ID, value.to_string().as_bytes())
        };
        let client = document(&|_| {}).unwrap();
        assert_eq!(client.kind, ClientKind::Document { host: "client.example".to_owned() });
        for (name, value) in [
            ("client_id", serde_json::json!("https://other.example/c.json")),
            ("client_id", serde_json::json!(null)),
            ("redirect_uris", serde_json::json!([])),
            ("redirect_uris", serde_json::json!(["http://evil.example/cb"])),
            ("redirect_uris", serde_json::json!(["javascript:alert(1)"])),
            ("token_endpoint_auth_method", serde_json::json!("client_secret_basic")),
            ("grant_types", serde_json::json!(["client_credentials"])),
            ("client_name", serde_json::json!("a\u{202e}b")),
        ] {
            assert!(document(&|document| document[name] = value.clone()).is_err(), "{name}: {value}");
        }
        assert!(read(ID, b"not json").is_err());
    }

    #[test]
    fn documents_that_cannot_be_read_drive_none_out_that_can() {
        let documents = Documents::new();
        let now = Timestamp(0);
        let client = || {
            read(ID, br#"{"client_id":"https://client.example/oauth/client.json","redirect_uris":["https://client.example/cb"]}"#)
        };
        let kept = |client, s| Kept { until: now.plus_seconds(s), client };
        documents.put(ID, kept(Ok(client().unwrap()), 60), now);
        for (n, s) in (0..2 * MOST_KEPT).zip(86_400..) {
            documents.put(&format!("https://evil.example/{n}"), kept(Err("no".to_owned()), s), now);
        }
        assert!(documents.get(ID, now).is_some_and(|one| one.is_ok()));
        assert!(documents.get("https://evil.example/0", now).is_none());
        assert_eq!(documents.kept.lock().unwrap().len(), MOST_KEPT);
        assert!(documents.get(ID, now.plus_seconds(60)).is_none());
    }

    #[test]
    fn how_long_a_document_is_kept() {
        for (control, seconds) in [
            ("", KEPT_OTHERWISE_S),
            ("max-age=3600", 3_600),
            ("public, Max-Age=\"600\"", 600),
            ("max-age=1", 60),
            ("max-age=99999999999", 86_400),
            ("max-age=99999999999999999999", KEPT_OTHERWISE_S),
            ("no-store", 60),
            ("max-age=3600, no-cache", 60),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CACHE_CONTROL, control.parse().unwrap());
            assert_eq!(kept_seconds(&headers), seconds, "{control}");
        }
    }
}
