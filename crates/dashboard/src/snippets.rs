//! What to paste into each client so that it speaks to a gateway URL.

use serde_json::{Value, json};

/// A text for one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snippet {
    /// Names the tab.
    pub(crate) id: &'static str,
    /// The client.
    pub(crate) client: &'static str,
    /// Where the text goes.
    pub(crate) place: &'static str,
    /// The text.
    pub(crate) text: String,
}

/// The texts for all clients. `name` is what the client calls the server, `key` the whole bearer credential.
pub(crate) fn snippets(name: &str, url: &str, key: &str) -> Vec<Snippet> {
    let authorization = format!("Bearer {key}");
    vec![
        Snippet {
            id: "claude-code",
            client: "Claude Code",
            place: "Run it in a terminal",
            text: format!("claude mcp add --transport http {name} {url} --header \"Authorization: {authorization}\""),
        },
        Snippet {
            id: "claude-desktop",
            client: "Claude Desktop",
            place: "In claude_desktop_config.json (Settings, Developer, Edit Config); it needs Node.js",
            text: pretty(&json!({"mcpServers": {name: desktop(url, &authorization)}})),
        },
        Snippet {
            id: "cursor",
            client: "Cursor",
            place: "In ~/.cursor/mcp.json, or .cursor/mcp.json of a project",
            text: pretty(&json!({"mcpServers": {name: {"url": url, "headers": {"Authorization": authorization}}}})),
        },
        Snippet {
            id: "vs-code",
            client: "VS Code",
            place: "In .vscode/mcp.json of a project, or by the command “MCP: Open User Configuration”",
            text: pretty(
                &json!({"servers": {name: {"type": "http", "url": url, "headers": {"Authorization": authorization}}}}),
            ),
        },
        Snippet {
            id: "inspector",
            client: "MCP Inspector",
            place: "Run it in a terminal; it lists the tools you may see",
            text: format!(
                "npx @modelcontextprotocol/inspector --cli {url} --transport http --header \"Authorization: {authorization}\" --method tools/list"
            ),
        },
        Snippet {
            id: "curl",
            client: "curl",
            place: "Run it in a terminal; the answer says who is there",
            text: curl(url, &authorization),
        },
    ]
}

/// Claude Desktop starts programs; `mcp-remote` is the one that speaks to a URL. The header stands in the environment since some
/// versions split arguments at spaces, and plain http has to be allowed by name.
fn desktop(url: &str, authorization: &str) -> Value {
    let mut arguments = vec!["-y", "mcp-remote", url, "--header", "Authorization:${AUTHORIZATION}"];
    if url.starts_with("http://") {
        arguments.push("--allow-http");
    }
    json!({"command": "npx", "args": arguments, "env": {"AUTHORIZATION": authorization}})
}

fn curl(url: &str, authorization: &str) -> String {
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "curl", "version": "1"}}});
    format!(
        "curl -sS {url} \\\n  -H \"Authorization: {authorization}\" \\\n  -H \"Content-Type: application/json\" \\\n  \
         -H \"Accept: application/json, text/event-stream\" \\\n  -d '{hello}'"
    )
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_names_the_url_and_the_key_and_the_json_reads() {
        let all = snippets("mlflow", "http://127.0.0.1:8080/acme/mlflow/mcp", "pcl_key_x");
        assert_eq!(all.len(), 6);
        for snippet in &all {
            assert!(snippet.text.contains("http://127.0.0.1:8080/acme/mlflow/mcp"), "{}", snippet.client);
            assert!(snippet.text.contains("Bearer pcl_key_x"), "{}", snippet.client);
            if snippet.text.starts_with('{') {
                serde_json::from_str::<Value>(&snippet.text).unwrap();
            }
        }
    }

    #[test]
    fn plain_http_is_allowed_by_name_only_where_it_is_plain() {
        let text = |url| snippets("m", url, "k")[1].text.clone();
        assert!(text("http://127.0.0.1:8080/a/m/mcp").contains("--allow-http"));
        assert!(!text("https://gate.example/a/m/mcp").contains("--allow-http"));
    }
}
