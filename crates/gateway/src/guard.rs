//! `Host` and `Origin`: a page in a browser must not reach the gateway through a name or origin that is not ours
//! (2026-07-28 basic/transports/streamable-http "Security Warning"; DNS rebinding: CVE-2025-66414, CVE-2025-64443).

use http::{HeaderMap, Uri, header};
use url::{Host, Url};

use crate::config::{Config, Hosts, Loopback};

/// Why a request is refused before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GuardError {
    #[error("the Host header names another host than this gateway")]
    Host,
    #[error("the Origin header names a page that may not call this gateway")]
    Origin,
}

/// What is compared, prepared once.
#[derive(Debug)]
pub(crate) struct Guard {
    origins: Vec<Origin>,
    hosts: Option<Vec<Host>>,
    loopback: Loopback,
}

#[derive(Debug, PartialEq, Eq)]
struct Origin {
    scheme: String,
    host: Host,
    port: Option<u16>,
}

impl Guard {
    pub(crate) fn new(config: &Config) -> Self {
        let origins: Vec<Origin> = std::iter::once(&config.public_origin)
            .chain(&config.allowed_origins)
            .filter_map(|text| Origin::parse(text))
            .collect();
        let hosts = match &config.hosts {
            Hosts::Any => None,
            Hosts::Ours { also } => {
                let own = Origin::parse(&config.public_origin).map(|o| o.host);
                Some(own.into_iter().chain(also.iter().filter_map(|h| Host::parse(h).ok())).collect())
            }
        };
        Self { origins, hosts, loopback: config.loopback }
    }

    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), GuardError> {
        self.check_host(uri, headers)?;
        self.check_origin(headers)
    }

    fn check_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), GuardError> {
        let Some(hosts) = &self.hosts else { return Ok(()) };
        let mut named = headers.get_all(header::HOST).iter();
        let text = match (named.next(), named.next()) {
            (Some(one), None) => one.to_str().map_err(|_| GuardError::Host)?,
            (None, _) => uri.authority().map(http::uri::Authority::as_str).ok_or(GuardError::Host)?,
            (Some(_), Some(_)) => return Err(GuardError::Host),
        };
        let host = host_of(text).ok_or(GuardError::Host)?;
        let ours = hosts.contains(&host) || (self.loopback == Loopback::Ours && is_loopback(&host));
        if ours { Ok(()) } else { Err(GuardError::Host) }
    }

    fn check_origin(&self, headers: &HeaderMap) -> Result<(), GuardError> {
        let mut named = headers.get_all(header::ORIGIN).iter();
        let text = match (named.next(), named.next()) {
            (None, _) => return Ok(()),
            (Some(one), None) => one.to_str().map_err(|_| GuardError::Origin)?,
            (Some(_), Some(_)) => return Err(GuardError::Origin),
        };
        let origin = Origin::parse(text).ok_or(GuardError::Origin)?;
        let ours = self.origins.contains(&origin) || (self.loopback == Loopback::Ours && is_loopback(&origin.host));
        if ours { Ok(()) } else { Err(GuardError::Origin) }
    }
}

impl Origin {
    /// Scheme, host and port and nothing else; `null` is nobody.
    fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let bare = matches!(url.scheme(), "http" | "https")
            && url.path() == "/"
            && !text.ends_with('/')
            && url.query().is_none()
            && url.fragment().is_none()
            && !url.authority().contains('@');
        let host = url.host()?.to_owned();
        bare.then(|| Self { scheme: url.scheme().to_owned(), host, port: url.port_or_known_default() })
    }
}

/// The host of `host[:port]`; `None` for anything with more in it.
fn host_of(authority: &str) -> Option<Host> {
    if authority.contains(['/', '@', '?', '#', '\\']) {
        return None;
    }
    Url::parse(&format!("http://{authority}/")).ok()?.host().map(|host| host.to_owned())
}

fn is_loopback(host: &Host) -> bool {
    match host {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(config: &Config, headers: &[(header::HeaderName, &str)]) -> Result<(), GuardError> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        Guard::new(config).check(&Uri::from_static("/acme/mcp"), &map)
    }

    #[test]
    fn pages_of_others_are_refused() {
        let config = Config::new("https://gate.example");
        let own = (header::HOST, "gate.example");
        assert_eq!(check(&config, std::slice::from_ref(&own)), Ok(()));
        for good in ["https://gate.example", "https://gate.example:443", "http://localhost:6274", "http://127.0.0.1:1"]
        {
            assert_eq!(check(&config, &[own.clone(), (header::ORIGIN, good)]), Ok(()), "{good}");
        }
        for bad in [
            "null",
            "",
            "https://evil.example",
            "http://gate.example",
            "https://gate.example:444",
            "https://gate.example/",
            "https://gate.example.evil.example",
            "https://localhost.evil.example",
            "https://gate.example@evil.example",
            "file://",
            "http://127.0.0.1.evil.example",
        ] {
            assert_eq!(check(&config, &[own.clone(), (header::ORIGIN, bad)]), Err(GuardError::Origin), "{bad}");
        }
        let twice = [own, (header::ORIGIN, "https://gate.example"), (header::ORIGIN, "https://gate.example")];
        assert_eq!(check(&config, &twice), Err(GuardError::Origin));
    }

    #[test]
    fn names_of_others_are_refused() {
        let mut config = Config::new("https://gate.example");
        config.hosts = Hosts::Ours { also: vec!["gateway".to_owned()] };
        for good in
            ["gate.example", "GATE.example:8443", "gateway:8080", "localhost:80", "127.0.0.1:8080", "[::1]:8080"]
        {
            assert_eq!(check(&config, &[(header::HOST, good)]), Ok(()), "{good}");
        }
        for bad in ["evil.example", "evil.example:8080", "gate.example@evil.example", "", "gate.example/..", "10.0.0.1"]
        {
            assert_eq!(check(&config, &[(header::HOST, bad)]), Err(GuardError::Host), "{bad}");
        }
        assert_eq!(check(&config, &[]), Err(GuardError::Host));
        let twice = [(header::HOST, "gate.example"), (header::HOST, "gate.example")];
        assert_eq!(check(&config, &twice), Err(GuardError::Host));

        config.loopback = Loopback::Foreign;
        assert_eq!(check(&config, &[(header::HOST, "localhost")]), Err(GuardError::Host));
        config.hosts = Hosts::Any;
        assert_eq!(check(&config, &[(header::HOST, "evil.example")]), Ok(()));
    }
}
