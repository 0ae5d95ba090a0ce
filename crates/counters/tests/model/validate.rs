//! Which members of a document are amiss, by the tables of the page.

use super::{
    entry::{self, escape},
    json::Tree,
    number::{self, Number},
    path::{self, Step},
    policies::{CLASSES, FACTS, OPS, WORDS},
};

type Look = fn(&mut Problems, &str, &Tree);

/// Pointers, in no order.
#[derive(Default)]
pub struct Problems(pub Vec<String>);

pub fn problems(document: &Tree) -> Vec<String> {
    let mut problems = Problems::default();
    problems.document(document);
    problems.repeated("", document);
    let mut pointers = problems.0;
    pointers.sort();
    pointers.dedup();
    pointers
}

impl Problems {
    fn amiss(&mut self, at: &str) {
        self.0.push(at.to_owned());
    }

    fn unless(&mut self, fine: bool, at: &str) {
        if !fine {
            self.amiss(at);
        }
    }

    /// Keys that stand twice, also where nothing else is looked at.
    fn repeated(&mut self, at: &str, tree: &Tree) {
        for (i, item) in tree.items().iter().enumerate() {
            self.repeated(&format!("{at}/{i}"), item);
        }
        for (i, (key, value)) in tree.members().iter().enumerate() {
            let below = format!("{at}/{}", escape(key));
            self.unless(tree.members()[..i].iter().all(|(earlier, _)| earlier != key), &below);
            self.repeated(&below, value);
        }
    }

    /// An object of known members; those with `true` are required.
    fn fields(&mut self, at: &str, tree: &Tree, table: &[(&str, bool, Look)]) {
        let Tree::Object(members) = tree else { return self.amiss(at) };
        for (i, (key, value)) in members.iter().enumerate() {
            let below = format!("{at}/{}", escape(key));
            let repeated = members[..i].iter().any(|(earlier, _)| earlier == key);
            match table.iter().find(|(known, _, _)| known == key) {
                Some((_, _, look)) if !repeated => look(self, &below, value),
                _ => self.amiss(&below),
            }
        }
        for (key, _, _) in table.iter().filter(|(key, required, _)| *required && tree.get(key).is_none()) {
            self.amiss(&format!("{at}/{key}"));
        }
    }

    fn each(&mut self, at: &str, tree: &Tree, look: Look) {
        let Tree::List(items) = tree else { return self.amiss(at) };
        for (i, item) in items.iter().enumerate() {
            look(self, &format!("{at}/{i}"), item);
        }
    }

    fn document(&mut self, tree: &Tree) {
        self.fields(
            "",
            tree,
            &[
                ("version", true, |p, at, v| p.unless(*v == Tree::text("1"), at)),
                ("default", true, |p, at, v| p.word(at, v, &["allow", "deny"])),
                ("description", false, Self::text),
                ("hide", false, |p, at, v| p.each(at, v, Self::text)),
                ("tools", false, Self::tools),
                ("classes", false, |p, at, v| {
                    p.fields(at, v, &CLASSES.map(|class| (class, false, Self::rule as Look)));
                }),
                ("all_tools", false, |p, at, v| p.fields(at, v, &RULE[2..])),
            ],
        );
        if matches!(tree, Tree::Object(_)) {
            self.0.extend(entry::clashes(tree));
        }
    }

    fn tools(&mut self, at: &str, tree: &Tree) {
        let Tree::Object(members) = tree else { return self.amiss(at) };
        for (i, (name, value)) in members.iter().enumerate() {
            let below = format!("{at}/{}", escape(name));
            let repeated = members[..i].iter().any(|(earlier, _)| earlier == name);
            if repeated { self.amiss(&below) } else { self.rule(&below, value) }
        }
    }

    fn rule(&mut self, at: &str, tree: &Tree) {
        self.fields(at, tree, &RULE);
    }

    fn check(&mut self, at: &str, tree: &Tree) {
        self.fields(
            at,
            tree,
            &[
                ("conditions", true, |p, at, v| p.each(at, v, Self::condition)),
                ("on_deny", false, Self::text),
                ("name", false, Self::text),
            ],
        );
    }

    fn condition(&mut self, at: &str, tree: &Tree) {
        self.fields(
            at,
            tree,
            &[
                ("path", true, |p, at, v| p.unless(v.as_text().is_some_and(is_path), at)),
                ("op", true, |p, at, v| p.word(at, v, &OPS)),
                ("value", true, |_, _, _| {}),
            ],
        );
        if let (Some(op), Some(value)) = (tree.word("op").filter(|op| OPS.contains(op)), tree.get("value")) {
            self.operand(&format!("{at}/value"), op, value);
        }
    }

    fn operand(&mut self, at: &str, op: &str, value: &Tree) {
        match op {
            "in" | "not_in" if !matches!(value, Tree::List(_)) => self.amiss(at),
            "eq" | "neq" | "contains" | "not_contains" | "in" | "not_in" => self.numbers(at, value),
            "lt" | "lte" | "gt" | "gte" => {
                self.unless(value.as_number().is_some_and(|text| !number::is_wide(text)), at)
            }
            "len_lte" | "len_gte" => self.unless(value.as_number().is_some_and(is_whole), at),
            "exists" => self.unless(matches!(value, Tree::Bool(_)), at),
            "regex" | "not_regex" => {
                self.unless(value.as_text().is_some_and(|text| regex::Regex::new(text).is_ok()), at)
            }
            "cidr" | "not_cidr" if matches!(value, Tree::List(_)) => self.each(at, value, Self::network),
            "cidr" | "not_cidr" => self.network(at, value),
            _ => self.text(at, value),
        }
    }

    fn numbers(&mut self, at: &str, value: &Tree) {
        match value {
            Tree::Number(text) => self.unless(!number::is_wide(text), at),
            Tree::List(items) => {
                items.iter().enumerate().for_each(|(i, item)| self.numbers(&format!("{at}/{i}"), item));
            }
            Tree::Object(members) => {
                members.iter().for_each(|(key, value)| self.numbers(&format!("{at}/{}", escape(key)), value));
            }
            _ => {}
        }
    }

    fn network(&mut self, at: &str, value: &Tree) {
        let fine = |text: &str| {
            let (base, length) = text.split_once('/')?;
            let most = if base.parse::<std::net::IpAddr>().ok()?.is_ipv4() { 32 } else { 128 };
            (length.parse::<u8>().ok()? <= most).then_some(())
        };
        self.unless(value.as_text().and_then(fine).is_some(), at);
    }

    fn limit(&mut self, at: &str, tree: &Tree) {
        self.fields(
            at,
            tree,
            &[
                ("counter", false, |p, at, v| p.unless(v.as_text().is_some_and(is_counter), at)),
                ("window", true, Self::window),
                ("max", true, |p, at, v| p.unless(v.as_number().is_some_and(is_size), at)),
                ("scope", false, Self::scope),
                ("align", false, |p, at, v| p.word(at, v, &["sliding", "calendar"])),
                ("amount", false, |p, at, v| p.unless(v.as_text().is_some_and(is_amount), at)),
                ("count", false, |p, at, v| p.word(at, v, &["attempts", "successes"])),
                ("on_unavailable", false, |p, at, v| p.word(at, v, &["deny", "allow"])),
            ],
        );
        if let (None, Some(max)) = (tree.get("amount"), tree.get("max").and_then(Tree::as_number)) {
            self.unless(is_whole(max), &format!("{at}/max"));
        }
    }

    fn rate_limit(&mut self, at: &str, tree: &Tree) {
        self.fields(
            at,
            tree,
            &[
                ("max", true, |p, at, v| {
                    p.unless(v.as_number().is_some_and(|text| is_size(text) && is_whole(text)), at)
                }),
                ("window", true, Self::window),
                ("scope", false, Self::scope),
            ],
        );
    }

    fn window(&mut self, at: &str, value: &Tree) {
        let word = value.as_text().is_some_and(|word| WORDS.contains(&word));
        self.unless(word || value.as_number().is_some_and(|text| is_seconds(text, 2_678_400)), at);
    }

    fn scope(&mut self, at: &str, value: &Tree) {
        self.word(at, value, &["grant", "member", "session", "server", "account"]);
    }

    fn approval(&mut self, at: &str, tree: &Tree) {
        self.fields(
            at,
            tree,
            &[
                ("timeout", false, |p, at, v| {
                    p.unless(v.as_number().is_some_and(|text| is_seconds(text, u32::MAX)), at);
                }),
                ("approvers", false, |p, at, v| match v {
                    Tree::Object(_) => p.fields(at, v, &[("team", true, Self::slug)]),
                    word => p.word(at, word, &["admin", "policy_manager"]),
                }),
                ("self", false, |p, at, v| p.unless(matches!(v, Tree::Bool(_)), at)),
            ],
        );
    }

    /// Nobody's name is empty.
    fn slug(&mut self, at: &str, value: &Tree) {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let fits =
            |text: &str| (1..=40).contains(&text.len()) && text.chars().all(inner) && text.trim_matches('-') == text;
        self.unless(value.as_text().is_some_and(fits), at);
    }

    fn text(&mut self, at: &str, value: &Tree) {
        self.unless(value.as_text().is_some(), at);
    }

    fn word(&mut self, at: &str, value: &Tree, words: &[&str]) {
        self.unless(value.as_text().is_some_and(|word| words.contains(&word)), at);
    }
}

const RULE: [(&str, bool, Look); 9] = [
    ("action", false, |p, at, v| p.word(at, v, &["allow", "deny", "hide", "require_approval"])),
    ("reason", false, |p, at, v| p.unless(v.as_text().is_some_and(|text| text.chars().count() <= 500), at)),
    ("require", false, |p, at, v| p.each(at, v, Problems::check)),
    ("deny_if", false, |p, at, v| p.each(at, v, Problems::check)),
    ("approve_if", false, |p, at, v| p.each(at, v, Problems::check)),
    ("limits", false, |p, at, v| p.each(at, v, Problems::limit)),
    ("rate_limit", false, Problems::rate_limit),
    ("approval", false, Problems::approval),
    ("mode", false, |p, at, v| p.word(at, v, &["enforce", "shadow"])),
];

fn is_path(text: &str) -> bool {
    FACTS.contains(&text) || path::steps(text).is_some_and(|steps| !steps.is_empty())
}

fn is_amount(text: &str) -> bool {
    path::steps(text).is_some_and(|steps| !steps.is_empty() && !steps.contains(&Step::Every))
}

fn is_counter(text: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    (1..=128).contains(&text.len()) && text.chars().all(known)
}

/// 0 or more, and readable.
fn is_size(text: &str) -> bool {
    let number = Number::parse(text).0;
    !number::is_wide(text) && (number.is_zero() || !number.negative)
}

fn is_whole(text: &str) -> bool {
    let number = Number::parse(text).0;
    !number::is_wide(text) && (number.is_zero() || number.top >= number.digits.len() as i64 - 1)
}

/// From 1 to the most.
fn is_seconds(text: &str, most: u32) -> bool {
    let number = Number::parse(text).0;
    let most = Number::parse(&most.to_string()).0;
    is_whole(text) && number.compare(&Number::zero()).is_gt() && number.compare(&most).is_le()
}
