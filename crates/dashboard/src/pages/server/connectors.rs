//! The connectors that are there now: their versions, and what is to be said of them.

use accounts::LiveConnector;

use crate::{show, words};

/// How a connector begins what it says of itself.
const NAME: &str = "portcullis/";
/// This program's version; gateways are updated together with it.
const OURS: &str = env!("CARGO_PKG_VERSION");

/// A connector that is there now.
#[derive(Clone)]
pub(crate) struct LiveLine {
    /// What it says of itself.
    pub(crate) about: String,
    /// How busy it is.
    pub(crate) calls: String,
    /// Its version, if an older one than the gateway's.
    pub(crate) older: Option<String>,
}

impl LiveLine {
    pub(crate) fn of(connector: &LiveConnector) -> Self {
        let version = version(&connector.about);
        let older = version.filter(|version| is_older(version, OURS)).map(words::visible);
        let calls = usize::try_from(connector.in_flight).unwrap_or(usize::MAX);
        let calls = format!("{} under way", show::count(calls, "call", "calls"));
        Self { about: words::visible(&connector.about), calls, older }
    }
}

/// The version in `portcullis/1.2.3 stdio uvx`.
fn version(about: &str) -> Option<&str> {
    let version = about.strip_prefix(NAME)?.split_whitespace().next()?;
    numbers(version).is_some().then_some(version)
}

fn numbers(version: &str) -> Option<[u64; 3]> {
    let core = version.split(['-', '+']).next()?;
    let mut parts = core.split('.').map(|part| part.parse().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

fn is_older(version: &str, than: &str) -> bool {
    matches!((numbers(version), numbers(than)), (Some(version), Some(than)) if version < than)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(is_older("0.9.0", "0.10.0") && is_older("1.2.3", "1.2.4") && is_older("1.2.3-rc.1", "1.3.0"));
        assert!(!is_older("1.10.0", "1.9.9") && !is_older("1.0.0", "1.0.0") && !is_older("new", "1.0.0"));
    }

    #[test]
    fn a_version_is_read_from_what_a_connector_says_and_from_nothing_else() {
        assert_eq!(version("portcullis/0.1.0 stdio uvx"), Some("0.1.0"));
        for odd in ["", "portcullis/", "portcullis/new stdio", "other/0.1.0", "stdio portcullis/0.1.0"] {
            assert_eq!(version(odd), None, "{odd}");
        }
    }
}
