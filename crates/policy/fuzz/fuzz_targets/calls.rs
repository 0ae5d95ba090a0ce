//! Vector files as text: where policy and calls can be read, judging them comes to what the model says.

#![no_main]

use libfuzzer_sys::fuzz_target;
use policy::CompiledPolicy;
use policy_fuzz::{agree, json, json::Tree, policies::CLASSES};

fuzz_target!(|bytes: &[u8]| {
    let Some(vector) = std::str::from_utf8(bytes).ok().and_then(json::parse) else { return };
    let Some(policy) = vector.get("policy") else { return };
    let Ok(compiled) = CompiledPolicy::compile(&policy.render()) else { return };
    if !is_for_the_model(policy) {
        return;
    }
    let calls = vector.list("tests").iter().flat_map(|test| test.list("calls"));
    for call in calls.take(10) {
        let (Some(tool), arguments) = (call.word("tool"), call.get("args")) else { continue };
        let strict = arguments.is_none_or(|tree| {
            matches!(tree, Tree::Object(_)) && policy::canonical_json(&tree.render()).is_some()
        });
        let class = CLASSES.into_iter().find(|class| call.word("class") == Some(class)).unwrap_or("write");
        if strict && tool.len() < 40 {
            agree(policy, &compiled, tool, class, arguments);
        }
    }
});

/// The model reads addresses from a table only, and tries patterns in all ways.
fn is_for_the_model(tree: &Tree) -> bool {
    let addresses = tree.word("op").is_some_and(|op| op.ends_with("cidr"));
    let patterns = tree.get("tools").map_or(&[][..], Tree::members).iter().map(|(name, _)| name.as_str());
    let mut patterns = patterns.chain(tree.list("hide").iter().filter_map(Tree::as_text));
    let below = tree.items().iter().chain(tree.members().iter().map(|(_, value)| value));
    !addresses && patterns.all(|pattern| pattern.matches('*').count() < 5) && below.into_iter().all(is_for_the_model)
}
