//! `policy check` and `policy test`: files in, problems and failing tests out.

use std::{fs, path::PathBuf, process::ExitCode};

use policy::{
    CompiledPolicy, Problems,
    vectors::{self, Outcome},
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

/// Runs the tests of vector files and policy documents; the last line is `N passed, N failed`.
pub fn test(files: &[PathBuf]) -> ExitCode {
    let (mut passed, mut failed) = (0, 0);
    for file in files {
        let Some(text) = read(file) else {
            failed += 1;
            continue;
        };
        match vectors::run_file(&text) {
            Ok(report) => {
                passed += report.passed();
                failed += report.failed();
                for test in &report.tests {
                    if let Outcome::Fail(what) = &test.outcome {
                        println!("{}: {}: {what}", file.display(), test.name);
                    }
                }
            }
            Err(problems) => {
                print_problems(file, &problems);
                failed += 1;
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn read(file: &PathBuf) -> Option<String> {
    let text = fs::read(file).map_err(|error| error.to_string());
    let text = text.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned()));
    text.map_err(|error| println!("{}: {error}", file.display())).ok()
}

fn print_problems(file: &std::path::Path, problems: &Problems) {
    for problem in &problems.0 {
        let pointer = if problem.pointer.is_empty() { "the document" } else { &problem.pointer };
        println!("{}:{}:{}: {pointer}: {}", file.display(), problem.line, problem.column, problem.message);
    }
}
