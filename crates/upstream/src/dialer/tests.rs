use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Router, http::HeaderMap, routing::any};
use http_body_util::BodyExt as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket},
};

use super::*;

fn dialer(config: DialerConfig) -> Dialer {
    Dialer::new(config).unwrap()
}

fn post(uri: &str) -> http::Request<Bytes> {
    http::Request::post(uri).body(Bytes::from_static(b"{}")).unwrap()
}

/// A listener that counts connections and closes them at once.
async fn counting_listener() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            seen.fetch_add(1, Ordering::SeqCst);
            drop(stream);
        }
    });
    (address, count)
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn table(name: &str, addresses: &[IpAddr]) -> Names {
    Names::Table(Arc::new(HashMap::from([(name.to_owned(), addresses.to_vec())])))
}

#[tokio::test]
async fn a_private_address_gets_no_packet_in_whatever_spelling() {
    let (address, count) = counting_listener().await;
    let dialer = dialer(DialerConfig::new(Egress::PUBLIC_ONLY));
    let port = address.port();
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "localhost",
        "localhost.",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0",
    ] {
        let error = dialer.send(post(&format!("http://{host}:{port}/mcp"))).await.unwrap_err();
        // A spelling that the system's resolver does not know is a name that does not resolve, at once or after a while.
        let SendError::Undelivered(why) = &error else { panic!("{host}: {error:?}") };
        assert!(
            matches!(why, Undelivered::Refused(_) | Undelivered::Name(_) | Undelivered::TimedOut(_)),
            "{host}: {error:?}"
        );
    }
    assert_eq!(count.load(Ordering::SeqCst), 0, "the guard must stand before the first packet");
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_refused() {
    let (address, count) = counting_listener().await;
    let config =
        DialerConfig { names: table("rebind.example", &[address.ip()]), ..DialerConfig::new(Egress::PUBLIC_ONLY) };
    let error = dialer(config).send(post(&format!("http://rebind.example:{}/", address.port()))).await.unwrap_err();
    assert!(error.to_string().starts_with("rebind.example (127.0.0.1) is a private address"), "{error}");
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let (inner, count) = counting_listener().await;
    let location = format!("http://{inner}/");
    let router = Router::new().fallback(any(move || {
        let location = location.clone();
        async move { (axum::http::StatusCode::TEMPORARY_REDIRECT, [("location", location)]) }
    }));
    let address = serve(router).await;
    let dialer = dialer(DialerConfig::new(Egress::PRIVATE_ALLOWED));
    let answer = dialer.send(post(&format!("http://{address}/"))).await.unwrap();
    assert_eq!(answer.status(), 307);
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_request_arrives_as_given_and_the_answer_streams() {
    let router = Router::new().fallback(any(|headers: HeaderMap, body: Bytes| async move {
        let names: Vec<_> = headers.keys().map(|n| n.as_str().to_owned()).collect();
        format!("{} {}", names.join(","), body.len())
    }));
    let address = serve(router).await;
    let dialer = dialer(DialerConfig::new(Egress::PRIVATE_ALLOWED));
    let answer = dialer.send(post(&format!("http://{address}/"))).await.unwrap();
    let text = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(text, "host,content-length 2", "no header of our own, no decompression, no cookies");
}

#[tokio::test]
async fn a_refused_connection_is_undelivered() {
    // Bound, so that nobody else gets the port, and not listened on.
    let nobody = TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = nobody.local_addr().unwrap();
    let error =
        dialer(DialerConfig::new(Egress::PRIVATE_ALLOWED)).send(post(&format!("http://{address}/"))).await.unwrap_err();
    assert!(matches!(error, SendError::Undelivered(Undelivered::Connect(_))), "{error:?}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_undelivered() {
    let config = DialerConfig { names: table("other", &[]), ..DialerConfig::new(Egress::PRIVATE_ALLOWED) };
    let error = dialer(config).send(post("http://nowhere.example/")).await.unwrap_err();
    assert!(matches!(error, SendError::Undelivered(Undelivered::Name(_))), "{error:?}");
}

#[tokio::test]
async fn speaking_tls_to_a_plain_server_fails_as_tls_and_undelivered() {
    let address = serve(Router::new()).await;
    let error = dialer(DialerConfig::new(Egress::PRIVATE_ALLOWED))
        .send(post(&format!("https://{address}/")))
        .await
        .unwrap_err();
    assert!(matches!(error, SendError::Undelivered(Undelivered::Tls(_))), "{error:?}");
}

#[tokio::test]
async fn a_connection_cut_after_the_message_was_read_is_broken() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"{}") {
            stream.read_buf(&mut seen).await.unwrap();
        }
    });
    let error =
        dialer(DialerConfig::new(Egress::PRIVATE_ALLOWED)).send(post(&format!("http://{address}/"))).await.unwrap_err();
    assert!(matches!(error, SendError::Broken(_)), "{error:?}");
}

#[tokio::test]
async fn a_server_that_accepts_and_never_shakes_hands_times_out_undelivered() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config =
        DialerConfig { connect_limit: Duration::from_millis(50), ..DialerConfig::new(Egress::PRIVATE_ALLOWED) };
    let error = dialer(config).send(post(&format!("https://{address}/"))).await.unwrap_err();
    assert!(matches!(error, SendError::Undelivered(Undelivered::TimedOut(_))), "{error:?}");
    drop(listener);
}

#[tokio::test]
async fn a_pooled_connection_that_the_upstream_closed_is_replaced_without_a_second_delivery() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answered = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&answered);
    tokio::spawn(async move {
        // Each connection answers once as if it stayed open, and is then closed.
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut seen = Vec::new();
            while !seen.ends_with(b"{}") {
                stream.read_buf(&mut seen).await.unwrap();
            }
            count.fetch_add(1, Ordering::SeqCst);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        }
    });
    let dialer = dialer(DialerConfig::new(Egress::PRIVATE_ALLOWED));
    for _ in 0..5 {
        let sent = dialer.send(post(&format!("http://{address}/"))).await;
        // The close may race with the next request's head; what must not happen is a message counted twice or lost silently.
        assert!(matches!(&sent, Ok(answer) if answer.status() == 200) || matches!(&sent, Err(SendError::Broken(_))));
    }
    assert!(answered.load(Ordering::SeqCst) <= 5);
}

#[test]
fn authorities_that_do_not_read_are_an_error() {
    let config = DialerConfig {
        extra_roots_pem: b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n".to_vec(),
        ..DialerConfig::new(Egress::PUBLIC_ONLY)
    };
    assert!(matches!(Dialer::new(config), Err(DialerError::Roots(_))));
}

#[tokio::test]
async fn another_rule_makes_a_dialer_of_its_own_and_leaves_the_first_as_it_was() {
    let address = serve(Router::new().fallback(any(|| async { "ok" }))).await;
    let public = dialer(DialerConfig::new(Egress::PUBLIC_ONLY));
    let internal = public.with_egress(Egress::PRIVATE_ALLOWED);
    assert!(internal.send(post(&format!("http://{address}/"))).await.is_ok());
    let error = public.send(post(&format!("http://{address}/"))).await.unwrap_err();
    assert!(matches!(error, SendError::Undelivered(Undelivered::Refused(_))), "no connection is shared: {error:?}");
}
