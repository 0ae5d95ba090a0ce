//! Where a gateway listens for the other gateways, and where they reach it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _, UdpSocket};

use anyhow::{Context as _, anyhow};
use tokio::net::TcpListener;

use crate::{
    cli::{self, MeshListen},
    listen,
};

/// A listener for the other gateways.
#[derive(Debug)]
pub struct Mesh {
    pub listener: TcpListener,
    /// As the others reach it.
    pub address: String,
}

/// Opens the listener: where it is said, or else beside the public one on a port that is free.
pub fn open(args: &cli::Gateway) -> anyhow::Result<Option<Mesh>> {
    let at = match args.mesh_listen {
        Some(MeshListen::Off) => return Ok(None),
        Some(MeshListen::At(at)) => at,
        None => SocketAddr::new(args.listen.ip(), 0),
    };
    let listener = TcpListener::from_std(listen::bind(at).context("cannot listen for other gateways (--mesh-listen)")?)
        .context("prepare the socket for other gateways")?;
    let bound = listener.local_addr().context("read the address for other gateways")?;
    let address = match &args.mesh_address {
        Some(given) => given.clone(),
        None if bound.ip().is_unspecified() => {
            SocketAddr::new(own_address(&args.shared.redis_url)?, bound.port()).to_string()
        }
        None => bound.to_string(),
    };
    Ok(Some(Mesh { listener, address }))
}

/// The address that this machine has towards Redis: the other gateways reach Redis, too. Nothing is sent.
fn own_address(redis_url: &str) -> anyhow::Result<IpAddr> {
    let unknown = || anyhow!("cannot tell where other gateways reach this one: say it with --mesh-address HOST:PORT");
    let redis = host_and_port(redis_url).and_then(|place| place.to_socket_addrs().ok()?.next()).ok_or_else(unknown)?;
    let any: IpAddr = if redis.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).map_err(|_| unknown())?;
    socket.connect(redis).map_err(|_| unknown())?;
    Ok(socket.local_addr().map_err(|_| unknown())?.ip())
}

/// `host:port` of the first address in `redis://user:password@host:port/db,…`.
fn host_and_port(redis_url: &str) -> Option<String> {
    let (_, rest) = redis_url.split_once("://").filter(|(scheme, _)| scheme.starts_with("redis"))?;
    let first = rest.split(',').next()?;
    let authority = first.split(['/', '?']).next()?;
    let place = authority.rsplit('@').next().filter(|place| !place.is_empty())?;
    let has_port = place.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    Some(if has_port { place.to_owned() } else { format!("{place}:6379") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_is_found_in_its_address() {
        for (url, place) in [
            ("redis://127.0.0.1:6380/1", Some("127.0.0.1:6380")),
            ("redis://127.0.0.1", Some("127.0.0.1:6379")),
            ("rediss://user:p@ss@cache:7000", Some("cache:7000")),
            ("redis://a:1,redis://b:2", Some("a:1")),
            ("redis://[::1]:6379", Some("[::1]:6379")),
            ("redis://[::1]", Some("[::1]:6379")),
            ("unix:///run/redis.sock", None),
        ] {
            assert_eq!(host_and_port(url).as_deref(), place, "{url}");
        }
        assert_eq!(own_address("redis://127.0.0.1:6379").ok(), Some(Ipv4Addr::LOCALHOST.into()));
    }
}
