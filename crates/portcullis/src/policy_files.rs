//! `policy check` and `policy test`: files in, problems and failing tests out.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use counters::{
    RedisConfig,
    ledger::{CountersLedger, LedgerError},
};
use domain::{Entropy, Secret};
use policy::{
    CompiledPolicy, Problems,
    vectors::{self, FileReport, Outcome},
};

/// Validates documents; each problem is one line that an editor can jump to.
pub fn check(files: &[PathBuf]) -> ExitCode {
    let mut faulty = 0;
    for file in files {
        match read(file).map(|text| CompiledPolicy::compile(&text)) {
            Some(Ok(_)) => println!("{}: valid", file.display()),
            Some(Err(problems)) => {
                print_problems(file, &problems);
                faulty += 1;
            }
            None => faulty += 1,
        }
    }
    if faulty == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs the tests of vector files and policy documents, counted in the language's own model or in `store`; the last line is
/// `N passed, N failed`.
pub fn test(files: &[PathBuf], store: Option<&str>) -> ExitCode {
    let mut ledger = match store.map(open).transpose() {
        Ok(ledger) => ledger,
        Err(error) => {
            eprintln!("portcullis: cannot count there: {error}");
            return ExitCode::FAILURE;
        }
    };
    let (mut passed, mut failed) = (0, 0);
    for file in files {
        let Some(text) = read(file) else {
            failed += 1;
            continue;
        };
        let report = match &mut ledger {
            Some(ledger) => vectors::run_file_with(&text, ledger),
            None => vectors::run_file(&text),
        };
        match report {
            Ok(report) => {
                passed += report.passed();
                failed += report.failed();
                print_failures(file, &report);
            }
            Err(problems) => {
                print_problems(file, &problems);
                failed += 1;
            }
        }
    }
    if let Some(error) = ledger.as_ref().and_then(CountersLedger::failure) {
        println!("the counter store failed, so nothing above counts: {error}");
        failed += 1;
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints the JSON Schema of the language.
pub fn schema() -> ExitCode {
    println!("{:#}", policy::schema());
    ExitCode::SUCCESS
}

fn open(store: &str) -> Result<CountersLedger, LedgerError> {
    match store {
        "memory" => CountersLedger::memory(Entropy::System),
        url => CountersLedger::redis(&RedisConfig::new(Secret::new(url.to_owned())), Entropy::System),
    }
}

fn print_failures(file: &Path, report: &FileReport) {
    for test in &report.tests {
        if let Outcome::Fail(what) = &test.outcome {
            println!("{}: {}: {what}", file.display(), test.name);
        }
    }
}

fn read(file: &PathBuf) -> Option<String> {
    let text = fs::read(file).map_err(|error| error.to_string());
    let text = text.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned()));
    text.map_err(|error| println!("{}: {error}", file.display())).ok()
}

fn print_problems(file: &Path, problems: &Problems) {
    for problem in &problems.0 {
        let pointer = if problem.pointer.is_empty() { "the document" } else { &problem.pointer };
        println!("{}:{}:{}: {pointer}: {}", file.display(), problem.line, problem.column, problem.message);
    }
}
