//! Names of tools where one URL stands for several servers: `{server}__{tool}`.

/// Between a server's slug and a tool's name. A slug has no underscore, so the first one ends it.
const SEPARATOR: &str = "__";

/// The name of a server's tool at the account's own URL.
pub fn qualified_name(server: &str, tool: &str) -> String {
    format!("{server}{SEPARATOR}{tool}")
}

/// The server's slug and the tool's own name. None if the name is not of that form.
pub fn split_qualified(name: &str) -> Option<(&str, &str)> {
    let (server, tool) = name.split_once(SEPARATOR)?;
    (!server.is_empty() && !server.contains('_') && !tool.is_empty()).then_some((server, tool))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_apart_as_they_were_put_together() {
        for (server, tool) in [("mlflow", "set_model_alias"), ("a-1", "_x"), ("a", "__"), ("a", "b__c")] {
            assert_eq!(split_qualified(&qualified_name(server, tool)), Some((server, tool)));
        }
        for name in ["", "tool", "a_b", "__tool", "server__", "a_b__tool"] {
            assert_eq!(split_qualified(name), None, "{name}");
        }
    }
}
