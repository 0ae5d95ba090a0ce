//! What the account's URL can do: whatever one of its servers can, as far as it is on for that server and can be carried.

use bytes::Bytes;
use domain::{Access, ServerSettings};
use mcp::{Era, Id, Request, code};
use serde_json::{Map, Value, json};

/// The extensions whose methods and names are known here, so that they can be carried.
const TASKS: &str = "io.modelcontextprotocol/tasks";
const INTERFACES: &str = "io.modelcontextprotocol/ui";

/// The capabilities of all servers as one server's. Tools are always there, and the gateway itself tells when any list
/// has changed.
pub(super) fn union<'a>(era: Era, servers: impl Iterator<Item = (&'a ServerSettings, Era, &'a Value)>) -> Value {
    let mut all = Map::new();
    all.insert("tools".to_owned(), json!({"listChanged": true}));
    for (settings, theirs, capabilities) in servers {
        let on = |access: Access, name: &str| {
            capabilities.get(name).filter(|value| value.is_object() && access == Access::On)
        };
        if on(settings.prompts, "prompts").is_some() {
            all.insert("prompts".to_owned(), json!({"listChanged": true}));
        }
        if let Some(resources) = on(settings.resources, "resources") {
            let resources_of_all = member(&mut all, "resources");
            resources_of_all.insert("listChanged".to_owned(), json!(true));
            if resources.get("subscribe") == Some(&json!(true)) {
                resources_of_all.insert("subscribe".to_owned(), json!(true));
            }
        }
        for (access, name) in [(settings.completion, "completions"), (settings.logging, "logging")] {
            if on(access, name).is_some() {
                member(&mut all, name);
            }
        }
        // The two eras' tasks are two protocols; only a server of the client's own era has those of that era.
        if theirs == era {
            add_tasks(&mut all, era, settings, capabilities);
        }
    }
    Value::Object(all)
}

/// Whether the client of a stateless request declares that it knows tasks.
pub(super) fn declares_tasks(request: &Request<'_>) -> bool {
    let declared = request.params.as_ref().and_then(|params| params.meta.as_ref()?.client_capabilities);
    let declared: Option<Value> = declared.and_then(|raw| serde_json::from_str(raw).ok());
    declared.is_some_and(|declared| declared["extensions"].get(TASKS).is_some())
}

/// The answer to a client that asks for a task and does not declare that it knows tasks (2026-07-28 basic/index "Error
/// Codes").
pub(super) fn tasks_not_declared(id: &Id<'_>) -> Bytes {
    let data = json!({"requiredCapabilities": {"extensions": {TASKS: {}}}});
    let words = "Missing required client capability";
    mcp::error_response(Some(id), code::MISSING_CLIENT_CAPABILITY, words, Some(&data))
}

fn add_tasks(all: &mut Map<String, Value>, era: Era, settings: &ServerSettings, capabilities: &Value) {
    let tasks_on = settings.tasks == Access::On;
    if era == Era::Initialize {
        if let Some(Value::Object(tasks)) = capabilities.get("tasks").filter(|_| tasks_on) {
            merge(member(all, "tasks"), tasks);
        }
        return;
    }
    for (name, on) in [(TASKS, tasks_on), (INTERFACES, true)] {
        if let Some(Value::Object(extension)) = capabilities["extensions"].get(name).filter(|_| on) {
            merge(member(member(all, "extensions"), name), extension);
        }
    }
}

/// The object under a name, made if there is none.
fn member<'m>(object: &'m mut Map<String, Value>, name: &str) -> &'m mut Map<String, Value> {
    let value = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(object) => object,
        _ => unreachable!("made an object above"),
    }
}

fn merge(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    for (name, value) in from {
        match value {
            Value::Object(inner) => merge(member(into, name), inner),
            other => {
                into.entry(name.clone()).or_insert_with(|| other.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_server_can_the_url_can_unless_it_is_off_there() {
        let on = ServerSettings::default();
        let off = ServerSettings { prompts: Access::Off, logging: Access::Off, tasks: Access::Off, ..on.clone() };
        let all = json!({"tools": {}, "prompts": {}, "logging": {}, "completions": {}, "experimental": {"x": {}},
            "resources": {"subscribe": true}, "tasks": {"list": {}, "requests": {"tools": {"call": {}}}},
            "extensions": {TASKS: {}, "x/y": {}, INTERFACES: {"a": 1}}});
        let of = |era, servers: &[(&ServerSettings, Era, &Value)]| union(era, servers.iter().copied());
        let tools = json!({"tools": {"listChanged": true}});
        assert_eq!(of(Era::Initialize, &[]), tools);
        let legacy = of(Era::Initialize, &[(&on, Era::Initialize, &all)]);
        let expected = json!({"tools": {"listChanged": true}, "prompts": {"listChanged": true}, "logging": {},
            "completions": {}, "resources": {"listChanged": true, "subscribe": true},
            "tasks": {"list": {}, "requests": {"tools": {"call": {}}}}});
        assert_eq!(legacy, expected);
        let modern = of(Era::Stateless, &[(&off, Era::Stateless, &all)]);
        let expected = json!({"tools": {"listChanged": true}, "completions": {},
            "resources": {"listChanged": true, "subscribe": true}, "extensions": {INTERFACES: {"a": 1}}});
        assert_eq!(modern, expected);
        let odd = json!({"prompts": true, "resources": null, "tasks": 7});
        assert_eq!(of(Era::Initialize, &[(&on, Era::Initialize, &odd)]), tools);
        let crossing = of(Era::Stateless, &[(&on, Era::Initialize, &all)]);
        assert_eq!(crossing.get("extensions"), None);
    }
}
