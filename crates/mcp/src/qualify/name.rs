//! Names of tools, prompts and tasks where a URL stands for several servers: `{server}__{name}`, and `{server}+{task}`.

/// Between a server's slug and a tool's name. A slug has no underscore, so the first one ends it.
const SEPARATOR: &str = "__";
/// Between a server's slug and a task's id; a slug has none.
const TASK_SEPARATOR: char = '+';

/// The name of a server's tool or prompt at the account's own URL.
pub fn qualified_name(server: &str, tool: &str) -> String {
    format!("{server}{SEPARATOR}{tool}")
}

/// The server's slug and the tool's own name. None if the name is not of that form.
pub fn split_qualified(name: &str) -> Option<(&str, &str)> {
    let (server, tool) = name.split_once(SEPARATOR)?;
    (!server.is_empty() && !server.contains('_') && !tool.is_empty()).then_some((server, tool))
}

/// The id of a server's task at the account's own URL; as well for whatever else a server numbers itself.
pub fn qualified_task(server: &str, task: &str) -> String {
    format!("{server}{TASK_SEPARATOR}{task}")
}

/// The server's slug and the server's own id of a task. None if the id is not of that form.
pub fn split_qualified_task(task: &str) -> Option<(&str, &str)> {
    task.split_once(TASK_SEPARATOR).filter(|(server, _)| !server.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_apart_as_they_were_put_together() {
        for (server, tool) in [("mlflow", "set_model_alias"), ("a-1", "_x"), ("a", "__"), ("a", "b__c")] {
            assert_eq!(split_qualified(&qualified_name(server, tool)), Some((server, tool)));
            assert_eq!(split_qualified_task(&qualified_task(server, tool)), Some((server, tool)));
        }
        for name in ["", "tool", "a_b", "__tool", "server__", "a_b__tool"] {
            assert_eq!(split_qualified(name), None, "{name}");
        }
        assert_eq!(split_qualified_task("a+b+c"), Some(("a", "b+c")));
        assert_eq!(split_qualified_task("+b"), None);
    }
}
