//! A connector dials in: its token is checked, the stream set up, its coming and going told.

use std::{collections::HashSet, sync::Arc};

use axum::{
    extract::ws::{WebSocket, WebSocketUpgrade},
    response::{IntoResponse as _, Response},
};
use domain::{AccountSlug, ConnectorSeen, Event, Inventory, ServerSlug, TokenKind, Transport, tunnel};
use http::{HeaderMap, StatusCode, request::Parts};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio_util::sync::CancellationToken;

use super::socket::SocketStream;
use crate::{
    account::{Account, Server},
    authenticate::presented,
    background,
    failure::Failure,
    hub::{Arrival, Tunnel},
    link::Link,
    mesh::Freshness,
    peer::{self, Hello, Peer},
    seen,
    shared::Shared,
};

/// Most characters kept of what a connector says of itself.
const ABOUT_CHARS: usize = 200;
/// Most bytes of one WebSocket message.
const MESSAGE_BYTES: usize = 16 << 20;
/// What one answer may be ahead of the client that reads it.
const STREAM_WINDOW_BYTES: u32 = 256 << 10;
/// The most that HTTP/2 has. The streams of one tunnel share this window, so whoever lets answers lie unread takes from it;
/// only the streams' own windows are to hold them back, or a few such clients would stop everybody's answers.
const CONNECTION_WINDOW_BYTES: u32 = (1 << 31) - 1;

/// Why a connector is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    /// One answer for every wrong token: missing, revoked, of another account or server.
    Token,
    NotATunnel,
    Crowded,
    Unavailable,
}

/// Answers the dial.
pub(crate) async fn accept(shared: &Arc<Shared>, parts: &Parts, upgrade: WebSocketUpgrade) -> Response {
    let (arrival, account, server) = match check(shared, parts).await {
        Ok(checked) => checked,
        Err(refused) => return refused.into_response(),
    };
    let shared = shared.clone();
    let upgrade = upgrade.max_message_size(MESSAGE_BYTES).max_frame_size(MESSAGE_BYTES);
    upgrade.on_upgrade(move |socket| async move {
        let tracker = shared.tracker.clone();
        let _gone_on_alone = tracker.spawn(carry(shared, arrival, account, server, socket)).await;
    })
}

async fn check(shared: &Shared, parts: &Parts) -> Result<(Arrival, Arc<Account>, Arc<Server>), Refused> {
    shared.guard.check(&parts.uri, &parts.headers).map_err(|_| Refused::Token)?;
    let (slug, server) = named(parts).ok_or(Refused::Token)?;
    let hash = presented(&parts.headers, TokenKind::Connect).map_err(|_| Refused::Token)?;
    let now = shared.clock.now();
    let known = |account: Option<Arc<Account>>| -> Option<(Arc<Account>, Arc<Server>, domain::ConnectorId)> {
        let account = account?;
        let server = account.server(&server)?.clone();
        let connector = account.connector(&hash, now).filter(|connector| connector.server == server.id)?;
        Some((account, server, connector.id))
    };
    let found = shared.snapshots.account(&slug).await.map_err(|_| Refused::Unavailable)?;
    let found = match known(found) {
        Some(found) => Some(found),
        None => known(shared.snapshots.account_anew(&slug).await.map_err(|_| Refused::Unavailable)?),
    };
    let (account, server, connector) = found.ok_or(Refused::Token)?;
    if server.transport != Transport::Tunnel {
        return Err(Refused::NotATunnel);
    }
    let instance = instance(shared, &parts.headers);
    if others(shared, &server, &instance).await >= shared.config.limits.tunnels_per_server {
        return Err(Refused::Crowded);
    }
    let arrival = Arrival {
        account: account.id,
        slug,
        server: server.id,
        connector,
        instance,
        about: about(&parts.headers),
        refused: CancellationToken::new(),
    };
    Ok((arrival, account, server))
}

/// The other connector processes that a server has, at all gateways.
async fn others(shared: &Shared, server: &Server, instance: &str) -> usize {
    let here = shared.hub.of_server(server.id);
    let elsewhere = shared.mesh.elsewhere(server.account, server.id, Freshness::Now).await;
    let all: HashSet<&str> = here
        .iter()
        .map(|tunnel| tunnel.instance.as_str())
        .chain(elsewhere.iter().map(|at| at.instance.as_str()))
        .collect();
    all.into_iter().filter(|other| *other != instance).count()
}

/// `server=<account>/<server>`.
fn named(parts: &Parts) -> Option<(AccountSlug, ServerSlug)> {
    let query = parts.uri.query()?;
    let mut pairs = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == tunnel::SERVER_PARAMETER);
    let (_, value) = pairs.next().filter(|_| pairs.next().is_none())?;
    let (account, server) = value.split_once('/')?;
    Some((account.parse().ok()?, server.parse().ok()?))
}

/// The connector process, as it names itself; one that does not is a new one every time.
fn instance(shared: &Shared, headers: &HeaderMap) -> String {
    let named = headers.get(tunnel::INSTANCE_HEADER).and_then(|value| value.to_str().ok());
    let well_formed = named.filter(|text| text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit()));
    well_formed.map_or_else(|| domain::hex(&shared.entropy.bytes::<16>()), str::to_ascii_lowercase)
}

fn about(headers: &HeaderMap) -> String {
    let text = headers.get(tunnel::ABOUT_HEADER).map(|value| String::from_utf8_lossy(value.as_bytes()));
    text.unwrap_or_default().chars().filter(|c| !c.is_control()).take(ABOUT_CHARS).collect()
}

/// The tunnel's whole life.
async fn carry(shared: Arc<Shared>, arrival: Arrival, account: Arc<Account>, server: Arc<Server>, socket: WebSocket) {
    let stream = TokioIo::new(SocketStream::new(socket, arrival.refused.clone()));
    let handshake = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(shared.config.times.connector_silence)
        .keep_alive_timeout(shared.config.times.connector_silence)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .handshake(stream)
        .await;
    let (sender, connection) = match handshake {
        Ok(parts) => parts,
        Err(error) => return tracing::info!(server = %server.id, %error, "a connector's tunnel could not be set up"),
    };
    let tunnel = Arc::new(Tunnel::new(arrival, sender));
    if shared.hub.enter(tunnel.clone(), shared.config.limits.tunnels_per_server).is_err() {
        return;
    }
    log(&account, &server, &tunnel, Standing::Here);
    tokio::select! {
        () = until_it_ends(&shared, connection) => {}
        () = tunnel.replaced.cancelled() => {}
        never = come(&shared, &tunnel, &server) => match never {},
    }
    shared.hub.leave(&tunnel);
    log(&account, &server, &tunnel, Standing::Gone);
    // A process that came back on another tunnel before this one was noticed to be dead has not gone.
    if shared.hub.of_instance(tunnel.server, &tunnel.instance).is_none() {
        tell(&shared, &tunnel, Standing::Gone).await;
    }
}

/// Drives the connection until it breaks or the gateway closes.
async fn until_it_ends(shared: &Shared, connection: impl Future<Output = hyper::Result<()>>) {
    tokio::select! {
        ended = connection => if let Err(error) = ended {
            tracing::debug!(%error, "a tunnel broke");
        },
        () = shared.closing.cancelled() => {}
    }
}

fn log(account: &Account, server: &Server, tunnel: &Tunnel, standing: Standing) {
    let connected = standing == Standing::Here;
    tracing::info!(account = %account.slug, server = %server.slug, connector = %tunnel.connector, connected, "a connector came or went");
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Here,
    Gone,
}

/// What is done when a connector has come; ends only with the tunnel.
async fn come(shared: &Arc<Shared>, tunnel: &Arc<Tunnel>, server: &Arc<Server>) -> std::convert::Infallible {
    // However slow or dead the server was before.
    shared.memory.answered(tunnel.server);
    tell(shared, tunnel, Standing::Here).await;
    take_stock(shared, tunnel, server).await;
    shared.missed.came_for_all(tunnel.account, tunnel.server);
    std::future::pending().await
}

/// Says that a connector has come or gone.
async fn tell(shared: &Shared, tunnel: &Tunnel, standing: Standing) {
    background::tell_presence(shared, tunnel.account, tunnel.server).await;
    let event = ConnectorSeen {
        server: tunnel.server,
        connector: tunnel.connector,
        at: shared.clock.now(),
        connected: standing == Standing::Here,
        about: tunnel.about.clone(),
    };
    shared.records.note(tunnel.account, Event::Connector(event)).await;
}

/// Asks the server behind a new tunnel for its tools, and reports them.
async fn take_stock(shared: &Arc<Shared>, tunnel: &Arc<Tunnel>, server: &Arc<Server>) {
    let link = Link::through(shared, tunnel.clone());
    let stock = stock(shared, server, &link).await;
    let (server_info, protocol_version, tools) = match stock {
        Ok((peer, tools)) => {
            shared.seen.note_stock(server, &tools);
            (seen::server_info(&peer.description), peer.version, Ok(tools))
        }
        Err(failure) => (None, String::new(), Err(failure.to_string())),
    };
    let inventory = Inventory { server: server.id, at: shared.clock.now(), server_info, protocol_version, tools };
    shared.records.note(tunnel.account, Event::Inventory(inventory)).await;
}

async fn stock(
    shared: &Arc<Shared>,
    server: &Arc<Server>,
    link: &Link,
) -> Result<(Peer, Vec<domain::InventoryTool>), Failure> {
    let peer = Peer::open(shared, server, link, &Hello::ours()).await?;
    let pages = peer.list(shared, link, seen::MOST_REPORTED_BYTES).await;
    peer.close(shared, link).await;
    let tools = peer::tools_in(&pages?);
    Ok((peer, tools))
}

impl Refused {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::Token => (StatusCode::UNAUTHORIZED, "this connect token is not valid for this server\n"),
            Self::NotATunnel => (StatusCode::CONFLICT, "this server is registered by URL, not behind a connector\n"),
            Self::Crowded => (StatusCode::TOO_MANY_REQUESTS, "this server has as many connectors as are let in\n"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "the account cannot be loaded now; try again\n"),
        };
        (status, text).into_response()
    }
}
