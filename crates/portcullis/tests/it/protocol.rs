//! docs/protocol.md names a test for each thing that the protocol asks of a gateway: each name leads to a test, each row has
//! one or says why not, and no test of the checklist is left out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

const PAGE: &str = include_str!("../../../../docs/protocol.md");
const CRATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Where every test is one of the checklist.
const CHECKLIST: &str = "gateway/tests/it/checklist";
/// What a row begins with that has no test.
const NONE: &str = "No test: ";

/// The rows of the page's tables: the last column of each.
fn rows() -> Vec<&'static str> {
    let rows = PAGE.lines().filter(|line| line.starts_with("| ") && !line.ends_with("| shown by |"));
    rows.map(|row| row.trim_end_matches(" |").rsplit(" | ").next().expect("a row has columns")).collect()
}

/// The names in a column: `crate::file::test`.
fn names(column: &str) -> Vec<&str> {
    column.split('`').skip(1).step_by(2).filter(|name| name.matches("::").count() == 2).collect()
}

/// Every source file, by its crate.
fn sources() -> BTreeMap<String, Vec<PathBuf>> {
    let crates = fs::read_dir(CRATES).expect("the crates are there").map(|entry| entry.expect("a crate").path());
    let mut sources = BTreeMap::new();
    for path in crates.filter(|path| path.join("Cargo.toml").is_file()) {
        let name = path.file_name().expect("a crate has a name").to_string_lossy().into_owned();
        let mut files = Vec::new();
        for folder in ["src", "tests"] {
            collect(&path.join(folder), &mut files);
        }
        sources.insert(name, files);
    }
    sources
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// Whether a file goes by that name: `name.rs`, or one in its folder.
fn is_of(path: &Path, file: &str) -> bool {
    path.with_extension("").iter().any(|part| part == file)
}

/// The functions of a file that are marked as tests.
fn tests_in(path: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(path).expect("a source file can be read");
    let mut found = BTreeSet::new();
    let mut marked = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            marked = true;
        } else if let Some((_, name)) = line.split_once("fn ").filter(|_| marked) {
            found.insert(name.split('(').next().unwrap_or_default().to_owned());
            marked = false;
        }
    }
    found
}

#[test]
fn every_row_names_a_test_that_exists_or_says_why_there_is_none() {
    let sources = sources();
    assert!(rows().len() > 30, "the page has its tables");
    for column in rows() {
        let names = names(column);
        assert!(!names.is_empty() || column.starts_with(NONE), "a row without a test has to say why: {column}");
        for name in names {
            let mut parts = name.split("::");
            let (of, file, test) = (parts.next(), parts.next(), parts.next());
            let (of, file, test) = (of.unwrap_or_default(), file.unwrap_or_default(), test.unwrap_or_default());
            let files = sources.get(of).into_iter().flatten().filter(|path| is_of(path, file));
            let found = files.into_iter().any(|path| tests_in(path).contains(test));
            assert!(found, "`{name}` is no test any more: name the one that took its place in docs/protocol.md");
        }
    }
}

#[test]
fn every_test_of_the_checklist_is_on_the_page() {
    let named: BTreeSet<&str> = rows().into_iter().flat_map(names).collect();
    let mut files = Vec::new();
    collect(&Path::new(CRATES).join(CHECKLIST), &mut files);
    assert!(!files.is_empty(), "the checklist's tests are in {CHECKLIST}");
    for path in files {
        let file = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        for test in tests_in(&path) {
            let name = format!("gateway::{file}::{test}");
            assert!(named.contains(name.as_str()), "add `{name}` to its row in docs/protocol.md");
        }
    }
}
