//! Addresses: of one store, or of several nodes of a cluster.

use std::time::Duration;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, io::tcp::TcpSettings};

use crate::StoreError;

/// After so long without an acknowledgement of what was sent, a silent peer counts as gone.
const SILENT_PEER: Duration = Duration::from_secs(5);

/// Every host of an address, in order; the rest of it (user, password, database) is the same for all.
pub(crate) fn parse(url: &str) -> Result<Vec<ConnectionInfo>, StoreError> {
    let address = |error: redis::RedisError| StoreError::Address(error.to_string());
    let mut all = Vec::new();
    for url in hosts(url) {
        all.push(tuned(url.as_str().into_connection_info().map_err(address)?));
    }
    Ok(all)
}

/// `redis://u:p@a:1,b:2/0` is `redis://u:p@a:1/0` and `redis://u:p@b:2/0`.
fn hosts(url: &str) -> Vec<String> {
    let whole = || vec![url.to_owned()];
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| scheme.starts_with("redis")) else {
        return whole();
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (user, hosts) = authority.rsplit_once('@').map_or(("", authority), |(user, hosts)| (user, hosts));
    if !hosts.contains(',') {
        return whole();
    }
    let at = if authority.contains('@') { "@" } else { "" };
    hosts.split(',').map(|host| format!("{scheme}://{user}{at}{host}{path}")).collect()
}

fn tuned(info: ConnectionInfo) -> ConnectionInfo {
    match info.addr() {
        ConnectionAddr::Unix(_) => info,
        _ => info.set_tcp_settings(TcpSettings::default().set_nodelay(true).set_user_timeout(SILENT_PEER)),
    }
}

/// Another node of the cluster that `like` belongs to. A cluster that does not know its own name leaves `host` empty.
pub(crate) fn of_node(like: &ConnectionInfo, host: &str, port: u16) -> ConnectionInfo {
    let host = || if host.is_empty() { host_of(like) } else { host.to_owned() };
    let addr = match like.addr() {
        ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
            ConnectionAddr::TcpTls { host: host(), port, insecure: *insecure, tls_params: tls_params.clone() }
        }
        _ => ConnectionAddr::Tcp(host(), port),
    };
    tuned(like.clone().set_addr(addr))
}

fn host_of(info: &ConnectionInfo) -> String {
    match info.addr() {
        ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => host.clone(),
        _ => "127.0.0.1".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_hosts_share_everything_else() {
        let url = "rediss://user:p%40ss@a:7000,b,[::1]:7002/0?x=1";
        let expected = [
            "rediss://user:p%40ss@a:7000/0?x=1",
            "rediss://user:p%40ss@b/0?x=1",
            "rediss://user:p%40ss@[::1]:7002/0?x=1",
        ];
        assert_eq!(hosts(url), expected);
        assert_eq!(hosts("redis://a,b"), ["redis://a", "redis://b"]);
        for whole in ["redis://:a,b@host", "unix:///a,b", "redis://host:1/0", "not, a url", ""] {
            assert_eq!(hosts(whole), [whole]);
        }
    }

    #[test]
    fn a_node_is_reached_like_the_one_that_named_it() {
        let like = parse("redis://user:secret@first:7000").unwrap().remove(0);
        let node = of_node(&like, "second", 7001);
        assert_eq!(node.addr().to_string(), "second:7001");
        assert_eq!(node.redis_settings().username(), Some("user"));
        assert_eq!(of_node(&like, "", 7002).addr().to_string(), "first:7002");
    }

    #[test]
    fn what_is_no_address_is_told_without_its_password() {
        for url in ["http://localhost", "not a url", "redis://:geheim@", "redis://:geheim@a,", ""] {
            let error = parse(url).expect_err(url);
            assert!(matches!(error, StoreError::Address(_)), "{url}: {error:?}");
            assert!(!error.to_string().contains("geheim"), "{error}");
        }
    }
}
