//! Values and arguments at random, near what a policy asks about.

use super::{address, dice::Dice, json::Tree, path, path::Step};

pub const KEYS: [&str; 8] = ["a", "b", "n", "s", "list", "odd.key", "é ü", "0"];
pub const TEXTS: [&str; 14] = [
    "",
    "a",
    "b",
    "ab",
    "src/a",
    "src/../x",
    "é",
    "日本語",
    "prod",
    "1",
    "null",
    "a\"b\\c\n",
    "A",
    "aaaaaaaaaaaaaaaaaaaaaaaa",
];
pub const NUMBERS: [&str; 26] = [
    "0",
    "-0",
    "0.0",
    "1",
    "1.0",
    "1e0",
    "10e-1",
    "0.1e+1",
    "2",
    "2.5",
    "3",
    "10",
    "1E1",
    "100",
    "100.01",
    "99.99",
    "-1",
    "-1.5",
    "0.1",
    "0.2",
    "0.3",
    "9007199254740993",
    "9007199254740992",
    "1e999",
    "1e-999",
    "1234567890123456789012345678901234",
];
pub const WIDE: [&str; 7] = [
    "12345678901234567890123456789012345",
    "1e1000",
    "1e-1000",
    "0e1000",
    "-1e99999999999999999999",
    "10e999",
    "0.1234567890123456789012345678901234567",
];
/// The same values as some of the others, at the edge of what is read.
pub const EDGES: [&str; 4] =
    ["12345678901234567890123456789012340000", "1.00000000000000000000000000000000000000000", "0e999", "9.99e999"];

pub fn number(dice: &mut Dice<'_>) -> Tree {
    Tree::number(match dice.below(20) {
        0 => dice.pick(&EDGES).to_string(),
        1..=4 => format!("{}.{}", dice.below(12), dice.below(100)),
        _ => dice.pick(&NUMBERS).to_string(),
    })
}

pub fn text(dice: &mut Dice<'_>) -> String {
    match dice.below(4) {
        0 => dice.pick(&address::TEXTS).0.to_owned(),
        _ => (*dice.pick(&TEXTS)).to_owned(),
    }
}

/// Any value without numbers that cannot be read.
pub fn value(dice: &mut Dice<'_>, depth: usize) -> Tree {
    match dice.below(if depth == 0 { 8 } else { 11 }) {
        0 => Tree::Null,
        1 => Tree::Bool(dice.percent(50)),
        2..=4 => number(dice),
        5..=7 => Tree::Text(text(dice)),
        8..=9 => Tree::List(dice.some(3, |dice| value(dice, depth - 1))),
        _ => object(dice, depth - 1),
    }
}

fn object(dice: &mut Dice<'_>, depth: usize) -> Tree {
    let mut object = Tree::Object(Vec::new());
    for _ in 0..dice.below(4) {
        let key = *dice.pick(&KEYS);
        *object.slot(key) = value(dice, depth);
    }
    object
}

/// Arguments that have something to do with a policy: values near those that its conditions compare with.
pub fn arguments(dice: &mut Dice<'_>, policy: &Tree) -> Option<Tree> {
    if dice.percent(4) {
        return None;
    }
    let mut arguments = if dice.percent(30) { object(dice, 3) } else { Tree::Object(Vec::new()) };
    let mut asked = Vec::new();
    questions(policy, &mut asked);
    for (path, compared) in asked {
        if let (Some(steps), true) = (path::steps(path), dice.percent(75)) {
            place(dice, &mut arguments, &steps, &compared);
        }
    }
    Some(if dice.percent(20) { shuffled(dice, &arguments) } else { arguments })
}

/// Every path of a policy, with what its value is compared with.
fn questions<'p>(tree: &'p Tree, asked: &mut Vec<(&'p str, Tree)>) {
    if let (Some(path), Some(value)) = (tree.word("path"), tree.get("value")) {
        asked.push((path, value.clone()));
    }
    if let (Some(path), Some(max)) = (tree.word("amount"), tree.get("max")) {
        asked.push((path, max.clone()));
    }
    let below = tree.items().iter().chain(tree.members().iter().map(|(_, value)| value));
    below.for_each(|tree| questions(tree, asked));
}

fn place(dice: &mut Dice<'_>, at: &mut Tree, steps: &[Step], compared: &Tree) {
    let Some((step, rest)) = steps.split_first() else {
        if *at == Tree::Null || dice.percent(60) {
            *at = near(dice, compared);
        }
        return;
    };
    if let Step::Key(key) = step {
        let below = at.slot(key);
        if dice.percent(3) {
            *below = value(dice, 1);
            return;
        }
        return place(dice, below, rest, compared);
    }
    if !matches!(at, Tree::List(_)) {
        let length = [0, 1, 1, 2, 2, 3][dice.below(6)];
        *at = Tree::List(vec![Tree::Null; length]);
    }
    let Tree::List(items) = at else { return };
    match step {
        Step::Index(index) => items.get_mut(*index).into_iter().for_each(|item| place(dice, item, rest, compared)),
        _ => items.iter_mut().for_each(|item| place(dice, item, rest, compared)),
    }
}

fn near(dice: &mut Dice<'_>, compared: &Tree) -> Tree {
    match dice.below(20) {
        0 => Tree::number(dice.pick(&WIDE)),
        1..=4 => value(dice, 2),
        5..=8 => match compared {
            Tree::Number(_) => number(dice),
            // A changed URL would have a host that the table does not know.
            Tree::Text(text) if !text.contains(':') => {
                Tree::Text(format!("{}{text}{}", dice.pick(&["", "a", "/"]), dice.pick(&["", "b", "é"])))
            }
            other => Tree::List(vec![other.clone(); dice.below(3)]),
        },
        _ => match compared {
            Tree::List(items) if !items.is_empty() && dice.percent(80) => dice.pick(items).clone(),
            Tree::Bool(_) => value(dice, 1),
            other => respelled(dice, other),
        },
    }
}

/// The same value, some numbers written otherwise.
fn respelled(dice: &mut Dice<'_>, tree: &Tree) -> Tree {
    match tree {
        Tree::Number(text) if dice.percent(30) && !text.contains(['e', 'E']) => Tree::number(match dice.below(3) {
            0 => format!("{text}e0"),
            1 if text.contains('.') => format!("{text}0"),
            1 => format!("{text}.00"),
            _ => format!("{text}E-00"),
        }),
        Tree::List(items) => Tree::List(items.iter().map(|item| respelled(dice, item)).collect()),
        Tree::Object(_) => shuffled(dice, tree),
        other => other.clone(),
    }
}

/// Members in another order.
pub fn shuffled(dice: &mut Dice<'_>, tree: &Tree) -> Tree {
    match tree {
        Tree::List(items) => Tree::List(items.iter().map(|item| shuffled(dice, item)).collect()),
        Tree::Object(members) => {
            let mut members: Vec<_> = members.iter().map(|(key, value)| (key.clone(), shuffled(dice, value))).collect();
            for i in (1..members.len()).rev() {
                members.swap(i, dice.below(i + 1));
            }
            Tree::Object(members)
        }
        other => other.clone(),
    }
}
