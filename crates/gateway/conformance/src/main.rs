#![doc = include_str!("../README.md")]

mod asks;
mod calls;
mod cut;
mod definitions;
mod jobs;
mod reads;
mod server;

use std::{error::Error, sync::Arc};

use rmcp::{
    ServiceExt,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};

use crate::server::{Era, Fixture};

/// How the fixture is reached.
enum Face {
    Http(String),
    Stdio,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (era, face) = arguments(std::env::args().skip(1))?;
    let fixture = Fixture::new(era);
    match face {
        Face::Http(address) => serve(fixture, &address).await,
        Face::Stdio => {
            fixture.serve(rmcp::transport::stdio()).await?.waiting().await?;
            Ok(())
        }
    }
}

/// Streamable HTTP on `/mcp`, for callers on this machine.
async fn serve(fixture: Fixture, address: &str) -> Result<(), Box<dyn Error>> {
    let config =
        StreamableHttpServerConfig::default().with_allowed_origins(["http://localhost:*", "http://127.0.0.1:*"]);
    let service: StreamableHttpService<Fixture, LocalSessionManager> =
        StreamableHttpService::new(move || Ok(fixture.clone()), Arc::new(LocalSessionManager::default()), config);
    let router = axum::Router::new().nest_service("/mcp", service).layer(axum::middleware::from_fn(cut::layer));
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("fixture on http://{}/mcp", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}

fn arguments(mut given: impl Iterator<Item = String>) -> Result<(Era, Face), String> {
    let (mut era, mut face) = (Era::Both, None);
    while let Some(name) = given.next() {
        match name.as_str() {
            "--stdio" => face = Some(Face::Stdio),
            "--listen" => face = Some(Face::Http(given.next().ok_or("--listen needs an address")?)),
            "--era" => era = given.next().unwrap_or_default().parse()?,
            other => return Err(format!("unknown argument {other}")),
        }
    }
    Ok((era, face.ok_or("usage: conformance-fixture [--era both|legacy|modern] --listen ADDRESS | --stdio")?))
}
