//! The walls inside the gateway, as its README draws them: arrows between its modules go to later lines of that list only,
//! so they close no circle. `shared`, which every module may be handed, stands apart: it names the types of all it holds.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

const GATEWAY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../gateway");
/// Not in the list: what every module may name, and the root.
const APART: &[&str] = &["shared", "lib"];

/// The line of the README's list that each module stands on.
fn drawn() -> BTreeMap<String, usize> {
    let readme = fs::read_to_string(Path::new(GATEWAY).join("README.md")).expect("the README can be read");
    let (_, list) = readme.split_once("```text\n").expect("the README draws the modules");
    let (list, _) = list.split_once("```").expect("the drawing ends");
    let line = |(number, line): (usize, &str)| {
        let (names, _) = line.split_once(':').unwrap_or((line, ""));
        names.split(", ").map(move |name| (name.trim().to_owned(), number)).collect::<Vec<_>>()
    };
    list.lines().enumerate().flat_map(line).collect()
}

/// Every file of a folder, with the module at the top that it belongs to; tests are left out.
fn files(folder: &Path, top: Option<&str>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
        let module = top.unwrap_or(&name).to_owned();
        if path.is_dir() {
            found.extend(files(&path, Some(&module)));
        } else if name != "tests" {
            let text = fs::read_to_string(&path).expect("a file can be read");
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let code: Vec<_> = code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
            found.push((module, code.join("\n")));
        }
    }
    found
}

/// The modules at the top that code names, by paths that begin with `crate`.
fn named(code: &str) -> BTreeSet<&str> {
    code.split("crate::").skip(1).flat_map(of_path).collect()
}

/// The first names of a path, or of each path of a group.
fn of_path(path: &str) -> Vec<&str> {
    let Some(group) = path.strip_prefix('{') else { return vec![first(path)] };
    let (mut depth, mut begins, mut names) = (0, 0, Vec::new());
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' | ',' if depth == 0 => {
                names.push(first(&group[begins..at]));
                begins = at + 1;
                if character == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names
}

fn first(path: &str) -> &str {
    let path = path.trim_start();
    let ends = path.find(|character: char| !(character.is_alphanumeric() || character == '_')).unwrap_or(path.len());
    &path[..ends]
}

#[test]
fn the_gateways_modules_close_no_circle() {
    let drawn = drawn();
    let files = files(&Path::new(GATEWAY).join("src"), None);
    let modules: BTreeSet<&str> = files.iter().map(|(module, _)| module.as_str()).collect();
    let expected: BTreeSet<&str> = modules.iter().copied().filter(|module| !APART.contains(module)).collect();
    let listed: BTreeSet<&str> = drawn.keys().map(String::as_str).collect();
    assert_eq!(listed, expected, "the list of modules in crates/gateway/README.md is not the modules there are");
    let mut broken = BTreeSet::new();
    for (module, code) in files.iter().filter(|(module, _)| !APART.contains(&module.as_str())) {
        for other in named(code).into_iter().filter(|other| other != module && drawn.contains_key(*other)) {
            if drawn[other] <= drawn[module] {
                broken.insert(format!("{module} -> {other}"));
            }
        }
    }
    assert!(
        broken.is_empty(),
        "arrows that do not point down in the list of crates/gateway/README.md: {broken:?}; move what both need to a module \
         below, or let the upper one hand it in"
    );
}

#[test]
fn names_are_found_in_groups_and_alone() {
    let code = "use crate::{a::{self, B}, c, d_e::F};\nuse crate::g::H; crate::i::j();";
    assert_eq!(named(code), BTreeSet::from(["a", "c", "d_e", "g", "i"]));
}
