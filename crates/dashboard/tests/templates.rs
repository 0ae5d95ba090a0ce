//! What no template may have, whatever page it is rendered for.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::{fs, path::Path};

/// The expressions that may put markup into a page: attributes that are made of our own names, and parts that are templates themselves.
const MARKUP: [&str; 16] = [
    "errors.aria(",
    "check",
    "connect",
    // JSON made for a script element, see pages::policy::data.
    "data",
    "effect",
    "editor",
    "first_call",
    "form",
    "grant_form",
    "list",
    "oauth",
    "probe.render()?",
    "problems",
    "state",
    "tools",
    "tried",
];

fn templates() -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/templates"), &mut found);
    assert!(found.len() > 10, "the templates are where they were");
    found
}

fn collect(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn nothing_is_taken_as_markup_but_what_is_listed() {
    for (name, text) in templates() {
        assert!(!text.contains("autoescape") && !text.contains("|escape"), "{name} meddles with escaping");
        for expression in text.split("{{").skip(1).filter_map(|rest| rest.split("}}").next()) {
            let (value, filter) = expression.trim().split_once('|').unwrap_or((expression, ""));
            let unescaped = filter.contains("safe");
            let listed =
                MARKUP.iter().any(|known| value == *known || (known.ends_with('(') && value.starts_with(known)));
            assert!(!unescaped || listed, "{name}: {{{{{expression}}}}} would be taken as markup");
        }
    }
}

#[test]
fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
    for (name, text) in templates() {
        for odd in [
            " style=",
            "<style",
            " onclick=",
            " onsubmit=",
            " onload=",
            " onerror=",
            "javascript:",
            "<iframe",
            "<object",
        ] {
            assert!(!text.contains(odd), "{name} has {odd:?}");
        }
        for script in text.split("<script").skip(1) {
            let tag = script.split('>').next().unwrap();
            let data = tag.contains("type=\"application/json\"");
            assert!(
                data || tag.contains("nonce=\"{{ shell.nonce }}\"") && tag.contains("src=\"{{ shell.asset("),
                "{name}: <script{tag}>"
            );
        }
        for source in text.split(" src=\"").skip(1) {
            assert!(
                source.starts_with("{{ shell.asset("),
                "{name}: a source that is no file of ours: {:?}",
                source.get(..40)
            );
        }
    }
}

#[test]
fn a_page_has_one_main_heading() {
    let templates = templates();
    let stands_round_others = |name: &str| {
        let file = name.rsplit('/').next().unwrap();
        templates.iter().any(|(_, text)| text.contains(&format!("{{% extends \"{file}\" %}}")))
    };
    for (name, text) in &templates {
        if text.contains("{% extends") && !stands_round_others(name) {
            assert_eq!(text.matches("<h1").count(), 1, "{name}");
        } else {
            assert_eq!(text.matches("<h1").count(), 0, "{name} is a part: the page has the heading");
        }
    }
}

#[test]
fn a_form_that_changes_something_is_posted() {
    for (name, text) in templates() {
        for form in text.split("<form").skip(1).filter_map(|rest| rest.split('>').next()) {
            assert!(
                form.contains("method=\"post\"") || form.contains("method=\"get\""),
                "{name}: <form{form}> says no method"
            );
        }
    }
}
