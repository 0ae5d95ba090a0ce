//! Which tools gateways are told of, and which wait because their names look like another's.

use std::collections::HashSet;

use domain::DriftSetting;
use policy::{Identity, Likenesses};
use storage::ToolRow;

/// What a gateway makes of a name, with what it is told of the tools.
pub(crate) fn identity(drift: DriftSetting, tools: &[ToolRow], name: &str) -> Identity {
    let known: Vec<&str> = carried(drift, tools).map(|tool| tool.name.as_str()).collect();
    if known.contains(&name) {
        Identity::Known
    } else if known.into_iter().collect::<Likenesses>().has(name) {
        Identity::LookAlike
    } else {
        Identity::Unknown
    }
}

/// The tools that gateways are told of. Where changes are held, a tool whose present definition was not let in is left out,
/// which a gateway takes for held; one that looks like another is left out everywhere.
pub(super) fn carried(drift: DriftSetting, tools: &[ToolRow]) -> impl Iterator<Item = &ToolRow> {
    let like = look_alikes(tools);
    let noted = move |tool: &ToolRow| drift == DriftSetting::Note && !like.contains(tool.name.as_str());
    tools.iter().filter(move |tool| tool.is_accepted() || noted(tool))
}

/// Of the tools that were never let in, those whose names look like that of one that was, or that comes before them.
pub(super) fn look_alikes(tools: &[ToolRow]) -> HashSet<&str> {
    let (old, new): (Vec<&ToolRow>, Vec<&ToolRow>) = tools.iter().partition(|tool| tool.accepted_pin.is_some());
    if new.is_empty() {
        return HashSet::new();
    }
    let mut names: Likenesses = old.iter().map(|tool| tool.name.as_str()).collect();
    new.into_iter().map(|tool| tool.name.as_str()).filter(|name| names.insert(name)).collect()
}
