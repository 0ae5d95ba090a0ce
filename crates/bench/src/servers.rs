//! The two peers: an upstream that answers at once, and a hop that only passes on.

use std::{convert::Infallible, net::SocketAddr};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, header, server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tokio::net::TcpListener;

/// Answers every JSON-RPC request with 1 KB of text, its id repeated.
pub async fn upstream(listener: TcpListener) -> anyhow::Result<()> {
    let filler = "x".repeat(1024);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let filler = filler.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let filler = filler.clone();
            async move {
                let body = request.into_body().collect().await?.to_bytes();
                let answer = format!(
                    r#"{{"jsonrpc":"2.0","id":{},"result":{{"content":[{{"type":"text","text":"{filler}"}}]}}}}"#,
                    id(&body)
                );
                Ok::<_, hyper::Error>(
                    Response::builder()
                        .header(header::CONTENT_TYPE, "application/json")
                        .body(Full::<Bytes>::from(answer))
                        .unwrap_or_default(),
                )
            }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

/// Passes every request on to `upstream` and its answer back, reading neither.
pub async fn hop(listener: TcpListener, upstream: SocketAddr) -> anyhow::Result<()> {
    let client: Client<HttpConnector, Incoming> =
        Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build_http();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let client = client.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            let client = client.clone();
            async move {
                *request.uri_mut() = format!("http://{upstream}/mcp").parse().unwrap_or_default();
                let answer = match client.request(request).await {
                    Ok(answer) => answer.map(BodyExt::boxed),
                    Err(_) => bad_gateway().map(|b| b.map_err(|never| match never {}).boxed()),
                };
                Ok::<_, Infallible>(answer)
            }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

fn bad_gateway() -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = hyper::StatusCode::BAD_GATEWAY;
    answer
}

/// The id's text in a message that this program itself wrote.
pub fn id(body: &[u8]) -> &str {
    let text = std::str::from_utf8(body).unwrap_or_default();
    let rest = text.split_once("\"id\":").map_or("0", |(_, rest)| rest);
    rest.split([',', '}']).next().unwrap_or("0")
}
