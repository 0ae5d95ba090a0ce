//! Two gateways in one process, and requests between them that no gateway would send.

use std::net::SocketAddr;

use bus::Bus;
use counters::Counters;
use domain::{Clock, DeploymentKey, Entropy, Timestamp};
use http::{HeaderValue, StatusCode};
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use upstream::{Dialer, DialerConfig, Egress};

use super::*;
use crate::{Config, Gateway, GatewayParts};

struct Two {
    a: Gateway,
    b: Gateway,
    b_address: SocketAddr,
    _folder: tempfile::TempDir,
}

/// Longer than it takes to connect on any machine, however busy.
const PATIENCE: Duration = Duration::from_secs(90);

/// Two gateways of one deployment; the second listens for the first.
async fn two() -> Two {
    two_that_connect_within(PATIENCE).await
}

async fn two_that_connect_within(limit: Duration) -> Two {
    let folder = tempfile::tempdir().unwrap();
    let (clock, entropy) = (Clock::fixed(Timestamp(1_767_614_400_000_000)), Entropy::seeded(3));
    let bus = Bus::memory(folder.path(), clock.clone()).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let b_address = listener.local_addr().unwrap();
    let gateway = |mesh_address: Option<String>| {
        Gateway::new(GatewayParts {
            bus: bus.clone(),
            counters: Counters::memory(clock.clone()),
            dialer: Dialer::new(DialerConfig::new(Egress::PRIVATE_ALLOWED)).unwrap(),
            key: DeploymentKey::new(&Entropy::seeded(7)),
            clock: clock.clone(),
            entropy: entropy.clone(),
            config: {
                let mut config = Config { mesh_address, ..Config::new("http://127.0.0.1:1") };
                (config.times.gateway_connect, config.times.gateway_silence) = (limit, PATIENCE);
                config
            },
        })
    };
    let (a, b) = (gateway(None), gateway(Some(b_address.to_string())));
    let serving = b.clone();
    tokio::spawn(async move { serving.serve_mesh(listener).await });
    Two { a, b, b_address, _folder: folder }
}

impl Two {
    fn elsewhere(&self) -> Elsewhere {
        let (clock, entropy) = (&self.a.0.clock, &self.a.0.entropy);
        Elsewhere {
            account: AccountId::new(clock, entropy),
            server: ServerId::new(clock, entropy),
            gateway: self.b.0.id,
            address: Some(self.b_address.to_string()),
            instance: "0".repeat(32),
            in_flight: 0,
        }
    }

    /// A client's request as another gateway would hand it on, changed by the test.
    async fn asked(
        &self,
        path: &str,
        change: impl FnOnce(&mut http::HeaderMap),
    ) -> Result<Response<Incoming>, UpstreamFailure> {
        let mut request = Request::new(Bytes::from_static(b"{}"));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = wire::uri(path).unwrap();
        request.headers_mut().insert(wire::TO, wire::value(self.b.0.id).unwrap());
        change(request.headers_mut());
        let address = self.b_address.to_string();
        self.a.0.mesh.links.send(To { gateway: self.b.0.id, address: &address }, request).await
    }
}

fn unreachable(answer: &Result<Response<Incoming>, UpstreamFailure>) -> bool {
    matches!(answer, Err(UpstreamFailure::Unreachable(_)))
}

#[tokio::test]
async fn a_request_for_a_tunnel_that_is_not_there_was_not_delivered() {
    let two = two().await;
    let answer = two.a.0.mesh.send(&two.elsewhere(), Request::new(Bytes::new())).await;
    assert!(unreachable(&answer), "{answer:?}");
    // Another process listens where the gateway was: all show the same identity, so each request names its gateway.
    let other = Elsewhere { gateway: two.a.0.id, ..two.elsewhere() };
    assert!(unreachable(&two.a.0.mesh.send(&other, Request::new(Bytes::new())).await));
}

#[tokio::test]
async fn a_clients_request_that_is_handed_on_is_authenticated_again() {
    let two = two().await;
    let answer = two.asked("/ask/acme/mlflow/mcp", |_| {}).await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(answer.headers().contains_key("x-request-id"), "it went through every step");
    assert!(!answer.headers().keys().any(|name| name.as_str().starts_with("portcullis-mesh")), "{answer:?}");
    // Nothing that a gateway says of an account or a principal counts here.
    let named = two.asked("/ask/acme/mlflow/mcp", |headers| {
        for name in [wire::ACCOUNT, wire::SERVER, wire::INSTANCE] {
            headers.insert(name, HeaderValue::from_static("acme"));
        }
    });
    assert_eq!(named.await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_no_gateway_says_goes_nowhere() {
    let two = two().await;
    for path in ["/", "/tunnel", "/tunnel/x", "/ask", "/ask/acme", "/ask/a/b/c/mcp", "/healthz"] {
        assert!(unreachable(&two.asked(path, |_| {}).await), "{path}");
    }
    let nobody = two.asked("/ask/acme/mcp", |headers| {
        headers.remove(wire::TO);
    });
    assert!(unreachable(&nobody.await));
    let someone_else = two.asked("/ask/acme/mcp", |headers| {
        headers.insert(wire::TO, wire::value(two.a.0.id).unwrap());
    });
    assert!(unreachable(&someone_else.await));
}

#[tokio::test]
async fn a_gateway_that_is_gone_is_told_at_once() {
    let two = two().await;
    assert_eq!(two.asked("/ask/acme/mcp", |_| {}).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    two.b.close().await;
    let answer = two.asked("/ask/acme/mcp", |_| {}).await;
    assert!(answer.is_err(), "{answer:?}");
}

#[tokio::test]
async fn a_gateway_that_fell_silent_is_waited_for_once() {
    let two = two_that_connect_within(Duration::from_millis(500)).await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_address = silent.local_addr().unwrap();
    let dials = tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            open.push(silent.accept().await.unwrap());
            assert_eq!(open.len(), 1, "it is dialled once");
        }
    });
    let silent = Two { b_address: silent_address, ..two };
    for _ in 0..3 {
        assert!(unreachable(&silent.asked("/ask/acme/mcp", |_| {}).await));
    }
    assert!(!dials.is_finished());
}

#[tokio::test]
async fn strangers_who_say_nothing_keep_no_gateway_out() {
    let two = two().await;
    let mut strangers = Vec::new();
    for _ in 0..300 {
        strangers.push(tokio::net::TcpStream::connect(two.b_address).await.unwrap());
    }
    assert_eq!(two.asked("/ask/acme/mcp", |_| {}).await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn whoever_cannot_show_the_deployments_key_is_turned_away() {
    let two = two().await;
    // Plain HTTP/2, and HTTP/1.1.
    for hello in ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "POST /tunnel HTTP/1.1\r\nhost: gateway\r\n\r\n"] {
        let mut stream = tokio::net::TcpStream::connect(two.b_address).await.unwrap();
        stream.write_all(hello.as_bytes()).await.unwrap();
        let mut said = Vec::new();
        let _reset = stream.read_to_end(&mut said).await;
        assert!(!String::from_utf8_lossy(&said).contains("HTTP"), "{said:?}");
    }
}

/// Whether TLS comes about between these.
async fn meet(dials: &Identity, listens: &Identity) -> (bool, bool) {
    let (near, far): (DuplexStream, DuplexStream) = duplex(64 << 10);
    let acceptor = TlsAcceptor::from(Arc::new(listens.server()));
    let connector = TlsConnector::from(Arc::new(dials.client()));
    let name = rustls::pki_types::ServerName::try_from("gateway").unwrap();
    let dialled = async {
        let Ok(mut stream) = connector.connect(name, near).await else { return false };
        // In TLS 1.3 whoever dials hears only afterwards that it was turned away.
        stream.write_all(b"?").await.is_ok() && stream.read_u8().await.is_ok()
    };
    let accepted = async {
        let Ok(mut stream) = acceptor.accept(far).await else { return false };
        stream.read_u8().await.is_ok() && stream.write_all(b"!").await.is_ok() && stream.flush().await.is_ok()
    };
    tokio::join!(dialled, accepted)
}

#[tokio::test]
async fn gateways_of_one_deployment_know_each_other_and_nobody_else() {
    let identity = |seed| Identity::of(&DeploymentKey::new(&Entropy::seeded(seed)));
    assert_eq!(meet(&identity(1), &identity(1)).await, (true, true));
    assert_eq!(meet(&identity(1), &identity(2)).await, (false, false));
    assert_eq!(meet(&identity(2), &identity(1)).await, (false, false));
}

#[tokio::test]
async fn what_was_overheard_cannot_be_said_again() {
    let two = two().await;
    let tap = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let through = tap.local_addr().unwrap();
    let target = two.b_address;
    let overheard = tokio::spawn(async move {
        let (near, _) = tap.accept().await.unwrap();
        let far = tokio::net::TcpStream::connect(target).await.unwrap();
        let ((mut from_near, mut to_near), (mut from_far, mut to_far)) = (near.into_split(), far.into_split());
        tokio::spawn(async move { tokio::io::copy(&mut from_far, &mut to_near).await });
        let (mut heard, mut piece) = (Vec::new(), vec![0; 16 << 10]);
        while let Ok(count @ 1..) = from_near.read(&mut piece).await {
            heard.extend_from_slice(&piece[..count]);
            if to_far.write_all(&piece[..count]).await.is_err() {
                break;
            }
        }
        heard
    });
    let tapped = Two { b_address: through, ..two };
    let answer = tapped.asked("/ask/acme/mcp", |_| {}).await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    let _whole = answer.into_body().collect().await.unwrap();
    tapped.a.close().await;
    let heard = overheard.await.unwrap();
    assert!(!heard.windows(4).any(|four| four == b"acme"), "nothing of it can be read");

    let mut again = tokio::net::TcpStream::connect(target).await.unwrap();
    again.write_all(&heard).await.unwrap();
    let mut said = Vec::new();
    let _reset = again.read_to_end(&mut said).await;
    // A handshake is begun, and its end fails: no request is read, so none is answered.
    assert!(said.len() < 4_096, "{}", said.len());
}
