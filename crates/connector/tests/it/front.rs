//! An HTTP endpoint in front of a tunnel, so that a real client can use it.

use std::sync::Arc;

use axum::{Router, body::Body, extract::State};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use tokio::net::TcpListener;

use crate::gateway::Tunnel;

/// Serves the tunnel; the URL.
pub async fn serve(tunnel: Tunnel) -> String {
    let app = Router::new().fallback(pass).with_state(Arc::new(tunnel));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

async fn pass(State(tunnel): State<Arc<Tunnel>>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let passed = |name: &str| name.starts_with("mcp-") || matches!(name, "accept" | "content-type");
    let headers: Vec<(&str, &str)> = head
        .headers
        .iter()
        .filter(|(name, _)| passed(name.as_str()))
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    let body = body.collect().await.unwrap().to_bytes();
    let response = tunnel.send(head.method, &headers, std::str::from_utf8(&body).unwrap()).await;
    response.map(Body::new)
}
