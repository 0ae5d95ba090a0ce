//! What the documentation says of the command line is what the program says of itself.

use std::process::Command;

/// The commands whose settings operators look up.
const COMMANDS: [&str; 5] = ["up", "control", "gateway", "connect", "migrate"];

/// A setting that can come from the environment, as a command's help tells it.
#[derive(Debug, PartialEq, Eq)]
struct Setting {
    variable: String,
    /// None: it is an argument.
    option: Option<String>,
}

#[test]
fn every_setting_stands_in_the_operations_page() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations.md"))
        .expect("the page is there");
    let mut missing = Vec::new();
    for command in COMMANDS {
        let help = Command::new(env!("CARGO_BIN_EXE_portcullis")).args([command, "--help"]).output().expect("it runs");
        let settings = settings(&String::from_utf8_lossy(&help.stdout));
        assert!(!settings.is_empty(), "the help of {command} names no setting: is it read rightly?");
        for setting in settings {
            let row = page.lines().find(|line| line.starts_with(&format!("| `{}` |", setting.variable)));
            let whole = row.is_some_and(|row| {
                let option = setting.option.as_ref().is_none_or(|option| row.contains(&format!("`{option}`")));
                option && row.contains(&format!("`{command}`"))
            });
            if !whole {
                missing.push(format!("{command}: {setting:?}"));
            }
        }
    }
    assert!(missing.is_empty(), "missing in the table \"Settings\" of docs/operations.md: {missing:#?}");
}

/// What stands in `[env: …]`, each with the option above it.
fn settings(help: &str) -> Vec<Setting> {
    let mut option = None;
    let mut found = Vec::new();
    for line in help.lines() {
        let line = line.trim_start();
        match line.split([' ', '=']).next() {
            Some(name) if name.starts_with("--") => option = Some(name.to_owned()),
            Some(name) if name.starts_with(['<', '[']) && !name.starts_with("[env:") => option = None,
            _ => {}
        }
        let named = line.split("[env: ").nth(1).and_then(|rest| rest.split(['=', ']']).next());
        found.extend(named.map(|variable| Setting { variable: variable.to_owned(), option: option.clone() }));
    }
    found
}
