//! Without calls: the catalogue's policy for the classes of a server's tools, each line explained.

use policy::RiskClass;
use serde_json::Value;
use storage::ToolRow;

use super::{SuggestedLine, Suggestion, SuggestionSource, write::listed};

const NOT_CALLED: &str =
    "Nothing was called yet, so this goes by what the tools can do. What no class lets pass is denied.";
/// By class: the line, and what is said of its tools.
const CLASSES: [(RiskClass, &str, &str); 4] = [
    (RiskClass::Read, "/classes/read", "They look and change nothing, so they pass"),
    (
        RiskClass::Write,
        "/classes/write/limits/0",
        "They change something: together enough calls for work, too few for a loop gone wrong",
    ),
    (RiskClass::Execute, "/classes/execute/limits/0", "They run something: together held to a few calls a minute"),
    (RiskClass::Financial, "/classes/financial", "They move money, which a person does"),
];

pub(super) fn suggest(tools: &[ToolRow]) -> Suggestion {
    let classed: Vec<(&str, RiskClass)> = tools.iter().map(|row| (row.name.as_str(), row.class)).collect();
    let document = catalogue::recommend_for_server(&classed).document;
    let read: Value = serde_json::from_str(&document).unwrap_or_default();
    let mut why = vec![line("/default", NOT_CALLED)];
    let hidden = read.get("hide").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    why.extend(hidden.enumerate().map(|(index, name)| {
        let evidence = tools.iter().find(|row| row.name == name).and_then(|row| row.evidence.first());
        let evidence = evidence.map(|evidence| format!(" ({evidence})")).unwrap_or_default();
        line(
            &format!("/hide/{index}"),
            &format!("{name} destroys{evidence}: out of sight, nobody calls it by mistake."),
        )
    }));
    for (class, pointer, what) in CLASSES.into_iter().filter(|(_, pointer, _)| read.pointer(pointer).is_some()) {
        let names = listed(tools.iter().filter(|row| row.class == class).map(|row| row.name.as_str()));
        let names = names.map(|names| format!(": {names}")).unwrap_or_default();
        why.push(line(pointer, &format!("{what}{names}.")));
    }
    Suggestion { document, why, source: SuggestionSource::Classes }
}

fn line(pointer: &str, why: &str) -> SuggestedLine {
    SuggestedLine { pointer: pointer.to_owned(), why: why.to_owned() }
}
