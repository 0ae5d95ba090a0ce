//! How a server's things are named on the account's URL, and the messages rewritten so in both directions.
//!
//! Tools and prompts are `{server}__{name}`, at most 64 characters, as several clients demand: a name that would be
//! longer ends in a part of its own hash instead, and the same tool always gets the same name. Resources, templates,
//! tasks and the server's own requests are named as `mcp::qualified_uri` and `mcp::qualified_task` say.

use aws_lc_rs::digest;
use bytes::Bytes;
use domain::ServerSlug;
use mcp::{AnswerEditor, Method, Name, NameKind, NewName, Part};

use crate::failure::UpstreamFailure;

/// Most characters of a name (Claude and OpenAI APIs).
const MOST_CHARS: usize = 64;
/// Hexadecimal digits of the hash in a shortened name.
const HASH_DIGITS: usize = 8;

/// Under which names a server's things are known to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// The server's own.
    Own,
    /// Those of the account's URL: qualified by the server's slug.
    Of(ServerSlug),
}

impl Names {
    /// An answer to a request of this method.
    pub(crate) fn answer(&self, method: Method, message: Bytes) -> Result<Bytes, UpstreamFailure> {
        self.named(Part::Answer(method), message)
    }

    /// A notification or a question of the server's.
    pub(crate) fn notification(&self, method: Method, message: Bytes) -> Result<Bytes, UpstreamFailure> {
        self.named(Part::FromServer(method), message)
    }

    fn named(&self, part: Part, message: Bytes) -> Result<Bytes, UpstreamFailure> {
        match self {
            Self::Own => Ok(message),
            Self::Of(server) => outgoing(server, part, &message),
        }
    }
}

/// The name that clients see of a tool or prompt.
pub(crate) fn public_name(server: &str, tool: &str) -> String {
    let whole = mcp::qualified_name(server, tool);
    if whole.chars().count() <= MOST_CHARS {
        return whole;
    }
    let hash = digest::digest(&digest::SHA256, whole.as_bytes());
    let digits: String = domain::hex(&hash.as_ref()[..HASH_DIGITS / 2]);
    let start: String = whole.chars().take(MOST_CHARS - HASH_DIGITS - 1).collect();
    format!("{start}_{digits}")
}

/// Whether a public name may be a shortened one, so that the server's own has to be looked for.
pub(crate) fn may_be_short(public: &str) -> bool {
    public.chars().count() == MOST_CHARS
}

/// The server's own name behind a public name, among the names it is known to have.
pub(crate) fn own_name<'a>(public: &str, server: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known.into_iter().find(|tool| public_name(server, tool) == public)
}

/// A message of a server's, or an entry of one of its lists, as the account's URL tells it.
pub(crate) fn outgoing(server: &ServerSlug, part: Part, message: &Bytes) -> Result<Bytes, UpstreamFailure> {
    let named = mcp::rename_in(message, part, |name| public(server.as_str(), name));
    named.map_err(|error| UpstreamFailure::Invalid(error.to_string()))
}

/// The same for an answer to a request of this method that passes while it is read.
pub(crate) fn passing(editor: AnswerEditor, server: &ServerSlug, method: Method) -> AnswerEditor {
    let server = server.clone();
    editor.renamed(Part::Answer(method), move |name| public(server.as_str(), name))
}

/// What something of a server's is named on the account's URL.
pub(crate) fn public(server: &str, name: &Name<'_>) -> NewName {
    NewName::Text(match name.kind {
        NameKind::Tool | NameKind::Prompt => public_name(server, &name.text),
        NameKind::Uri => mcp::qualified_uri(server, &name.text),
        NameKind::Task => mcp::qualified_task(server, &name.text),
        NameKind::Request | NameKind::Progress => mcp::qualified_task(server, name.raw),
    })
}

/// A client's message as one server is to see it, and that server's slug; none if it names nothing of any server. What it
/// names of another server than the first stays as it is, which that server does not know.
pub(crate) fn incoming(part: Part, message: &Bytes) -> Option<(String, Bytes)> {
    let mut server = None;
    let named = mcp::rename_in(message, part, |name| {
        let Some((slug, own)) = own(name) else { return NewName::Same };
        match &server {
            None => server = Some(slug),
            Some(first) if *first != slug => return NewName::Same,
            Some(_) => {}
        }
        own
    });
    Some((server?, named.ok()?))
}

/// What a name on the account's URL names, and of which server. A shortened one stays: what it stands for is not in it.
fn own(name: &Name<'_>) -> Option<(String, NewName)> {
    match name.kind {
        NameKind::Tool | NameKind::Prompt => {
            let (server, own) = mcp::split_qualified(&name.text)?;
            Some((server.to_owned(), NewName::Text(own.to_owned())))
        }
        NameKind::Uri => {
            let (server, own) = mcp::split_qualified_uri(&name.text)?;
            Some((server.to_owned(), NewName::Text(own)))
        }
        NameKind::Task => {
            let (server, own) = mcp::split_qualified_task(&name.text)?;
            Some((server.to_owned(), NewName::Text(own.to_owned())))
        }
        NameKind::Request | NameKind::Progress => {
            let (server, raw) = mcp::split_qualified_task(&name.text)?;
            // Only what is one string or number goes into a message as it is.
            mcp::Id::from_raw(raw)?;
            Some((server.to_owned(), NewName::Raw(raw.to_owned())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_stay_whole() {
        assert_eq!(public_name("mlflow", "get__run"), "mlflow__get__run");
        assert!(!may_be_short("mlflow__get__run"));
    }

    #[test]
    fn long_names_are_shortened_and_found_again() {
        let server = "a".repeat(40);
        let tools =
            [format!("{}1", "t".repeat(60)), format!("{}2", "t".repeat(60)), "é".repeat(64), "short".to_owned()];
        let public: Vec<String> = tools.iter().map(|tool| public_name(&server, tool)).collect();
        assert_eq!(public.iter().collect::<std::collections::HashSet<_>>().len(), tools.len());
        for (name, tool) in public.iter().zip(&tools) {
            assert!(name.chars().count() <= MOST_CHARS, "{name}");
            let (slug, rest) = mcp::split_qualified(name).unwrap();
            assert_eq!(slug, server);
            let found = own_name(name, slug, tools.iter().map(String::as_str));
            assert_eq!(found, Some(tool.as_str()));
            assert_eq!(may_be_short(name), rest != tool);
        }
        let exact = public_name("s", &"x".repeat(61));
        assert_eq!((exact.len(), may_be_short(&exact)), (MOST_CHARS, true));
    }

    #[test]
    fn messages_go_to_the_server_that_they_name() {
        let ask = |method, message: &str| {
            let message = Bytes::copy_from_slice(message.as_bytes());
            incoming(Part::FromClient(method), &message)
                .map(|(server, bytes)| (server, String::from_utf8_lossy(&bytes).into_owned()))
        };
        let found = ask(
            Method::TasksGet,
            r#"{"params":{"taskId":"a+t","_meta":{"io.modelcontextprotocol/related-task":{"taskId":"b+t"}}}}"#,
        );
        let expected = r#"{"params":{"taskId":"t","_meta":{"io.modelcontextprotocol/related-task":{"taskId":"b+t"}}}}"#;
        assert_eq!(found, Some(("a".to_owned(), expected.to_owned())));
        assert_eq!(ask(Method::ResourcesRead, r#"{"params":{"uri":"test://x"}}"#), None);
        let answered = |message: &str| {
            let message = Bytes::copy_from_slice(message.as_bytes());
            incoming(Part::ClientAnswer, &message).map(|(_, bytes)| String::from_utf8_lossy(&bytes).into_owned())
        };
        assert_eq!(answered(r#"{"id":"a+5","result":{}}"#).as_deref(), Some(r#"{"id":5,"result":{}}"#));
        assert_eq!(answered(r#"{"id":"a+\"q\"","result":{}}"#).as_deref(), Some(r#"{"id":"q","result":{}}"#));
        for odd in [r#"{"id":"a+5,\"x\":1","result":{}}"#, r#"{"id":"a+","result":{}}"#, r#"{"id":5,"result":{}}"#] {
            assert_eq!(answered(odd), None, "{odd}");
        }
    }
}
