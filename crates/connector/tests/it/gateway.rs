//! The gateway's side of a tunnel, as small as it can be: a WebSocket accepted, and an HTTP/2 client over it.

use std::{io, sync::Arc, sync::Mutex};

use bytes::Bytes;
use domain::{ConnectToken, Entropy, Token, TokenKind, tunnel};
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{ErrorResponse, Request as Handshake, Response as Accepted},
        protocol::CloseFrame,
    },
};
use tokio_util::io::{CopyToBytes, SinkWriter, StreamReader};

pub struct Gateway {
    listener: TcpListener,
    pub token: ConnectToken,
}

/// One tunnel, from the gateway's side.
pub struct Tunnel {
    sender: http2::SendRequest<Full<Bytes>>,
    /// Path, query and headers of the dial.
    pub dial: Handshake,
    close: Option<oneshot::Sender<CloseFrame>>,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// An event stream that is being read.
pub struct Events {
    body: Incoming,
    buffer: Vec<u8>,
}

impl Gateway {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let token = Token::new(TokenKind::Connect, &Entropy::seeded(1));
        let (account, server) = ("acme".parse().unwrap(), "mlflow".parse().unwrap());
        Self { listener, token: ConnectToken { token, origin, account, server } }
    }

    /// The next connector that dials.
    pub async fn accept(&self) -> Tunnel {
        let (stream, _) = self.listener.accept().await.unwrap();
        Tunnel::over(stream).await
    }

    /// The next connection, before any byte was read.
    pub async fn accept_raw(&self) -> TcpStream {
        self.listener.accept().await.unwrap().0
    }

    /// Refuses the next connector that dials.
    pub async fn refuse(&self, status: StatusCode, words: &str) {
        let (stream, _) = self.listener.accept().await.unwrap();
        let words = words.to_owned();
        #[expect(clippy::result_large_err, reason = "the library's callback type")]
        let callback = move |_: &Handshake, _: Accepted| -> Result<Accepted, ErrorResponse> {
            Err(Response::builder().status(status).body(Some(words)).unwrap())
        };
        let refused = accept_hdr_async(stream, callback).await;
        assert!(refused.is_err(), "the handshake was refused");
    }
}

impl Tunnel {
    pub async fn over<S>(stream: S) -> Self
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let dial = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&dial);
        #[expect(clippy::result_large_err, reason = "the library's callback type")]
        let callback = move |request: &Handshake, response: Accepted| -> Result<Accepted, ErrorResponse> {
            *seen.lock().unwrap() = Some(request.clone());
            Ok(response)
        };
        let socket = accept_hdr_async(stream, callback).await.unwrap();
        let dial = dial.lock().unwrap().take().unwrap();
        let (sender, close) = client(socket).await;
        Self { sender, dial, close: Some(close) }
    }

    /// Closes the WebSocket with a code, as a gateway does that no longer accepts a token.
    pub fn close(&mut self, code: u16, reason: &str) {
        let frame = CloseFrame { code: code.into(), reason: reason.to_owned().into() };
        self.close.take().unwrap().send(frame).unwrap();
    }

    pub async fn send(&self, method: Method, headers: &[(&str, &str)], body: &str) -> Response<Incoming> {
        let mut request =
            Request::builder().method(method).uri(format!("http://{}{}", tunnel::AUTHORITY, tunnel::MCP_PATH));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap();
        let mut sender = self.sender.clone();
        sender.ready().await.unwrap();
        sender.send_request(request).await.unwrap()
    }

    pub async fn post(&self, session: Option<&str>, body: &str) -> Answer {
        Answer::read(self.send(Method::POST, &headers(session), body).await).await
    }

    /// Posts and leaves the answer, which must be a stream, to be read event by event.
    pub async fn post_events(&self, session: &str, body: &str) -> Events {
        Events::of(self.send(Method::POST, &headers(Some(session)), body).await)
    }

    pub async fn listen(&self, session: &str) -> Events {
        Events::of(self.send(Method::GET, &headers(Some(session)), "").await)
    }

    /// Opens a session with the whole handshake; its id.
    pub async fn open(&self) -> String {
        let answer = self.post(None, INITIALIZE).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        let session = answer.headers["mcp-session-id"].to_str().unwrap().to_owned();
        let told = self.post(Some(&session), r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
        assert_eq!(told.status, StatusCode::ACCEPTED);
        session
    }

    /// Waits until the session's process has a `hold` call that it has not answered.
    pub async fn until_held(&self, session: &str) {
        let mut id = 1_000;
        while self.call(session, id, "state", "{}").await["result"]["held"] == 0 {
            id += 1;
        }
    }

    /// Calls a tool and gives the whole message that answers.
    pub async fn call(&self, session: &str, id: u64, tool: &str, arguments: &str) -> Value {
        self.post(Some(session), &call(id, tool, arguments)).await.json()
    }
}

pub const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;

pub fn call(id: u64, tool: &str, arguments: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments},"_meta":{{"progressToken":"t{id}"}}}}}}"#
    )
}

fn headers(session: Option<&str>) -> Vec<(&str, &str)> {
    let mut headers = vec![("accept", "application/json, text/event-stream"), ("content-type", "application/json")];
    headers.extend(session.map(|session| ("mcp-session-id", session)));
    headers
}

impl Answer {
    pub async fn read(response: Response<Incoming>) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self { status: head.status, headers: head.headers, body }
    }

    pub fn json(&self) -> Value {
        assert_eq!(self.headers["content-type"], "application/json");
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn is_undelivered(&self) -> bool {
        self.headers.contains_key(tunnel::UNDELIVERED_HEADER)
    }
}

impl Events {
    pub fn of(response: Response<Incoming>) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), buffer: Vec::new() }
    }

    /// The next message; `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            let text = String::from_utf8(self.buffer.clone()).unwrap();
            if let Some((event, rest)) = text.split_once("\n\n") {
                self.buffer = rest.as_bytes().to_vec();
                let data = event.lines().find_map(|line| line.strip_prefix("data: "));
                if let Some(data) = data {
                    return Some(serde_json::from_str(data).unwrap());
                }
                continue;
            }
            let frame = self.body.frame().await?.unwrap();
            self.buffer.extend_from_slice(&frame.into_data().unwrap());
        }
    }
}

async fn client<S>(socket: WebSocketStream<S>) -> (http2::SendRequest<Full<Bytes>>, oneshot::Sender<CloseFrame>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (close, closed) = oneshot::channel::<CloseFrame>();
    let (sink, stream) = socket.split();
    let sink = Arc::new(tokio::sync::Mutex::new(sink));
    let for_close = Arc::clone(&sink);
    tokio::spawn(async move {
        if let Ok(frame) = closed.await {
            for_close.lock().await.send(Message::Close(Some(frame))).await.unwrap();
        }
    });
    let pieces = stream.filter_map(|message| async move {
        match message {
            Ok(Message::Binary(bytes)) => Some(Ok(bytes)),
            Ok(_) => None,
            Err(error) => Some(Err(io::Error::other(error))),
        }
    });
    let messages = futures_util::sink::unfold(sink, |sink, piece: Bytes| async move {
        sink.lock().await.send(Message::Binary(piece)).await.map_err(io::Error::other)?;
        Ok::<_, io::Error>(sink)
    });
    let writer = SinkWriter::new(CopyToBytes::new(Box::pin(messages)));
    let io = tokio::io::join(StreamReader::new(Box::pin(pieces)), writer);
    let (sender, connection) = http2::Builder::new(TokioExecutor::new()).handshake(TokioIo::new(io)).await.unwrap();
    tokio::spawn(connection);
    (sender, close)
}
