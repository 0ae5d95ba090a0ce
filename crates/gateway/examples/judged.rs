//! What the gateway judges of a message: each line of standard input is one in base64; the line that answers it says why
//! it is refused, or its method and what it names, with the arguments in the judge's own reading. For the differential test.

use std::io::{self, BufRead as _, Write as _};

use base64::Engine as _;
use mcp::{Message, ReadLimits};
use serde_json::{Value, json};

/// As in the gateway (POLICY.md §2).
const MAX_DEPTH: usize = 64;

fn main() -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let bytes = base64::engine::general_purpose::STANDARD.decode(line?.trim()).map_err(io::Error::other)?;
        writeln!(out, "{}", judged(&bytes))?;
    }
    Ok(())
}

fn judged(bytes: &[u8]) -> Value {
    let limits = ReadLimits { max_bytes: bytes.len(), max_depth: MAX_DEPTH };
    let message = match mcp::read_with(bytes, limits) {
        Ok(message) => message,
        Err(error) => return json!({ "refused": error.fault.label() }),
    };
    let params = message.params();
    let arguments =
        params.and_then(|params| params.arguments).map(|text| policy::canonical_json(text).ok_or("refused"));
    match (arguments, &message) {
        (Some(Err(_)), _) => json!({ "refused": "arguments" }),
        (_, Message::Response(_)) => json!({ "kind": "response" }),
        (arguments, _) => json!({
            "kind": if matches!(message, Message::Request(_)) { "request" } else { "notification" },
            "method": message.method(),
            "named": message.name(),
            "arguments": arguments.and_then(Result::ok),
        }),
    }
}
