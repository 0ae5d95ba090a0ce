//! Serves the pages on loopback, on a database of their own with the fixture's two accounts, to look at while working on them.
//!
//! `cargo run -p dashboard --example preview [port]`, then log in as it says. Nothing is kept.

#[path = "../src/testing/work.rs"]
#[expect(clippy::expect_used, reason = "made for tests, and used here to have something to look at")]
mod work;

use std::net::{Ipv4Addr, SocketAddr};

use dashboard::Dashboard;
use test_support::{Fixture, PASSWORD};
use tokio::net::TcpListener;
use web_kit::{Config, Origin};

#[tokio::main]
#[expect(clippy::expect_used, reason = "a tool of ours; what does not work is told by the panic")]
async fn main() {
    let port = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(8099);
    let fixture = Fixture::new().await;
    work::Work::of(&fixture, &fixture.ours).await;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let config = Config {
        public_origin: Origin::parse(&format!("http://{address}")).expect("an origin"),
        key: fixture.key.clone(),
        clock: fixture.clock.clone(),
        entropy: fixture.entropy.clone(),
    };
    let router = Dashboard::new(fixture.accounts.clone(), config).router();
    let listener = TcpListener::bind(address).await.expect("the port is free");
    println!("http://{address}  owner@ours.example (or admin@, policy_manager@, viewer@)  {PASSWORD}");
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).await.expect("it serves");
}
