//! Documents with something amiss: every fault is found, at its place, and nothing else.

use policy::CompiledPolicy;

use super::{dice::Dice, json::Tree, policies, run, validate, values};

const KEYS: [&str; 14] = [
    "limits",
    "max",
    "window",
    "counter",
    "action",
    "actions",
    "Default",
    "conditions",
    "path",
    "value",
    "mode",
    "all_tools",
    "read",
    "x~/y",
];
const TEXTS: [&str; 10] = ["allow", "deny", "1", "minute", "args.a", "args", "args[", "shadow", "admin", "10.0.0.0/33"];

#[test]
fn every_fault_is_told_at_its_place() {
    let (first, count) = run::range(3_000);
    let (mut sound, mut faulty) = (0, 0);
    for seed in first..first + count {
        let mut dice = Dice::seeded(seed);
        let mut document = policies::policy(&mut dice);
        for _ in 0..dice.below(4) {
            spoil(&mut dice, &mut document);
        }
        let expected = validate::problems(&document);
        let found = CompiledPolicy::compile(&document.render()).err();
        let mut found: Vec<_> = found.into_iter().flat_map(|problems| problems.0).map(|found| found.pointer).collect();
        found.sort();
        found.dedup();
        assert_eq!(expected, found, "seed {seed}: {}", document.render());
        if found.is_empty() { sound += 1 } else { faulty += 1 }
    }
    assert!(sound > count / 20 && faulty > count / 20, "both kinds: {sound} sound, {faulty} faulty");
}

/// Changes one member somewhere.
fn spoil(dice: &mut Dice<'_>, tree: &mut Tree) {
    match tree {
        Tree::Object(members) if !members.is_empty() && dice.percent(85) => {
            let at = dice.below(members.len());
            spoil(dice, &mut members[at].1);
        }
        Tree::List(items) if !items.is_empty() && dice.percent(85) => {
            let at = dice.below(items.len());
            spoil(dice, &mut items[at]);
        }
        Tree::Object(members) => {
            let key = (*dice.pick(&KEYS)).to_owned();
            let at = dice.below(members.len() + 1);
            match dice.below(3) {
                0 if at < members.len() => drop(members.remove(at)),
                1 if at < members.len() => members[at].0 = key,
                _ => members.insert(at, (key, replacement(dice))),
            }
        }
        other => *other = replacement(dice),
    }
}

fn replacement(dice: &mut Dice<'_>) -> Tree {
    match dice.below(6) {
        0 => Tree::number(dice.pick(&values::WIDE)),
        1..=2 => Tree::text(dice.pick(&TEXTS)),
        _ => values::value(dice, 2),
    }
}
