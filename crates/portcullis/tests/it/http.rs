//! A small HTTP client for the tests: keep-alive connections, form posts, a cookie jar per person.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{HeaderMap, Method, Request, StatusCode, header};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use scraper::{Html, Selector};
use serde_json::{Value, json};

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

/// A client without cookies.
#[derive(Clone, Debug)]
pub struct Http(Client<HttpConnector, Full<Bytes>>);

/// A person in a browser without script: follows redirects, keeps cookies.
#[derive(Debug)]
pub struct Browser {
    http: Http,
    origin: String,
    cookies: Mutex<BTreeMap<String, String>>,
}

impl Http {
    pub fn new() -> Self {
        raise_open_files();
        // Long before the listener lets go of a connection that is not used, maybe just when a request is sent on it.
        let idle = Duration::from_secs(4);
        Self(Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).pool_idle_timeout(idle).build_http())
    }

    pub async fn send(&self, request: Request<Full<Bytes>>) -> anyhow::Result<Answer> {
        let (parts, body) = self.0.request(request).await?.into_parts();
        let text = String::from_utf8(body.collect().await?.to_bytes().to_vec())?;
        Ok(Answer { status: parts.status, headers: parts.headers, text })
    }

    /// Sends a request and reads its answer, which is not kept; how many bytes it had.
    pub async fn length(&self, request: Request<Full<Bytes>>) -> anyhow::Result<usize> {
        let (parts, mut body) = self.0.request(request).await?.into_parts();
        anyhow::ensure!(parts.status.is_success(), "{}", parts.status);
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            length += frame?.into_data().map_or(0, |data| data.len());
        }
        Ok(length)
    }

    /// Posts one JSON-RPC message of the `initialize` era to a gateway URL.
    pub async fn mcp(&self, url: &str, key: &str, session: Option<&str>, message: &Value) -> anyhow::Result<Answer> {
        let mut request = Request::post(url)
            .header(header::AUTHORIZATION, format!("Bearer {key}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json, text/event-stream");
        if let Some(session) = session {
            request = request.header("Mcp-Session-Id", session);
        }
        self.send(request.body(Full::from(message.to_string()))?).await
    }

    /// Reads a JSON document.
    pub async fn json(&self, url: &str) -> anyhow::Result<Value> {
        let answer = self.send(Request::get(url).body(Full::default())?).await?;
        anyhow::ensure!(answer.status.is_success(), "{url}: {answer:?}");
        Ok(serde_json::from_str(&answer.text)?)
    }

    /// Posts a form as a program does.
    pub async fn form(&self, url: &str, fields: &[(&str, &str)]) -> anyhow::Result<Answer> {
        let kind = "application/x-www-form-urlencoded";
        let request = Request::post(url).header(header::CONTENT_TYPE, kind);
        self.send(request.body(Full::from(encoded(fields)))?).await
    }

    /// Calls a tool; the JSON-RPC answer.
    pub async fn call(&self, url: &str, key: &str, tool: &str, arguments: Value) -> anyhow::Result<Value> {
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}});
        self.mcp(url, key, None, &message).await?.json_rpc()
    }
}

impl Answer {
    /// The JSON-RPC message of the answer, whether it came as JSON or as the last event of a stream.
    pub fn json_rpc(&self) -> anyhow::Result<Value> {
        let text = self.text.lines().filter_map(|l| l.strip_prefix("data:")).next_back().unwrap_or(&self.text);
        serde_json::from_str(text.trim()).map_err(|e| anyhow::anyhow!("{e} in {} {:?}", self.status, self.text))
    }

    /// The text of the first element that matches.
    pub fn select(&self, selector: &str) -> Option<String> {
        let selector = Selector::parse(selector).expect("a selector");
        Html::parse_document(&self.text)
            .select(&selector)
            .next()
            .map(|e| e.text().collect::<String>().trim().to_owned())
    }

    /// An attribute of the first element that matches.
    pub fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        let selector = Selector::parse(selector).expect("a selector");
        Html::parse_document(&self.text).select(&selector).next()?.attr(name).map(str::to_owned)
    }
}

impl Browser {
    pub fn new(origin: &str) -> Self {
        Self { http: Http::new(), origin: origin.to_owned(), cookies: Mutex::default() }
    }

    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.follow(Method::GET, path.to_owned(), String::new()).await
    }

    /// Posts a form and follows where it leads.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> anyhow::Result<Answer> {
        self.follow(Method::POST, path.to_owned(), encoded(fields)).await
    }

    /// Posts a form whose answer leads out of the product; where to.
    pub async fn post_out(&self, path: &str, fields: &[(&str, &str)]) -> anyhow::Result<String> {
        let answer = self.http.send(self.request(&Method::POST, path, encoded(fields))?).await?;
        let to = answer.headers.get(header::LOCATION).filter(|_| answer.status.is_redirection());
        let to = to.ok_or_else(|| anyhow::anyhow!("no redirect: {answer:?}"))?;
        Ok(to.to_str()?.to_owned())
    }

    async fn follow(&self, mut method: Method, mut path: String, mut body: String) -> anyhow::Result<Answer> {
        for _ in 0..5 {
            let answer = self.http.send(self.request(&method, &path, body)?).await?;
            self.keep_cookies(&answer.headers);
            let Some(to) = answer.headers.get(header::LOCATION).filter(|_| answer.status.is_redirection()) else {
                return Ok(answer);
            };
            path = to.to_str()?.trim_start_matches(self.origin.as_str()).to_owned();
            (method, body) = (Method::GET, String::new());
        }
        anyhow::bail!("too many redirects")
    }

    fn request(&self, method: &Method, path: &str, body: String) -> anyhow::Result<Request<Full<Bytes>>> {
        let cookies: Vec<_> =
            self.cookies.lock().expect("the jar").iter().map(|(name, value)| format!("{name}={value}")).collect();
        Ok(Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.origin))
            .header(header::ORIGIN, &self.origin)
            .header("Sec-Fetch-Site", "same-origin")
            .header(header::COOKIE, cookies.join("; "))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::from(body))?)
    }

    fn keep_cookies(&self, headers: &HeaderMap) {
        let mut jar = self.cookies.lock().expect("the jar");
        for cookie in headers.get_all(header::SET_COOKIE).iter().filter_map(|c| c.to_str().ok()) {
            let pair = cookie.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// A thousand calls at once are as many open files, and the usual 1,024 are few.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let _unchanged = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// A form, or a query.
pub fn encoded(fields: &[(&str, &str)]) -> String {
    fields.iter().map(|(k, v)| format!("{}={}", encode(k), encode(v))).collect::<Vec<_>>().join("&")
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(b).to_string(),
            _ => format!("%{b:02X}"),
        })
        .collect()
}
