//! A document as numbered lines, and where in it a JSON Pointer points.

use policy::{Problem, Problems};

/// The least number of lines an editor shows.
const ROWS: usize = 16;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) number: usize,
    pub(crate) text: String,
    /// Something is said about it: a problem, or a rule that decided.
    pub(crate) marked: bool,
}

/// One problem of a document, with the line it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) pointer: String,
    pub(crate) message: String,
    /// The text of the line, cut.
    pub(crate) quoted: String,
}

/// The lines of a text, the ones in `marked` marked.
pub(crate) fn lines(text: &str, marked: &[usize]) -> Vec<Line> {
    let of = |(index, line): (usize, &str)| {
        let number = index + 1;
        Line { number, text: line.to_owned(), marked: marked.contains(&number) }
    };
    text.lines().enumerate().map(of).collect()
}

/// The numbers that stand beside an editor with this text in it.
pub(crate) fn numbers(text: &str, faults: &[Fault]) -> Vec<Line> {
    let count = text.split('\n').count().max(ROWS);
    let marked = |number| faults.iter().any(|fault| fault.line == number);
    (1..=count).map(|number| Line { number, text: String::new(), marked: marked(number) }).collect()
}

/// How many rows an editor with this text has.
pub(crate) fn rows(text: &str) -> usize {
    text.split('\n').count().max(ROWS)
}

/// The problems of a text.
pub(crate) fn faults(text: &str, problems: &Problems) -> Vec<Fault> {
    let lines: Vec<&str> = text.lines().collect();
    problems.0.iter().map(|problem| fault(&lines, problem)).collect()
}

fn fault(lines: &[&str], problem: &Problem) -> Fault {
    let line = problem.line as usize;
    let quoted = lines.get(line.saturating_sub(1)).map(|text| text.trim().chars().take(120).collect());
    Fault {
        line,
        column: problem.column as usize,
        pointer: problem.pointer.clone(),
        message: problem.message.clone(),
        quoted: quoted.unwrap_or_default(),
    }
}

/// The line in which the member that a JSON Pointer names begins; none when the text has no such member.
pub(crate) fn line_of(text: &str, pointer: &str) -> Option<usize> {
    let steps = pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"));
    let mut reader = Reader { text, at: 0 };
    for step in steps {
        reader.enter(&step)?;
    }
    reader.space();
    Some(text[..reader.at].matches('\n').count() + 1)
}

/// The text with one more element at the end of `tests`; none when the text does not read as a JSON object.
pub(crate) fn with_test(text: &str, test: &str) -> Option<String> {
    let read: serde_json::Value = serde_json::from_str(text).ok()?;
    let has = match read.as_object()?.get("tests") {
        None => false,
        Some(tests) => tests.is_array().then_some(true)?,
    };
    let test = test.trim().replace('\n', "\n    ");
    let (end, added) = if has {
        let mut reader = Reader { text, at: 0 };
        reader.enter("tests")?;
        reader.space();
        reader.skip()?;
        (reader.at - 1, format!("\n    {test}\n  "))
    } else {
        (text.rfind('}')?, format!("\n  \"tests\": [\n    {test}\n  ]\n"))
    };
    let before = text.get(..end)?.trim_end();
    let comma = if before.ends_with(['{', '[']) { "" } else { "," };
    Some(format!("{before}{comma}{added}{}", text.get(end..)?))
}

/// Walks JSON text that is known to read; on anything else it gives up.
struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    /// Goes to the value of a member of the object, or the element of the array, that stands here.
    fn enter(&mut self, step: &str) -> Option<()> {
        self.space();
        match self.next()? {
            b'{' => self.enter_object(step),
            b'[' => self.enter_array(step.parse().ok()?),
            _ => None,
        }
    }

    fn enter_object(&mut self, name: &str) -> Option<()> {
        loop {
            self.space();
            let key: String = serde_json::from_str(self.string()?).ok()?;
            self.space();
            self.expect(b':')?;
            if key == name {
                return Some(());
            }
            self.skip()?;
            self.space();
            self.expect(b',')?;
        }
    }

    fn enter_array(&mut self, index: usize) -> Option<()> {
        for _ in 0..index {
            self.skip()?;
            self.space();
            self.expect(b',')?;
        }
        self.space();
        (self.peek()? != b']').then_some(())
    }

    /// Passes over one value.
    fn skip(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            self.space();
            match self.peek()? {
                b'"' => _ = self.string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' if depth > 0 => self.at += 1,
                _ => self.word()?,
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn word(&mut self) -> Option<()> {
        let rest = &self.text[self.at..];
        let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c))).unwrap_or(rest.len());
        self.at += length;
        (length > 0).then_some(())
    }

    /// Passes over a string and gives it with its quotes.
    fn string(&mut self) -> Option<&str> {
        let start = self.at;
        self.expect(b'"')?;
        loop {
            match self.next()? {
                b'\\' => self.at += 1,
                b'"' => return self.text.get(start..self.at),
                _ => {}
            }
        }
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|b| b.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{\n \"version\": \"1\",\n \"hide\": [\"a\",\n  \"b\"],\n \"tools\": {\n  \"x/y\": {},\n  \"ü\\\"}\": {\"limits\": [{\"max\": 1.5e3},\n   {\"max\":\n    2}]}}\n}";

    #[test]
    fn a_pointer_is_found_at_its_line() {
        for (pointer, line) in [
            ("", 1),
            ("/version", 2),
            ("/hide/0", 3),
            ("/hide/1", 4),
            ("/tools", 5),
            ("/tools/x~1y", 6),
            ("/tools/ü\"}/limits/0/max", 7),
            ("/tools/ü\"}/limits/1", 8),
            ("/tools/ü\"}/limits/1/max", 9),
        ] {
            assert_eq!(line_of(TEXT, pointer), Some(line), "{pointer}");
        }
        for missing in ["/default", "/hide/2", "/hide/x", "/version/0", "/tools/x~1y/limits"] {
            assert_eq!(line_of(TEXT, missing), None, "{missing}");
        }
    }

    #[test]
    fn text_that_is_not_json_points_nowhere_and_harms_nothing() {
        for text in ["", "{", "{\"a", "{\"a\":", "[[[", "{\"a\":\"\\", "]", "{\"a\"::}", "{,}", "é{"] {
            assert_eq!(line_of(text, "/b/0"), None, "{text}");
        }
    }

    #[test]
    fn a_test_is_added_at_the_end_and_nothing_else_changes() {
        let test = "{ \"name\": \"t\",\n  \"calls\": [] }";
        let begin = "{\n  \"version\": \"1\",  \"default\": \"deny\"";
        assert_eq!(
            with_test(&format!("{begin}\n}}\n"), test).unwrap(),
            format!("{begin},\n  \"tests\": [\n    {{ \"name\": \"t\",\n      \"calls\": [] }}\n  ]\n}}\n")
        );
        for tests in ["\"tests\": []", "\"tests\":[ {\"name\":\"]\"} ]", "\"tests\": [1,\n 2\n ], \"x\": {}"] {
            let text = format!("{begin}, {tests} }}");
            let added = with_test(&text, test).unwrap();
            let mut expected: serde_json::Value = serde_json::from_str(&text).unwrap();
            expected["tests"].as_array_mut().unwrap().push(serde_json::from_str(test).unwrap());
            assert_eq!(serde_json::from_str::<serde_json::Value>(&added).unwrap(), expected, "{added}");
            assert!(added.starts_with(begin), "{added}");
        }
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&with_test("{}", test).unwrap()).unwrap()["tests"][0]["name"],
            "t"
        );
        for odd in ["", "{", "[]", "{\"tests\": {}}", "{\"tests\": 1}"] {
            assert_eq!(with_test(odd, test), None, "{odd}");
        }
    }

    #[test]
    fn faults_quote_their_line_and_mark_it() {
        let problem = Problem { pointer: "/hide/1".into(), line: 4, column: 3, message: "m".into() };
        let found = faults(TEXT, &Problems(vec![problem]));
        assert_eq!((found[0].line, found[0].quoted.as_str()), (4, "\"b\"],"));
        let numbers = numbers(TEXT, &found);
        assert_eq!(numbers.len(), ROWS);
        assert!(numbers[3].marked && !numbers[2].marked);
        assert!(lines(TEXT, &[2])[1].marked);
    }
}
