//! Words of tool names and descriptions, and what each says about risk. The lists are in `words.txt`.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use policy::RiskClass;

/// How much a word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strength {
    /// The server's own word that the tool is read-only outweighs it (`run_report`, `generate_summary`).
    Weak,
    /// Nothing the server says of itself outweighs it.
    Strong,
}

#[derive(Default)]
struct Words {
    verbs: HashMap<&'static str, (RiskClass, Strength)>,
    also_things: HashSet<&'static str>,
    money: HashSet<&'static str>,
}

static WORDS: LazyLock<Words> = LazyLock::new(|| read(include_str!("words.txt")));

/// Words behind which no verb stands: `link_traces_to_run`.
const PREPOSITIONS: &[&str] = &["to", "from", "of", "for", "with", "by", "in", "on", "as", "into", "at"];

/// Words behind which a second verb stands: `get_or_create`, `find_and_replace`.
const JOINTS: &[&str] = &["or", "and", "then"];

/// What a word says as a verb; also in the third person (`deletes`) and as an `-ing` form.
pub(crate) fn verb(word: &str) -> Option<(RiskClass, Strength)> {
    base_forms(word).iter().find_map(|form| WORDS.verbs.get(form.as_str()).copied())
}

pub(crate) fn is_money(word: &str) -> bool {
    WORDS.money.contains(word)
}

/// Whether another verb in the same name goes before this one.
pub(crate) fn is_also_a_thing(word: &str) -> bool {
    word.ends_with("ing") || base_forms(word).iter().any(|form| WORDS.also_things.contains(form.as_str()))
}

pub(crate) fn is_preposition(word: &str) -> bool {
    PREPOSITIONS.contains(&word)
}

pub(crate) fn is_joint(word: &str) -> bool {
    JOINTS.contains(&word)
}

/// The words of a name, lower case: split at everything but letters and digits and where a capital follows a small letter
/// (`deleteRun`, `HTTPServer` → `http`, `server`).
pub(crate) fn of_name(name: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let characters: Vec<char> = name.chars().collect();
    for (i, &c) in characters.iter().enumerate() {
        if !c.is_alphanumeric() {
            words.push(String::new());
            continue;
        }
        let after_small = i > 0 && (characters[i - 1].is_lowercase() || characters[i - 1].is_numeric());
        let before_small =
            i > 0 && characters[i - 1].is_uppercase() && characters.get(i + 1).is_some_and(|n| n.is_lowercase());
        if c.is_uppercase() && (after_small || before_small) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|w| !w.is_empty());
    words
}

/// Reads the lists: `<class> <strength> <word>…`, `thing also <word>…`, `thing money <word>…`.
fn read(text: &'static str) -> Words {
    let mut words = Words::default();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut parts = line.split_whitespace();
        let (Some(first), Some(second)) = (parts.next(), parts.next()) else { continue };
        let strength = if second == "strong" { Strength::Strong } else { Strength::Weak };
        match (RiskClass::parse(first), second) {
            (Some(class), _) => parts.for_each(|word| _ = words.verbs.entry(word).or_insert((class, strength))),
            (None, "money") => words.money.extend(parts),
            (None, _) => words.also_things.extend(parts),
        }
    }
    words
}

fn base_forms(word: &str) -> Vec<String> {
    let mut forms = vec![word.to_owned()];
    if let Some(stem) = word.strip_suffix("ies") {
        forms.push(format!("{stem}y"));
    }
    if let Some(stem) = word.strip_suffix("es") {
        forms.push(stem.to_owned());
    }
    if let Some(stem) = word.strip_suffix('s') {
        forms.push(stem.to_owned());
    }
    if let Some(stem) = word.strip_suffix("ing") {
        forms.push(stem.to_owned());
        forms.push(format!("{stem}e"));
    }
    forms
}

#[cfg(test)]
mod tests {
    use RiskClass::{Destructive, Read, Write};

    use super::*;

    #[test]
    fn names_split_into_words() {
        for (name, words) in [
            ("set_model_alias", "set model alias"),
            ("deleteRun", "delete run"),
            ("HTTPServerStart", "http server start"),
            ("agentpact.request-refund", "agentpact request refund"),
            ("getV2Items", "get v2 items"),
            ("__x__", "x"),
        ] {
            assert_eq!(of_name(name).join(" "), words);
        }
    }

    #[test]
    fn verbs_are_known_in_their_forms() {
        for (word, class) in
            [("deletes", Destructive), ("deleting", Destructive), ("pushes", Write), ("copies", Write), ("gets", Read)]
        {
            assert_eq!(verb(word).map(|v| v.0), Some(class), "{word}");
        }
        assert_eq!(verb("model"), None);
        let weak = |word| verb(word).map(|v| v.1) == Some(Strength::Weak);
        assert!(weak("run") && weak("cancel") && !weak("delete"));
        assert!(is_also_a_thing("tags") && is_money("refund"));
    }
}
