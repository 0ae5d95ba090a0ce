//! The addresses a gateway answers. What happens behind them is in `stack`.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{FromRequestParts as _, Path, Request, State, ws::WebSocketUpgrade},
    response::{IntoResponse as _, Response},
    routing::{any, get},
};
use http::StatusCode;

use crate::{metadata, shared::Shared, stack, tunnel};

/// Longest wait of a readiness check.
const READY_WITHIN: Duration = Duration::from_secs(1);

/// The account's URL, the servers' URLs, the tunnel.
pub(crate) fn mcp(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/{account}/mcp", any(account_url))
        .route("/{account}/{server}/mcp", any(server_url))
        // Some clients put a slash behind what they were given; a redirect would lose a POST.
        .route("/{account}/mcp/", any(account_url))
        .route("/{account}/{server}/mcp/", any(server_url))
        .route(domain::tunnel::PATH, get(tunnel_url))
        .merge(metadata::routes())
        .with_state(shared.clone())
}

/// `/healthz`: the process runs. `/readyz`: it can be sent requests.
pub(crate) fn health(shared: &Arc<Shared>) -> Router {
    Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready)).with_state(shared.clone())
}

async fn account_url(State(shared): State<Arc<Shared>>, Path(account): Path<String>, request: Request) -> Response {
    stack::account_url(&shared, &account, request).await
}

async fn server_url(
    State(shared): State<Arc<Shared>>,
    Path((account, server)): Path<(String, String)>,
    request: Request,
) -> Response {
    stack::server_url(&shared, &account, &server, request).await
}

async fn tunnel_url(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(refused) => return refused.into_response(),
    };
    tunnel::accept::accept(&shared, &parts, upgrade).await
}

async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    if shared.closing.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "closing\n").into_response();
    }
    // The bus carries snapshots in and records out; without it accounts that are not in memory yet cannot be served.
    match tokio::time::timeout(READY_WITHIN, shared.bus.versions(&[])).await {
        Ok(Ok(_)) => Response::new(Body::from("ready\n")),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "the bus cannot be reached\n").into_response(),
    }
}
