//! The gateway URL that a token is asked for (RFC 8707).

use domain::{AccountSlug, ServerSlug};
use url::Url;

use crate::Accounts;

/// A gateway URL of this deployment, whether or not there is anything behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The account.
    pub account: AccountSlug,
    /// The server; none: the account's own URL.
    pub server: Option<ServerSlug>,
    /// The one spelling that goes into tokens, without a slash at the end.
    pub canonical: String,
}

/// Why a text is not such a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResourceError {
    /// None was named, and a token without one would be good for nothing.
    #[error("the request must name the gateway URL it is for, as `resource` (RFC 8707)")]
    Missing,
    /// Something else was named.
    #[error("this is not a gateway URL of this deployment")]
    Foreign,
}

impl Accounts {
    /// Reads the gateway URL that a token is asked for, with or without a slash at the end.
    ///
    /// # Errors
    /// [`ResourceError::Foreign`].
    pub fn resource(&self, text: &str) -> Result<Resource, ResourceError> {
        read(self.gateway_origin(), text).ok_or(ResourceError::Foreign)
    }
}

fn read(origin: &str, text: &str) -> Option<Resource> {
    let url = Url::parse(text).ok()?;
    let plain =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    let ours = Url::parse(origin).ok()?;
    if !plain || url.origin() != ours.origin() {
        return None;
    }
    let path = url.path().strip_prefix('/')?;
    let path = path.strip_suffix('/').unwrap_or(path);
    let (account, server) = match path.split('/').collect::<Vec<_>>().as_slice() {
        [account, "mcp"] => (account.parse().ok()?, None),
        [account, server, "mcp"] => (account.parse().ok()?, Some(server.parse().ok()?)),
        _ => return None,
    };
    Some(Resource { canonical: format!("{origin}/{path}"), account, server })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "https://gate.example";

    #[test]
    fn gateway_urls_have_one_spelling() {
        for (text, server) in [
            ("https://gate.example/acme/mcp", None),
            ("https://gate.example/acme/mcp/", None),
            ("https://GATE.example:443/acme/mcp", None),
            ("https://gate.example/acme/mlflow/mcp", Some("mlflow")),
            ("https://gate.example/acme/mlflow/mcp/", Some("mlflow")),
        ] {
            let resource = read(ORIGIN, text).unwrap();
            let path = server.map_or("acme/mcp".to_owned(), |server| format!("acme/{server}/mcp"));
            assert_eq!(resource.canonical, format!("{ORIGIN}/{path}"), "{text}");
            assert_eq!(resource.server.as_ref().map(ServerSlug::as_str), server);
        }
    }

    #[test]
    fn nothing_else_is_a_gateway_url() {
        for text in [
            "",
            "https://gate.example",
            "https://gate.example/",
            "https://gate.example/mcp",
            "https://gate.example/acme",
            "https://gate.example/acme/mcp/x",
            "https://gate.example/acme/mcp//",
            "https://gate.example//acme/mcp",
            "https://gate.example/ACME/mcp",
            "https://gate.example/acme/ml_flow/mcp",
            "https://gate.example/acme/mlflow/x/mcp",
            "https://gate.example/acme/mcp?x=1",
            "https://gate.example/acme/mcp#x",
            "https://me@gate.example/acme/mcp",
            "http://gate.example/acme/mcp",
            "https://gate.example:444/acme/mcp",
            "https://gate.example.evil.example/acme/mcp",
            "https://evil.example/acme/mcp",
            "/acme/mcp",
        ] {
            assert_eq!(read(ORIGIN, text), None, "{text}");
        }
    }
}
