//! What a deployment says about itself: its public origin.

use std::net::IpAddr;

use domain::{Clock, DeploymentKey, Entropy};
use url::{Host, Url};

/// How the control plane is reached.
#[derive(Clone)]
pub struct Config {
    /// Where browsers reach it.
    pub public_origin: Origin,
    /// Signs the read-once message that a redirect carries.
    pub key: DeploymentKey,
    /// The time.
    pub clock: Clock,
    /// Randomness: nonces and request ids.
    pub entropy: Entropy,
}

/// Scheme, host and port, without a path: `http://127.0.0.1:8080`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: Scheme,
    authority: String,
    reach: Reach,
}

/// Why a text is not an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an origin: {0:?}; expected http://host or https://host, with a port if it is not the usual one, and no path"
)]
pub struct OriginError(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Loopback,
    Network,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("public_origin", &self.public_origin).finish_non_exhaustive()
    }
}

impl Origin {
    /// Reads an origin.
    ///
    /// # Errors
    /// [`OriginError`], unless it is http or https with a host and nothing after the port.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let odd = || OriginError(text.to_owned());
        let url = Url::parse(text).map_err(|_| odd())?;
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(odd()),
        };
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let host = url.host().ok_or_else(odd)?;
        if !bare || !url.username().is_empty() || url.password().is_some() {
            return Err(odd());
        }
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        Ok(Self { scheme, authority, reach: reach_of(&host) })
    }

    /// Whether cookies can be `Secure`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::Https
    }

    /// Whether a request with this `Host` was meant for us.
    ///
    /// A loopback origin answers to every loopback name and port (a forwarded port, `localhost`): no other site can make a browser send
    /// one of those as the host, so DNS rebinding stays out.
    #[must_use]
    pub fn answers_to(&self, host: &str) -> bool {
        if host.eq_ignore_ascii_case(&self.authority) {
            return true;
        }
        let named =
            Url::parse(&format!("http://{host}/")).ok().filter(|url| url.path() == "/" && url.username().is_empty());
        let named_loopback = named.and_then(|url| url.host().map(|h| reach_of(&h))) == Some(Reach::Loopback);
        self.reach == Reach::Loopback && named_loopback
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}", self.authority)
    }
}

fn reach_of<S: AsRef<str>>(host: &Host<S>) -> Reach {
    let loopback = match host {
        Host::Domain(name) => matches!(name.as_ref(), "localhost" | "localhost."),
        Host::Ipv4(ip) => IpAddr::from(*ip).is_loopback(),
        Host::Ipv6(ip) => IpAddr::from(*ip).is_loopback(),
    };
    if loopback { Reach::Loopback } else { Reach::Network }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port_and_nothing_else() {
        for good in ["http://127.0.0.1:8080", "https://gate.example", "http://[::1]:9", "https://gate.example:8443"] {
            assert_eq!(Origin::parse(good).map(|o| o.to_string()), Ok(good.to_owned()));
        }
        assert_eq!(Origin::parse("https://gate.example:443/").unwrap().to_string(), "https://gate.example");
        for bad in ["", "gate.example", "ftp://x", "https://x/path", "https://x?q", "https://u@x", "https://x#f"] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_loopback_origin_answers_to_loopback_names_only() {
        let here = Origin::parse("http://127.0.0.1:8080").unwrap();
        for ours in ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "127.0.0.1:9999", "LOCALHOST"] {
            assert!(here.answers_to(ours), "{ours}");
        }
        for foreign in [
            "evil.example",
            "evil.example:8080",
            "127.0.0.1.evil.example",
            "",
            "a@127.0.0.1",
            "127.0.0.1/x",
            "10.0.0.1",
        ] {
            assert!(!here.answers_to(foreign), "{foreign}");
        }
    }

    #[test]
    fn a_public_origin_answers_to_its_own_name_only() {
        let there = Origin::parse("https://gate.example").unwrap();
        assert!(there.answers_to("gate.example") && there.answers_to("Gate.Example"));
        for foreign in ["localhost", "127.0.0.1", "gate.example:8080", "sub.gate.example", "evil.example"] {
            assert!(!there.answers_to(foreign), "{foreign}");
        }
    }
}
