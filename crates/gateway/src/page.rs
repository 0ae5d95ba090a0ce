//! What a person sees who opens a gateway URL in a browser: how to connect a client, not an error. It holds no secret and
//! does not tell whether the account exists.

use axum::{body::Body, response::Response};
use http::{HeaderValue, Method, header, request::Parts};

use crate::config::Config;

const POLICY: &str =
    "default-src 'none'; style-src 'sha256-STYLE'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const STYLE: &str = ":root{color-scheme:light dark}body{font:1rem/1.6 system-ui,sans-serif;max-width:46rem;margin:0 auto;padding:2rem 1rem}h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}pre{overflow-x:auto;padding:.75rem 1rem;border:1px solid #8888;border-radius:.5rem}code{font-family:ui-monospace,monospace;font-size:.9rem}";

/// Whether a browser asks for a page, rather than a client for a stream.
pub(crate) fn wanted(parts: &Parts) -> bool {
    let accept = parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    parts.method == Method::GET && accept.contains("text/html") && !accept.contains("text/event-stream")
}

/// The page.
pub(crate) fn answer(config: &Config, parts: &Parts) -> Response {
    let url = format!("{}{}", config.public_origin, parts.uri.path());
    let mut response = Response::new(Body::from(page(&url)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Ok(policy) = HeaderValue::from_str(&POLICY.replace("STYLE", &style_hash())) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn style_hash() -> String {
    use base64::Engine as _;
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, STYLE.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(hash.as_ref())
}

fn page(url: &str) -> String {
    let url = escaped(url);
    let json = |text: &str| format!("<pre><code>{}</code></pre>", escaped(text).replace("URL", &url));
    let claude_code = format!(
        "<pre><code>claude mcp add --transport http portcullis {url} --header \"Authorization: Bearer YOUR_KEY\"</code></pre>"
    );
    // `mcp-remote` wants plain http to be allowed by name; the header stands in the environment since it has a space.
    let allow = if url.starts_with("http://") { r#","--allow-http""# } else { "" };
    let desktop = json(&format!(
        r#"{{"mcpServers":{{"portcullis":{{"command":"npx","args":["-y","mcp-remote","URL","--header","Authorization:${{AUTHORIZATION}}"{allow}],"env":{{"AUTHORIZATION":"Bearer YOUR_KEY"}}}}}}}}"#
    ));
    let cursor = json(r#"{"mcpServers":{"portcullis":{"url":"URL","headers":{"Authorization":"Bearer YOUR_KEY"}}}}"#);
    let vscode =
        json(r#"{"servers":{"portcullis":{"type":"http","url":"URL","headers":{"Authorization":"Bearer YOUR_KEY"}}}}"#);
    let inspector = format!(
        "<pre><code>npx @modelcontextprotocol/inspector --cli {url} --transport http --header \"Authorization: Bearer YOUR_KEY\" --method tools/list</code></pre>"
    );
    let curl = format!(
        "<pre><code>curl {url} -H \"Authorization: Bearer YOUR_KEY\" -H \"Content-Type: application/json\" -H \"Accept: application/json, text/event-stream\" -d '{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{{}},\"clientInfo\":{{\"name\":\"curl\",\"version\":\"1\"}}}}}}'</code></pre>"
    );
    let sections = [
        ("Claude Code", claude_code),
        ("Claude Desktop", desktop),
        ("Cursor", cursor),
        ("VS Code", vscode),
        ("MCP Inspector", inspector),
        ("curl", curl),
    ];
    let sections: String = sections.iter().map(|(name, text)| format!("<h2>{name}</h2>{text}")).collect();
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>Connect an MCP client · Portcullis</title><style>{STYLE}</style></head><body><main><h1>This is an MCP gateway URL</h1>\
         <p>Give it to an MCP client: <code>{url}</code></p><p>A client that can log in needs nothing else: it brings you to a page that asks whether it may act for you. The texts below are for the others, with your key in place of <code>YOUR_KEY</code>.</p>{sections}</main></body></html>"
    )
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_cannot_leave_its_place() {
        let page = page("https://gate.example/<script>alert(1)</script>/mcp\"'&");
        assert!(!page.contains("<script>"));
        assert!(page.contains("&lt;script&gt;") && page.contains("&quot;&#39;&amp;"));
    }
}
