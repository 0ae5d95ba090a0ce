//! The headers that a server is shown, as they are stored and as they are sent.

use domain::{DataKey, ServerId, SnapshotHeader};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::Error;

/// A server's headers, opened.
pub(crate) fn open_headers(server: ServerId, sealed: &[SnapshotHeader], key: &DataKey) -> Result<HeaderMap, Error> {
    let mut opened = Vec::new();
    for header in sealed {
        opened.push((header.name.as_str(), key.open(&SnapshotHeader::context(server, &header.name), &header.value)?));
    }
    Ok(header_map(opened.iter().map(|(name, value)| (*name, value.as_slice()))))
}

/// Headers that were read before; what does not fit a header any more is left out.
pub(crate) fn header_map<'a>(pairs: impl Iterator<Item = (&'a str, &'a [u8])>) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        if let (Ok(name), Ok(mut value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value)) {
            value.set_sensitive(true);
            map.insert(name, value);
        }
    }
    map
}
