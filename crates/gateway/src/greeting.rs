//! What a server says of itself, as far as it holds behind this gateway: without what its settings keep back, and with
//! the promise of what the gateway itself tells.

use bytes::Bytes;
use domain::{Access, ServerSettings};

/// An answer to `initialize` or `server/discover` as a client is to have it; every other byte is the server's.
pub(crate) fn honest(settings: &ServerSettings, answer: Bytes) -> Bytes {
    let off = kept_back(settings);
    let answer = if off.is_empty() { None } else { mcp::without_capabilities(&answer, &off) }.unwrap_or(answer);
    mcp::promising_tools_list_changed(&answer).unwrap_or(answer)
}

/// The capabilities whose methods are refused (`methods`).
fn kept_back(settings: &ServerSettings) -> Vec<&'static str> {
    let switches = [
        ("resources", settings.resources),
        ("prompts", settings.prompts),
        ("completions", settings.completion),
        ("logging", settings.logging),
        ("tasks", settings.tasks),
    ];
    switches.into_iter().filter(|(_, access)| *access == Access::Off).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_off_is_not_offered() {
        let answer = Bytes::from_static(
            br#"{"jsonrpc":"2.0","id":1,"result":{"capabilities":{"prompts":{},"logging":{},"tools":{},"x":{}}}}"#,
        );
        let of = |settings: &ServerSettings| String::from_utf8(honest(settings, answer.clone()).to_vec()).unwrap();
        let whole = of(&ServerSettings::default());
        assert!(whole.contains(r#"{"prompts":{},"logging":{},"tools":{"listChanged":true},"x":{}}"#), "{whole}");
        let less = of(&ServerSettings { prompts: Access::Off, logging: Access::Off, ..Default::default() });
        assert!(less.contains(r#"{"tools":{"listChanged":true},"x":{}}"#), "{less}");
    }
}
