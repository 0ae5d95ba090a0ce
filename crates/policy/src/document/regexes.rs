//! Compiles the regular expressions of one document within bounds: each on its own (POLICY.md §1), and all together,
//! since a document has room for thousands that are each within theirs. Equal patterns are compiled once.

use std::collections::HashMap;

use regex::{Regex, RegexBuilder};

/// Largest compiled regular expression, in bytes.
const MAX_COMPILED: usize = 256 * 1024;
/// Sizes that are tried in turn; the first that suffices is counted.
const STEPS: [usize; 3] = [16 * 1024, 64 * 1024, MAX_COMPILED];
/// Bytes for all of a document: 256 of the largest, or thousands of usual ones.
const TOGETHER: usize = 64 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct Regexes {
    compiled: HashMap<String, Regex>,
    left: usize,
}

impl Regexes {
    pub(super) fn new() -> Self {
        Self { compiled: HashMap::new(), left: TOGETHER }
    }

    /// The error says what is wrong with the pattern.
    pub(super) fn compile(&mut self, pattern: &str) -> Result<Regex, String> {
        if let Some(regex) = self.compiled.get(pattern) {
            return Ok(regex.clone());
        }
        for step in STEPS {
            self.left = self
                .left
                .checked_sub(step)
                .ok_or_else(|| format!("those of this document compile to more than {TOGETHER} bytes together"))?;
            match RegexBuilder::new(pattern).size_limit(step).build() {
                Ok(regex) => {
                    self.compiled.insert(pattern.to_owned(), regex.clone());
                    return Ok(regex);
                }
                // Too small a step gives its bytes back; the largest does not, so that failing is not for free.
                Err(regex::Error::CompiledTooBig(_)) if step < MAX_COMPILED => self.left += step,
                Err(regex::Error::CompiledTooBig(_)) => {}
                Err(other) => return Err(last_line(&other.to_string())),
            }
        }
        Err(format!("compiles to more than {MAX_COMPILED} bytes"))
    }
}

/// What is wrong, without the drawing of where that the library puts before it.
fn last_line(report: &str) -> String {
    report.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_patterns_cost_once_and_all_together_are_bounded() {
        let mut regexes = Regexes::new();
        regexes.compile("^[a-z]+$").unwrap();
        let left = regexes.left;
        regexes.compile("^[a-z]+$").unwrap();
        assert_eq!((left, regexes.left), (TOGETHER - STEPS[0], left));
        assert!(regexes.compile("(").unwrap_err().contains("unclosed group"));
        assert!(regexes.compile("\\w{1000}").unwrap_err().contains("262144"));
        regexes.left = 3 * MAX_COMPILED;
        let refused = (0..100).find_map(|n| regexes.compile(&format!("\\w{{5}}{n}")).err());
        assert!(refused.unwrap().contains("together"));
    }
}
