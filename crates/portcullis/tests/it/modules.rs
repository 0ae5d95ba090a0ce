//! The walls inside crates: arrows between the modules at the top of one close no circle. The gateway's README draws them as
//! lines, and there they go to later lines only. Its `shared`, which every module may be handed, stands apart: it names the
//! types of all it holds.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

const CRATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const GATEWAY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../gateway");
/// Not in the list: what every module may name, and the root.
const APART: &[&str] = &["shared", "lib"];

/// Circles that there are: of modules that one folder could be. None may be added.
const CIRCLES: &[(&str, &[&str])] = &[
    ("mcp", &["merge", "tools"]),
    ("policy", &["compiled", "document", "judge", "schema", "simulation"]),
    ("upstream", &["authorization", "exchange"]),
];

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

/// The modules that lie on a circle, or between two.
fn on_circles(files: &[(String, String)]) -> BTreeSet<&str> {
    let modules: BTreeSet<&str> = files.iter().map(|(module, _)| module.as_str()).collect();
    let mut left: BTreeSet<&str> = modules.iter().copied().filter(|module| !APART.contains(module)).collect();
    let arrows: BTreeSet<(&str, &str)> = files
        .iter()
        .flat_map(|(module, code)| named(code).into_iter().map(move |other| (module.as_str(), other)))
        .filter(|(module, other)| module != other)
        .collect();
    loop {
        let leads = |module: &str| arrows.iter().any(|(from, to)| *from == module && left.contains(to));
        let is_led_to = |module: &str| arrows.iter().any(|(from, to)| *to == module && left.contains(from));
        let next: BTreeSet<&str> = left.iter().copied().filter(|module| leads(module) && is_led_to(module)).collect();
        if next.len() == left.len() {
            return left;
        }
        left = next;
    }
}

#[test]
fn no_crates_modules_close_a_circle() {
    for entry in fs::read_dir(CRATES).expect("crates/ can be read") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
        let files = files(&path.join("src"), None);
        let expected = CIRCLES.iter().find(|(of, _)| *of == name).map_or(&[][..], |(_, circle)| circle);
        let found: Vec<&str> = on_circles(&files).into_iter().collect();
        assert_eq!(found, expected, "modules of {name} that need each other: move what both need to one below");
    }
}

#[test]
fn circles_are_found() {
    let file = |module: &str, code: &str| (module.to_owned(), code.to_owned());
    let files = [
        file("a", "use crate::b;"),
        file("b", "use crate::{c, d};"),
        file("c", "crate::b::it();"),
        file("d", ""),
        file("shared", "use crate::a;"),
    ];
    assert_eq!(on_circles(&files), BTreeSet::from(["b", "c"]));
}

#[test]
fn the_gateways_arrows_go_down_its_list() {
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
