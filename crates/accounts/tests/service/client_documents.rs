//! Clients known by a document at their id, fetched from a server that answers as each case wants.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use accounts::{ClientAddress, ClientError, ClientKind};
use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse as _, Redirect, Response},
    routing::get,
};
use http::header;
use serde_json::json;
use test_support::Fixture;
use tokio::net::TcpListener;

struct Documents {
    origin: String,
    asked: AtomicUsize,
}

async fn serve() -> Arc<Documents> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    let documents = Arc::new(Documents { origin, asked: AtomicUsize::new(0) });
    let router = Router::new().route("/{case}", get(answer)).with_state(documents.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    documents
}

async fn answer(State(documents): State<Arc<Documents>>, Path(case): Path<String>) -> Response {
    documents.asked.fetch_add(1, Ordering::SeqCst);
    let named = if case == "another" { "other" } else { &case };
    let document = json!({
        "client_id": format!("{}/{named}", documents.origin),
        "client_name": "A documented client",
        "redirect_uris": ["http://127.0.0.1/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "padding": "x".repeat(if case == "large" { 70_000 } else { 0 }),
    });
    match case.as_str() {
        "redirect" => Redirect::temporary("/good").into_response(),
        "missing" => http::StatusCode::NOT_FOUND.into_response(),
        "page" => "<html>".into_response(),
        _ => ([(header::CACHE_CONTROL, "max-age=120")], axum::Json(document)).into_response(),
    }
}

fn from(host: u8) -> ClientAddress {
    ClientAddress { ip: IpAddr::from([192, 0, 2, host]), user_agent: String::new() }
}

#[tokio::test]
async fn nobody_makes_us_fetch_without_end() {
    let fixture = Fixture::new().await;
    let documents = serve().await;
    let mut refused = None;
    for n in 0..200 {
        match fixture.accounts.oauth_client(&format!("{}/{n}", documents.origin), &from(1)).await {
            Err(ClientError::Throttled { retry_after_s }) => refused = refused.or(Some((n, retry_after_s))),
            other => assert!(other.is_ok() && refused.is_none(), "{n}: {other:?}"),
        }
    }
    assert!(matches!(refused, Some((120, 1..))), "{refused:?}");
    assert_eq!(documents.asked.load(Ordering::SeqCst), 120);
    let kept = format!("{}/7", documents.origin);
    assert!(fixture.accounts.oauth_client(&kept, &from(1)).await.is_ok(), "what is kept is not fetched");
    let other = format!("{}/other", documents.origin);
    assert!(fixture.accounts.oauth_client(&other, &from(2)).await.is_ok(), "and others are not kept out");
    fixture.clock.advance_seconds(3_601);
    assert!(fixture.accounts.oauth_client(&other, &from(1)).await.is_ok());
}

#[tokio::test]
async fn a_document_is_read_once_as_long_as_it_may_be_kept() {
    let fixture = Fixture::new().await;
    let documents = serve().await;
    let id = format!("{}/good", documents.origin);
    for _ in 0..3 {
        let client = fixture.accounts.oauth_client(&id, &from(1)).await.expect("a client");
        assert_eq!(client.kind, ClientKind::Document { host: "127.0.0.1".to_owned() });
        assert_eq!((client.client_id.as_str(), client.name.as_str()), (id.as_str(), "A documented client"));
        assert!(client.redirect(Some("http://127.0.0.1:5000/callback")).is_ok());
    }
    assert_eq!(documents.asked.load(Ordering::SeqCst), 1);
    fixture.clock.advance_seconds(121);
    fixture.accounts.oauth_client(&id, &from(1)).await.expect("read again");
    assert_eq!(documents.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_is_not_the_clients_own_document_is_refused_and_not_asked_for_again_at_once() {
    let fixture = Fixture::new().await;
    let documents = serve().await;
    for case in ["another", "redirect", "missing", "page", "large"] {
        let before = documents.asked.load(Ordering::SeqCst);
        for _ in 0..2 {
            let refused = fixture.accounts.oauth_client(&format!("{}/{case}", documents.origin), &from(1)).await;
            assert!(matches!(refused, Err(ClientError::Document(_))), "{case}: {refused:?}");
        }
        assert_eq!(documents.asked.load(Ordering::SeqCst), before + 1, "{case}: no redirect is followed either");
    }
}
