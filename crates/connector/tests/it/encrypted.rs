//! A gateway behind TLS.

use std::sync::Arc;

use connector::Target;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio_rustls::TlsAcceptor;

use crate::{
    child,
    gateway::{Gateway, Tunnel},
    rig::{Connector, limits},
};

/// A gateway whose token says `https`, its certificate, and what accepts TLS with it.
async fn gateway() -> (Gateway, String, TlsAcceptor) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let mut gateway = Gateway::start().await;
    gateway.token.origin = gateway.token.origin.replace("http://", "https://");
    (gateway, cert.pem(), TlsAcceptor::from(Arc::new(config)))
}

#[tokio::test]
async fn a_trusted_certificate_carries_the_tunnel() {
    let (gateway, certificate, acceptor) = gateway().await;
    let target = Target::Child(child::command("normal"));
    let connector = Connector::start(&gateway.token, target, limits(), certificate.into_bytes());
    let stream = acceptor.accept(gateway.accept_raw().await).await.unwrap();
    Tunnel::over(stream).await.open().await;
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_refused_before_the_token_is_sent() {
    let (gateway, _certificate, acceptor) = gateway().await;
    let target = Target::Child(child::command("normal"));
    let mut connector = Connector::start(&gateway.token, target, limits(), Vec::new());
    assert!(acceptor.accept(gateway.accept_raw().await).await.is_err(), "no handshake, so no request");
    let line = connector.wait_for_line("cannot reach").await;
    assert!(line.contains("certificate"), "{line}");
    connector.stop().await.unwrap();
}
