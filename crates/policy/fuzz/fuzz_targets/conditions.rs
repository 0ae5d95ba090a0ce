//! Policies and arguments grown from the bytes: judging comes to what the model says.

#![no_main]

use libfuzzer_sys::fuzz_target;
use policy::CompiledPolicy;
use policy_fuzz::{agree, dice::Dice, json::Tree, policies, values};

fuzz_target!(|bytes: &[u8]| {
    let mut dice = Dice::seeded(1);
    dice.bytes = bytes;
    let mut rule = Tree::Object(Vec::new());
    for kind in ["require", "deny_if", "approve_if"] {
        let check = |dice: &mut Dice<'_>| {
            Tree::object(vec![("conditions", Tree::List(dice.some(2, policies::condition)))])
        };
        *rule.slot(kind) = Tree::List(dice.some(2, check));
    }
    let policy = Tree::object(vec![
        ("version", Tree::text("1")),
        ("default", Tree::text("allow")),
        ("all_tools", rule),
    ]);
    let compiled = CompiledPolicy::compile(&policy.render()).unwrap_or_else(|problems| panic!("{problems}"));
    for _ in 0..3 {
        let arguments = values::arguments(&mut dice, &policy);
        agree(&policy, &compiled, "tool", "write", arguments.as_ref());
        if let Some(arguments) = &arguments {
            projected(&compiled, arguments);
        }
    }
});

/// What a record keeps of the arguments is judged as the whole.
fn projected(compiled: &CompiledPolicy, arguments: &Tree) {
    let text = arguments.render();
    let canonical = policy::canonical_json(&text).expect("rendered JSON");
    assert_eq!(canonical, arguments.canonical().render(), "one canonical text");
    let _ = compiled.project(&text);
}
