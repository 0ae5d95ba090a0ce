//! What a person types to register a server, read field by field.

use domain::{Name, Secret, ServerSlug, Transport};
use upstream::{Egress, UpstreamUrl};

use crate::{Error, Fault, people::take};

const MAX_HEADERS: usize = 20;
const MAX_HEADER_VALUE: usize = 8_192;

/// Headers that are the connection's or the protocol's own and cannot be set.
const OWN_HEADERS: &[&str] = &[
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// What a person types to register a server.
#[derive(Clone, Debug)]
pub struct NewServer {
    /// Its name for people.
    pub name: String,
    /// Its name in URLs.
    pub slug: String,
    /// How it is reached.
    pub transport: NewTransport,
    /// Headers added to every request to it; rows whose name and value are both empty are passed over.
    pub headers: Vec<(String, Secret<String>)>,
    /// The catalogue's name of it; one that the catalogue does not know is passed over.
    pub kind: Option<String>,
}

/// How the server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewTransport {
    /// Streamable HTTP at this URL.
    Http {
        /// As typed.
        url: String,
    },
    /// Behind a connector.
    Tunnel,
}

pub(super) struct Wanted {
    pub(super) name: Name,
    pub(super) slug: ServerSlug,
    pub(super) transport: Transport,
    pub(super) headers: Vec<(String, Secret<String>)>,
    pub(super) kind: Option<String>,
}

impl NewServer {
    /// Reads all fields, so that all faults are told at once.
    pub(super) fn read(&self, egress: &Egress) -> Result<Wanted, Error> {
        let mut faults: Vec<Fault> = Vec::new();
        let name = take(&mut faults, "name", Name::parse(&self.name));
        let slug = take(&mut faults, "slug", self.slug.trim().parse::<ServerSlug>());
        let transport = match &self.transport {
            NewTransport::Tunnel => Some(Transport::Tunnel),
            NewTransport::Http { url } => gather(&mut faults, read_url(url, egress)),
        };
        let headers = gather(&mut faults, read_headers(&self.headers));
        let kind = self.kind.clone().filter(|kind| catalogue::server(kind).is_some());
        match (name, slug, transport, headers) {
            (Some(name), Some(slug), Some(transport), Some(headers)) => {
                Ok(Wanted { name, slug, transport, headers, kind })
            }
            _ => Err(Error::Invalid(faults)),
        }
    }
}

pub(super) fn read_url(text: &str, egress: &Egress) -> Result<Transport, Error> {
    let url = UpstreamUrl::parse_for(text, egress).map_err(|error| Error::field("url", error))?;
    url.to_uri().map_err(|error| Error::field("url", error))?;
    Ok(Transport::Http { url: url.to_string() })
}

/// Whether a URL leads to another scheme, host or port than before.
pub(super) fn is_elsewhere(before: &Transport, after: &Transport) -> bool {
    let origin = |transport: &Transport| match transport {
        Transport::Http { url } => UpstreamUrl::parse(url).ok().map(|url| url.origin()),
        Transport::Tunnel => None,
    };
    origin(before) != origin(after)
}

/// Header names in lower case, values without space around them. Empty rows are passed over.
pub(super) fn read_headers(rows: &[(String, Secret<String>)]) -> Result<Vec<(String, Secret<String>)>, Error> {
    let mut headers: Vec<(String, Secret<String>)> = Vec::new();
    for (name, value) in rows {
        let (name, value) = (name.trim().to_ascii_lowercase(), value.expose().trim());
        if name.is_empty() && value.is_empty() {
            continue;
        }
        if let Some(fault) = header_fault(&name, value) {
            return Err(Error::field("headers", fault));
        }
        if headers.iter().any(|(other, _)| *other == name) {
            return Err(Error::field("headers", format!("must not contain {name} twice")));
        }
        headers.push((name, Secret::new(value.to_owned())));
    }
    if headers.len() > MAX_HEADERS {
        return Err(Error::field("headers", format!("must be at most {MAX_HEADERS}")));
    }
    Ok(headers)
}

/// What is wrong with a header; the value is never repeated.
fn header_fault(name: &str, value: &str) -> Option<String> {
    let is_name = name.len() <= 100 && http::HeaderName::from_bytes(name.as_bytes()).is_ok();
    let fault = match () {
        () if name.is_empty() => "must have a name beside each value".to_owned(),
        () if !is_name => "must have names of letters, digits and hyphens, such as Authorization".to_owned(),
        () if OWN_HEADERS.contains(&name) => format!("must not contain {name}: it belongs to the connection itself"),
        () if value.is_empty() => format!("must have a value for {name}"),
        () if value.len() > MAX_HEADER_VALUE => {
            format!("must have at most {MAX_HEADER_VALUE} characters as the value of {name}")
        }
        () if !value.bytes().all(|b| (b' '..=b'~').contains(&b)) => {
            format!("must have plain ASCII without line ends as the value of {name}")
        }
        () => return None,
    };
    Some(fault)
}

fn gather<T>(faults: &mut Vec<Fault>, read: Result<T, Error>) -> Option<T> {
    match read {
        Ok(value) => Some(value),
        Err(Error::Invalid(more)) => {
            faults.extend(more);
            None
        }
        Err(other) => {
            faults.push(Fault::new("url", other));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[(&str, &str)]) -> Vec<(String, Secret<String>)> {
        rows.iter().map(|(n, v)| ((*n).to_owned(), Secret::new((*v).to_owned()))).collect()
    }

    #[test]
    fn headers_are_read_and_bad_ones_refused_without_repeating_values() {
        let read = read_headers(&rows(&[(" Authorization ", " Bearer x "), ("", " "), ("X-Key", "1")])).unwrap();
        assert_eq!(read[0].0, "authorization");
        assert_eq!(read[0].1.expose(), "Bearer x");
        assert_eq!(read.len(), 2);
        for bad in [
            &[("", "canary")][..],
            &[("authorization", "")],
            &[("host", "canary")],
            &[("Mcp-Session-Id", "canary")],
            &[("Content-Length", "1")],
            &[("x y", "canary")],
            &[("x", "can\r\nary: 1")],
            &[("x", "canäry")],
            &[("x", "a"), ("X", "b")],
        ] {
            let Err(Error::Invalid(faults)) = read_headers(&rows(bad)) else { panic!("{bad:?}") };
            assert_eq!(faults[0].field, "headers");
            assert!(!faults[0].message.contains("canary"), "{}", faults[0].message);
        }
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let form = NewServer {
            name: String::new(),
            slug: "A".to_owned(),
            transport: NewTransport::Http { url: "http://169.254.169.254/".to_owned() },
            headers: rows(&[("host", "x")]),
            kind: None,
        };
        let Err(Error::Invalid(faults)) = form.read(&Egress::PRIVATE_ALLOWED) else { panic!("refused") };
        let fields: Vec<_> = faults.iter().map(|f| f.field).collect();
        assert_eq!(fields, ["name", "slug", "url", "headers"]);
    }
}
