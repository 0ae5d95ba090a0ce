use std::convert::Infallible;

use axum::{
    body::Body,
    extract::ConnectInfo,
    routing::{get, post},
};
use bytes::Bytes;
use futures_util::stream;
use hyper::Request;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};

use super::*;

/// No test waits longer than this for anything.
const PATIENCE: Duration = Duration::from_secs(60);
const REQUEST: &[u8] = b"GET /small HTTP/1.1\r\nhost: x\r\n\r\n";

struct Listening {
    address: SocketAddr,
    /// Told when the endless answer is no longer wanted.
    dropped: mpsc::Receiver<()>,
    stop: CancellationToken,
    served: JoinHandle<anyhow::Result<()>>,
}

fn counted(all: usize, per_address: usize) -> Connections {
    let long = Duration::from_secs(600);
    Connections {
        all,
        per_address,
        uncounted: Vec::new(),
        proxies: Arc::default(),
        header_deadline: long,
        idle: long,
        body_deadline: long,
        write_patience: long,
        whole_answer: long,
    }
}

impl Listening {
    fn start(connections: Connections) -> Self {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let (say, dropped) = mpsc::channel::<()>(1);
        let endless = move || {
            let open = say.clone();
            let piece = Bytes::from(vec![b'x'; 64 << 10]);
            let pieces = stream::unfold(Told(open), move |open| {
                let piece = piece.clone();
                async move { Some((Ok::<_, Infallible>(piece), open)) }
            });
            async move { Body::from_stream(pieces) }
        };
        let app = Router::new()
            .route("/small", get(async || "small"))
            .route("/who", get(async |ConnectInfo(client): ConnectInfo<SocketAddr>| client.ip().to_string()))
            .route("/endless", get(endless))
            .route("/form", post(async |_: Bytes| "taken"));
        let stop = CancellationToken::new();
        let served = tokio::spawn(serve(listener, app, connections, stop.clone()));
        Self { address, dropped, stop, served }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn asks(&self) -> TcpStream {
        let mut connection = self.connect().await;
        connection.write_all(REQUEST).await.unwrap();
        answered(&mut connection).await;
        connection
    }
}

/// Says so when it is dropped.
struct Told(mpsc::Sender<()>);

impl Drop for Told {
    fn drop(&mut self) {
        let _said_already = self.0.try_send(());
    }
}

async fn answered(connection: &mut TcpStream) {
    let mut text = Vec::new();
    while !text.ends_with(b"small") {
        let read = timeout(PATIENCE, connection.read_buf(&mut text)).await.expect("an answer in time").unwrap();
        assert!(read > 0, "it was closed before the answer: {}", String::from_utf8_lossy(&text));
    }
}

/// Whom a request is taken to be of that says it is of somebody else.
async fn seen_through(proxies: Arc<[IpNet]>) -> String {
    let listening = Listening::start(Connections { proxies, ..counted(100, 100) });
    let mut connection = listening.connect().await;
    let request = b"GET /who HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 6.6.6.6, 203.0.113.9\r\nconnection: close\r\n\r\n";
    connection.write_all(request).await.unwrap();
    let mut text = String::new();
    timeout(PATIENCE, connection.read_to_string(&mut text)).await.expect("an answer in time").unwrap();
    text.lines().last().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_request_through_a_trusted_proxy_is_its_clients_and_no_other_is() {
    assert_eq!(seen_through(["127.0.0.0/8".parse().unwrap()].into()).await, "203.0.113.9");
    assert_eq!(seen_through(["10.0.0.0/8".parse().unwrap()].into()).await, "127.0.0.1");
    assert_eq!(seen_through(Arc::default()).await, "127.0.0.1");
}

/// Waits until the other side has closed, whether it said so or not.
async fn closed(connection: &mut TcpStream) {
    let mut text = Vec::new();
    let read = timeout(PATIENCE, connection.read_to_end(&mut text)).await.expect("it is closed in time");
    assert!(
        read.is_err() || text.is_empty() || text.starts_with(b"HTTP/1.1 408"),
        "{}",
        String::from_utf8_lossy(&text)
    );
}

#[tokio::test]
async fn a_connection_that_asks_for_nothing_is_closed_at_the_deadline() {
    let listening = Listening::start(Connections { header_deadline: Duration::from_millis(100), ..counted(100, 100) });
    for begun in [&b""[..], b"P", b"PRI * HTTP/2.0\r\n", b"GET / HTTP/1.1\r\nhost: x\r\nx-slow: "] {
        let mut half_open = listening.connect().await;
        half_open.write_all(begun).await.unwrap();
        closed(&mut half_open).await;
    }
}

/// Waits until the other side has closed, having said this last.
async fn closed_after(connection: &mut TcpStream, last: &[u8]) {
    let mut text = Vec::new();
    timeout(PATIENCE, connection.read_to_end(&mut text)).await.expect("it is closed in time").unwrap();
    assert!(text.ends_with(last), "{}", String::from_utf8_lossy(&text));
}

/// Not long, and longer than a request takes on any machine.
const SHORT: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_connection_that_was_used_waits_longer_for_another_request_than_for_the_first() {
    let listening = Listening::start(Connections { header_deadline: SHORT, ..counted(100, 100) });
    let mut kept = listening.asks().await;
    closed(&mut listening.connect().await).await;
    closed(&mut listening.connect().await).await;
    kept.write_all(REQUEST).await.unwrap();
    answered(&mut kept).await;
}

#[tokio::test]
async fn a_connection_that_is_not_used_again_is_let_go() {
    let listening = Listening::start(Connections { idle: SHORT, ..counted(100, 100) });
    closed(&mut listening.asks().await).await;
}

#[tokio::test]
async fn another_head_that_has_begun_must_come_to_its_end() {
    let listening = Listening::start(Connections { header_deadline: SHORT, ..counted(100, 100) });
    for begun in [&b"G"[..], b"GET / HTTP/1.1\r\nhost: x\r\nx-slow: "] {
        let mut slow = listening.asks().await;
        slow.write_all(begun).await.unwrap();
        closed(&mut slow).await;
    }
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_not_waited_for() {
    let listening = Listening::start(Connections { header_deadline: SHORT, ..counted(100, 100) });
    let slow = listening.asks().await;
    let (mut reading, mut writing) = slow.into_split();
    let trickle = async {
        writing.write_all(b"GET / HTTP/1.1\r\nx-slow: ").await.unwrap();
        let mut next = tokio::time::interval(SHORT / 20);
        loop {
            next.tick().await;
            if writing.write_all(b"x").await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let mut text = Vec::new();
    let ended = async {
        tokio::select! {
            () = trickle => {}
            _closed = reading.read_to_end(&mut text) => {}
        }
    };
    timeout(PATIENCE, ended).await.expect("it is closed in time");
    assert!(!text.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn a_request_that_is_worked_on_keeps_its_connection() {
    let times = Connections { idle: SHORT, header_deadline: SHORT, ..counted(1, 100) };
    let mut listening = Listening::start(times);
    let mut used = listening.connect().await;
    used.write_all(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    used.read_exact(&mut [0; 1024]).await.unwrap();
    // Nobody else has a place meanwhile, however long they wait for one.
    let waiting = listening.connect().await;
    tokio::time::timeout(2 * SHORT, listening.dropped.recv()).await.expect_err("the answer goes on");
    used.read_exact(&mut [0; 1024]).await.unwrap();
    drop((used, waiting));
}

#[tokio::test]
async fn over_http_2_an_idle_connection_is_told_before_it_is_let_go() {
    let listening = Listening::start(Connections { idle: SHORT, ..counted(100, 100) });
    let io = TokioIo::new(listening.connect().await);
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), io);
    let (mut client, connection) = handshake.await.unwrap();
    let connected = tokio::spawn(connection);
    let request = Request::get("http://x/small").body(http_body_util::Empty::<Bytes>::new()).unwrap();
    let answer = timeout(PATIENCE, client.send_request(request)).await.expect("an answer in time").unwrap();
    assert_eq!(http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes(), "small");
    let ended = timeout(PATIENCE, connected).await.expect("it ends in time").unwrap();
    assert!(ended.is_ok(), "in order: {ended:?}");
}

#[tokio::test]
async fn a_place_that_waits_for_another_request_is_given_to_who_asks() {
    let listening = Listening::start(counted(1, 100));
    let mut kept = listening.asks().await;
    listening.asks().await;
    closed(&mut kept).await;
}

#[tokio::test]
async fn who_waits_for_a_place_gets_one_when_another_has_been_answered() {
    let listening = Listening::start(counted(1, 100));
    let mut used = listening.connect().await;
    used.write_all(b"POST /form HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n")
        .await
        .unwrap();
    let mut text = [0; 12];
    timeout(PATIENCE, used.read_exact(&mut text)).await.expect("it is worked on in time").unwrap();
    assert_eq!(&text, b"HTTP/1.1 100");
    let mut waiting = listening.connect().await;
    waiting.write_all(REQUEST).await.unwrap();
    // Time enough to be accepted, and not to get a place.
    timeout(SHORT, waiting.read_u8()).await.expect_err("all places are in use");
    used.write_all(b"abc").await.unwrap();
    answered(&mut waiting).await;
    closed_after(&mut used, b"taken").await;
}

#[tokio::test]
async fn places_that_are_taken_by_silence_are_given_to_who_asks() {
    let listening = Listening::start(counted(3, 100));
    let mut silent = Vec::new();
    for _ in 0..10 {
        silent.push(listening.connect().await);
    }
    let mut first = listening.asks().await;
    closed(&mut silent[0]).await;
    // And who has asked keeps its place.
    first.write_all(REQUEST).await.unwrap();
    answered(&mut first).await;
}

#[tokio::test]
async fn an_address_does_not_take_all_places() {
    let mut listening = Listening::start(counted(100, 2));
    let mut in_use = Vec::new();
    for _ in 0..2 {
        let mut connection = listening.connect().await;
        connection.write_all(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        connection.read_exact(&mut [0; 1024]).await.unwrap();
        in_use.push(connection);
    }
    closed(&mut listening.connect().await).await;
    for connection in &mut in_use {
        connection.read_exact(&mut [0; 1024]).await.unwrap();
    }
    in_use.pop();
    timeout(PATIENCE, listening.dropped.recv()).await.expect("it is noticed in time");
    let mut silent = listening.connect().await;
    listening.asks().await;
    closed(&mut silent).await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_let_go() {
    let mut listening =
        Listening::start(Connections { write_patience: Duration::from_millis(200), ..counted(100, 100) });
    let mut connection = listening.connect().await;
    connection.write_all(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    timeout(PATIENCE, listening.dropped.recv()).await.expect("the answer is dropped in time");
}

#[tokio::test]
async fn on_a_shared_connection_only_the_answer_that_nobody_takes_is_let_go() {
    let mut listening =
        Listening::start(Connections { write_patience: Duration::from_millis(200), ..counted(100, 100) });
    let io = TokioIo::new(listening.connect().await);
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), io);
    let (mut client, connection) = handshake.await.unwrap();
    let connected = tokio::spawn(connection);
    let mut ask = async |path: &str| {
        let request = Request::get(format!("http://x{path}")).body(http_body_util::Empty::<Bytes>::new()).unwrap();
        timeout(PATIENCE, client.send_request(request)).await.expect("an answer in time").unwrap().into_body()
    };
    let unread = ask("/endless").await;
    timeout(PATIENCE, listening.dropped.recv()).await.expect("the answer is dropped in time");
    let small = http_body_util::BodyExt::collect(ask("/small").await).await.unwrap().to_bytes();
    assert_eq!(small, "small", "and the connection goes on");
    drop(unread);
    connected.abort();
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let listening = Listening::start(Connections { body_deadline: Duration::from_millis(100), ..counted(100, 100) });
    let mut connection = listening.connect().await;
    connection.write_all(b"POST /form HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc").await.unwrap();
    let mut text = Vec::new();
    let _closed = timeout(PATIENCE, connection.read_to_end(&mut text)).await.expect("it is given up in time");
    assert!(text.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&text));
}

#[tokio::test]
async fn stopping_lets_silent_connections_go() {
    let listening = Listening::start(counted(100, 100));
    let silent = listening.connect().await;
    listening.asks().await;
    listening.stop.cancel();
    timeout(PATIENCE, listening.served).await.expect("it stops in time").unwrap().unwrap();
    drop(silent);
}
