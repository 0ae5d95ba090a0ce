//! Names to addresses, with the addresses that may not be dialled taken out before anything dials them.
//!
//! The addresses returned here are the ones that are connected to, so a name that answers differently a moment later
//! (DNS rebinding) gains nothing.

use std::{
    collections::HashMap,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use hyper_util::client::legacy::connect::dns::Name;
use tower::Service;

use crate::{AddressRefused, egress::Rule};

/// Where names are looked up.
#[derive(Clone, Debug, Default)]
pub enum Names {
    /// The operating system's resolver.
    #[default]
    System,
    /// A fixed table and nothing else: for hosts that must be pinned, and for tests.
    Table(Arc<HashMap<String, Vec<IpAddr>>>),
}

/// Why a name gives no address to dial.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResolveError {
    #[error("the name does not resolve: {0}")]
    Lookup(#[source] io::Error),
    #[error("the name resolves to no address")]
    Nothing,
    #[error(transparent)]
    Refused(#[from] AddressRefused),
}

#[derive(Clone, Debug)]
pub(crate) struct GuardedResolver {
    pub(crate) names: Names,
    pub(crate) rule: Rule,
}

impl GuardedResolver {
    async fn resolve(self, name: Name) -> Result<std::vec::IntoIter<SocketAddr>, ResolveError> {
        let mut fine = Vec::new();
        let mut refused = None;
        for address in self.names.look_up(name.as_str()).await? {
            match self.rule.check_address(Some(name.as_str()), address.ip()) {
                Ok(()) => fine.push(address),
                Err(error) => refused = Some(error),
            }
        }
        match (fine.is_empty(), refused) {
            (false, _) => Ok(fine.into_iter()),
            (true, Some(error)) => Err(error.into()),
            (true, None) => Err(ResolveError::Nothing),
        }
    }
}

impl Names {
    async fn look_up(&self, name: &str) -> Result<Vec<SocketAddr>, ResolveError> {
        match self {
            Self::System => Ok(tokio::net::lookup_host((name, 0)).await.map_err(ResolveError::Lookup)?.collect()),
            Self::Table(table) => {
                let addresses = table.get(name).map(Vec::as_slice).unwrap_or_default();
                Ok(addresses.iter().map(|&ip| SocketAddr::new(ip, 0)).collect())
            }
        }
    }
}

impl Service<Name> for GuardedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = ResolveError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(self.clone().resolve(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Egress;

    #[tokio::test]
    async fn of_a_mixed_answer_only_the_public_addresses_are_left() {
        let addresses = ["127.0.0.1", "1.1.1.1", "10.0.0.1", "::1"].map(|a| a.parse().unwrap());
        let names = Names::Table(Arc::new(HashMap::from([("mixed.example".to_owned(), addresses.to_vec())])));
        let rule = Rule { egress: Egress::PUBLIC_ONLY, networks: None };
        let resolver = GuardedResolver { names, rule };
        let left: Vec<_> = resolver.resolve("mixed.example".parse().unwrap()).await.unwrap().collect();
        assert_eq!(left, ["1.1.1.1:0".parse().unwrap()]);
    }

    #[tokio::test]
    async fn of_a_mixed_answer_only_the_listed_networks_are_left() {
        let addresses = ["10.1.2.3", "10.2.0.1", "::ffff:10.1.0.1", "1.1.1.1"].map(|a| a.parse().unwrap());
        let table = HashMap::from([
            ("mixed.example".to_owned(), addresses.to_vec()),
            ("outside.example".to_owned(), vec!["192.168.0.1".parse().unwrap()]),
        ]);
        let networks: Arc<[ipnet::IpNet]> = Arc::new(["10.1.0.0/16".parse().unwrap()]);
        let rule = Rule { egress: Egress::PRIVATE_ALLOWED, networks: Some(networks) };
        let resolver = GuardedResolver { names: Names::Table(Arc::new(table)), rule };
        let left: Vec<_> = resolver.clone().resolve("mixed.example".parse().unwrap()).await.unwrap().collect();
        assert_eq!(left, ["10.1.2.3:0".parse().unwrap(), "[::ffff:10.1.0.1]:0".parse().unwrap()]);
        let outside = resolver.resolve("outside.example".parse().unwrap()).await;
        assert!(matches!(outside, Err(ResolveError::Refused(AddressRefused::Outside(_)))), "{outside:?}");
    }
}
