//! Asking for JSON: bounded, without redirects, over TLS unless private upstreams may be dialled.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use serde_json::Value;

use super::{AuthorizationError, client::SignedForm};
use crate::{Egress, Exchange, PrivateAddresses, UpstreamUrl, exchange::shown};

/// Longest document or answer, in bytes.
const MOST_BYTES: usize = 64 * 1024;
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// What may be asked, and how long is waited.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// What may be dialled; where private addresses may be, plain `http` may be, too.
    pub egress: Egress,
    /// For each request and its whole answer.
    pub per_request: Duration,
}

/// An answer that was read.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

impl Rules {
    /// Ten seconds for each request.
    #[must_use]
    pub fn new(egress: Egress) -> Self {
        Self { egress, per_request: Duration::from_secs(10) }
    }

    /// Reads an address that is about to be used, of whom it is.
    pub(super) fn address(&self, what: &'static str, text: &str) -> Result<UpstreamUrl, AuthorizationError> {
        let what = what.strip_prefix("the ").unwrap_or(what);
        let url = UpstreamUrl::parse_for(text, &self.egress)
            .map_err(|problem| AuthorizationError::Address { what, problem })?;
        let open = self.egress.private_addresses == PrivateAddresses::Allowed;
        if open || url.origin().starts_with("https://") { Ok(url) } else { Err(AuthorizationError::PlainText { what }) }
    }

    /// A document, if there is one: whatever else answers there (a page, an error) is none.
    pub(super) async fn document<E: Exchange>(
        &self,
        via: &E,
        what: &'static str,
        url: &str,
    ) -> Result<Option<Value>, AuthorizationError> {
        let mut request = self.request(what, url, Bytes::new())?;
        *request.method_mut() = Method::GET;
        let answer = self.send(via, what, request).await?;
        if answer.status.is_server_error() {
            return Err(AuthorizationError::Unreachable { what, words: format!("it answered HTTP {}", answer.status) });
        }
        let read = || serde_json::from_slice(&answer.body).ok().filter(Value::is_object);
        Ok(if answer.status == StatusCode::OK { read() } else { None })
    }

    /// Posts a form and gives what came back.
    pub(super) async fn form<E: Exchange>(
        &self,
        via: &E,
        what: &'static str,
        url: &str,
        form: SignedForm,
    ) -> Result<Answer, AuthorizationError> {
        let mut request = self.request(what, url, Bytes::from(form.body))?;
        request.headers_mut().insert(header::CONTENT_TYPE, FORM);
        if let Some(authorization) = form.authorization {
            request.headers_mut().insert(header::AUTHORIZATION, authorization);
        }
        self.send(via, what, request).await
    }

    /// Posts JSON and gives what came back.
    pub(super) async fn json<E: Exchange>(
        &self,
        via: &E,
        what: &'static str,
        url: &str,
        body: &Value,
    ) -> Result<Answer, AuthorizationError> {
        let mut request = self.request(what, url, Bytes::from(body.to_string()))?;
        request.headers_mut().insert(header::CONTENT_TYPE, JSON);
        self.send(via, what, request).await
    }

    fn request(&self, what: &'static str, url: &str, body: Bytes) -> Result<Request<Bytes>, AuthorizationError> {
        let uri = self.address(what, url)?.to_uri().map_err(|problem| AuthorizationError::Address { what, problem })?;
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        request.headers_mut().insert(header::ACCEPT, JSON);
        request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static("portcullis"));
        Ok(request)
    }

    pub(super) async fn send<E: Exchange>(
        &self,
        via: &E,
        what: &'static str,
        request: Request<Bytes>,
    ) -> Result<Answer, AuthorizationError> {
        let unreachable = |words: String| AuthorizationError::Unreachable { what, words };
        let asking = async {
            let answer = via.send(request).await.map_err(|error| unreachable(error.to_string()))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, MOST_BYTES).collect().await;
            let body = body.map_err(|_| unreachable("its answer broke off or is too long".to_owned()))?.to_bytes();
            Ok(Answer { status: head.status, body })
        };
        match tokio::time::timeout(self.per_request, asking).await {
            Ok(answer) => answer,
            Err(_) => Err(unreachable(format!("no answer within {} s", self.per_request.as_secs()))),
        }
    }
}

impl Answer {
    /// The JSON object in a good answer, or the OAuth error in a bad one. Some servers send errors with HTTP 200.
    pub(super) fn object(&self, what: &'static str) -> Result<Value, AuthorizationError> {
        let read: Option<Value> = serde_json::from_slice(&self.body).ok().filter(Value::is_object);
        let text = |name: &str| Some(shown(read.as_ref()?.get(name)?.as_str()?));
        if let Some(code) = text("error") {
            let words = text("error_description").unwrap_or_default();
            return Err(AuthorizationError::Refused { code, words });
        }
        let status = self.status;
        match read {
            Some(object) if status.is_success() => Ok(object),
            _ if status.is_success() => Err(AuthorizationError::Answer { what, words: "no JSON object".to_owned() }),
            _ => Err(AuthorizationError::Unreachable { what, words: format!("it answered HTTP {status}") }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_an_address_is_said_in_a_sentence() {
        let rules = Rules::new(Egress::PRIVATE_ALLOWED);
        for what in ["the server", "server"] {
            let said = rules.address(what, "http://169.254.169.254/latest").unwrap_err().to_string();
            assert!(said.starts_with("the server 169.254.169.254 is not an address"), "{said}");
        }
    }
}
