//! Every vector file beside this one passes. A new rule of the language, and each mended bug, gets a file.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
use std::fs;
use std::path::{Path, PathBuf};

use policy::CompiledPolicy;
use policy::vectors::{Outcome, run_file};

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_vector_passes() {
    let mut failures = Vec::new();
    let mut tests = 0;
    for file in files() {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        match run_file(&fs::read_to_string(&file).unwrap()) {
            Err(problems) => failures.push(format!("{name}: {problems}")),
            Ok(report) => {
                assert!(!report.tests.is_empty(), "{name} tests nothing");
                tests += report.tests.len();
                failures.extend(report.tests.into_iter().filter_map(|test| match test.outcome {
                    Outcome::Pass => None,
                    Outcome::Fail(why) => Some(format!("{name}: {}: {why}", test.name)),
                }));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(tests >= 15, "the folder of vectors was found");
}

#[test]
fn the_examples_of_the_manual_are_sound() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/policy.md");
    let manual = fs::read_to_string(manual).unwrap();
    let blocks = manual.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let (documents, tests): (Vec<&str>, Vec<&str>) =
        blocks.filter(|block| !block.contains("json.schemas")).partition(|block| block.contains("\"version\": \"1\""));
    assert!(documents.len() >= 2 && !tests.is_empty());
    for document in &documents {
        CompiledPolicy::compile(document).unwrap_or_else(|problems| panic!("{document}\n{problems}"));
    }
    for test in tests {
        let report = run_file(&format!("{{\"policy\": {}, \"tests\": [{test}]}}", documents[0])).unwrap();
        assert_eq!((report.passed(), report.failed()), (1, 0), "{test}");
    }
}
