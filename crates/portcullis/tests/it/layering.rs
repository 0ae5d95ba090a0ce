//! The walls between the crates, as docs/architecture.md draws them: arrows point down only, a library stays in its room.

use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Every crate and its level. An arrow may only go from a higher level to a lower one.
const LEVELS: &[(&str, u8)] = &[
    ("policy", 0),
    ("mcp", 0),
    ("domain", 1),
    ("redis-kit", 1),
    ("counters", 2),
    ("bus", 2),
    ("catalogue", 2),
    ("upstream", 2),
    ("storage", 3),
    ("gateway", 3),
    ("connector", 3),
    ("accounts", 4),
    ("web-kit", 5),
    ("dashboard", 6),
    ("oauth", 6),
    ("portcullis", 7),
];

/// The data plane: only the binary may know it.
const DATA_PLANE: &[&str] = &["gateway", "connector"];

/// Only for tests: no crate may need them to run.
const DEV_ONLY: &[&str] = &["test-support", "bench"];

/// Crates that read nothing but what they are given.
const PURE: &[&str] = &["policy", "mcp", "domain", "catalogue"];

/// Libraries that reach outside; a pure crate may have none of them.
const EFFECTS: &[&str] = &["tokio", "axum", "hyper", "hyper-util", "sqlx", "redis", "rustix", "tokio-util"];

/// A library and the only crates that may use it.
const ROOMS: &[(&str, &[&str])] = &[
    ("sqlx", &["storage"]),
    ("redis", &["redis-kit", "counters", "bus"]),
    ("askama", &["dashboard", "oauth"]),
    ("argon2", &["accounts"]),
    ("zxcvbn", &["accounts"]),
    ("hyper-rustls", &["upstream"]),
    ("clap", &["portcullis"]),
    ("anyhow", &["portcullis"]),
    ("tracing-subscriber", &["portcullis"]),
    ("rust-embed", &["dashboard", "web-kit"]),
    ("regex", &["policy"]),
    ("unicode-normalization", &["policy"]),
    ("unicode-security", &["policy"]),
    ("jsonwebtoken", &["domain"]),
];

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .expect("cargo metadata reads the workspace")
}

fn normal_dependencies(package: &Package) -> impl Iterator<Item = &str> {
    package.dependencies.iter().filter(|d| d.kind != DependencyKind::Development).map(|d| d.name.as_str())
}

#[test]
fn every_crate_has_a_level() {
    let metadata = metadata();
    let known: BTreeMap<_, _> = LEVELS.iter().copied().collect();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        assert!(
            DEV_ONLY.contains(&name) || known.contains_key(name),
            "{name} has no level: decide where it stands and add it to LEVELS and to docs/architecture.md"
        );
    }
}

#[test]
fn arrows_point_down() {
    let metadata = metadata();
    let level: BTreeMap<_, _> = LEVELS.iter().copied().collect();
    let mut broken = Vec::new();
    for package in metadata.workspace_packages() {
        let Some(own) = level.get(package.name.as_str()) else { continue };
        for dependency in normal_dependencies(package) {
            let upward = level.get(dependency).is_some_and(|other| other >= own);
            let into_data_plane = DATA_PLANE.contains(&dependency) && package.name.as_str() != "portcullis";
            if upward || into_data_plane || DEV_ONLY.contains(&dependency) {
                broken.push(format!("{} -> {dependency}", package.name));
            }
        }
    }
    assert!(broken.is_empty(), "arrows that point up, sideways or into the data plane: {broken:?}; move the code down");
}

#[test]
fn libraries_stay_in_their_rooms() {
    let metadata = metadata();
    let mut broken = Vec::new();
    for package in metadata.workspace_packages() {
        if DEV_ONLY.contains(&package.name.as_str()) {
            continue;
        }
        for dependency in normal_dependencies(package) {
            let outside =
                ROOMS.iter().any(|(library, rooms)| *library == dependency && !rooms.contains(&package.name.as_str()));
            let impure = PURE.contains(&package.name.as_str()) && EFFECTS.contains(&dependency);
            if outside || impure {
                broken.push(format!("{} uses {dependency}", package.name));
            }
        }
    }
    assert!(broken.is_empty(), "libraries outside their room: {broken:?}; ask the crate that owns the library instead");
}

#[test]
fn versions_come_from_the_one_table() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    for entry in std::fs::read_dir(root).expect("crates/ can be read") {
        let manifest = entry.expect("an entry").path().join("Cargo.toml");
        let Ok(text) = std::fs::read_to_string(&manifest) else { continue };
        let own: Vec<_> = text
            .lines()
            .skip_while(|l| !l.contains("dependencies]"))
            .filter(|l| l.contains("version = ") || (l.contains("= \"") && !l.contains(".workspace")))
            .filter(|l| !l.trim_start().starts_with(['#', '[']) && !l.starts_with("path") && !l.starts_with("name"))
            .collect();
        assert!(own.is_empty(), "{}: {own:?} belong into [workspace.dependencies] of the root", manifest.display());
    }
}
