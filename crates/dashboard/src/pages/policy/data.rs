//! What the workbench's scripts are given along with the page.

use accounts::ToolView;
use serde_json::{Value, json};

use super::Subject;

/// JSON text that may stand in a `<script type="application/json">`: nothing in it can end the element or begin another.
pub(crate) fn for_script(value: &Value) -> String {
    let escape = |letter| match letter {
        '<' => Some("\\u003c"),
        '>' => Some("\\u003e"),
        '&' => Some("\\u0026"),
        '\u{2028}' => Some("\\u2028"),
        '\u{2029}' => Some("\\u2029"),
        _ => None,
    };
    value.to_string().chars().fold(String::new(), |mut text, letter| {
        match escape(letter) {
            Some(escaped) => text.push_str(escaped),
            None => text.push(letter),
        }
        text
    })
}

/// The tools and the addresses.
pub(super) fn of(subject: &Subject) -> String {
    let path = &subject.path;
    let tools: Vec<Value> = subject.server.tools.iter().map(tool).collect();
    for_script(&json!({
        "tools": tools,
        "schemaUrl": "/policy.schema.json",
        "checkUrl": format!("{path}/check"),
        "tryUrl": format!("{path}/try"),
        "effectUrl": format!("{path}/effect"),
        "mayWrite": true,
    }))
}

fn tool(tool: &ToolView) -> Value {
    let schema: Option<Value> = tool.input_schema.as_deref().and_then(|schema| serde_json::from_str(schema).ok());
    json!({
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "class": tool.class.as_str(),
        "evidence": tool.evidence,
        "schema": schema,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_tools_words_end_the_element() {
        let value = json!({ "a": "</script><!-- <b> &amp; \u{2028}" });
        let text = for_script(&value);
        assert!(!text.contains(['<', '>', '&', '\u{2028}']), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
