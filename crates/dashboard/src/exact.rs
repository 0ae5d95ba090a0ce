//! A text of somebody else's, shown exactly and safely: nothing hides in it, and nothing of it is left out.

use crate::words;

/// Lines that stand open; what is longer is folded, not cut.
const OPEN_LINES: usize = 40;
/// The same for one line that goes on and on, in characters.
const OPEN_CHARACTERS: usize = 4_000;

/// A text as a page shows it: where it begins, and the rest behind a fold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exact {
    pub(crate) begin: String,
    /// The words of the fold and what is behind it.
    pub(crate) rest: Option<(String, String)>,
    /// Whether characters that cannot be seen stand in it, written out.
    pub(crate) hid: bool,
}

impl Exact {
    /// A text as it is.
    pub(crate) fn of(text: &str) -> Self {
        let shown = words::visible(text);
        let hid = shown != text;
        let end = fold_at(&shown);
        if end == shown.len() {
            return Self { begin: shown, rest: None, hid };
        }
        let (begin, rest) = (shown[..end].to_owned(), shown[end..].to_owned());
        let words = match rest.lines().count() {
            0 | 1 => format!("The other {} characters", rest.chars().count()),
            lines => format!("The other {lines} lines"),
        };
        Self { begin, rest: Some((words, rest)), hid }
    }

    /// JSON text laid out for reading: the same letters in the same order, with line ends and indents between them.
    pub(crate) fn of_json(text: &str) -> Self {
        Self::of(&laid_out(text))
    }
}

/// Where the fold is: after so many lines, and inside of a line only when it alone is too long.
fn fold_at(text: &str) -> usize {
    let by_characters = text.char_indices().nth(OPEN_CHARACTERS).map_or(text.len(), |(at, _)| at);
    let by_lines = text.match_indices('\n').nth(OPEN_LINES - 1).map_or(text.len(), |(at, _)| at + 1);
    let end = by_characters.min(by_lines);
    if end == text.len() {
        return end;
    }
    text[..end].rfind('\n').map_or(end, |at| at + 1)
}

/// Puts line ends and indents between the tokens of JSON text. It never parses: what is not JSON keeps every letter too.
fn laid_out(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => {
                out.push('"');
                string(&mut letters, &mut out);
            }
            '{' | '[' => {
                out.push(letter);
                skip_space(&mut letters);
                match letters.peek() {
                    Some(close @ ('}' | ']')) => {
                        out.push(*close);
                        letters.next();
                    }
                    _ => {
                        depth += 1;
                        new_line(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(letter);
            }
            ',' => {
                out.push(',');
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            ' ' | '\n' | '\r' | '\t' => {}
            other => out.push(other),
        }
    }
    out
}

type Letters<'t> = std::iter::Peekable<std::str::Chars<'t>>;

fn string(letters: &mut Letters<'_>, out: &mut String) {
    while let Some(letter) = letters.next() {
        out.push(letter);
        match letter {
            '"' => return,
            '\\' => out.extend(letters.next()),
            _ => {}
        }
    }
}

fn skip_space(letters: &mut Letters<'_>) {
    while letters.next_if(|letter| matches!(letter, ' ' | '\n' | '\r' | '\t')).is_some() {}
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_laid_out_without_touching_a_letter() {
        let text = r#"{"b":1.0,"a":[1e400,{},[ ]],"s":"x, \"{y}\" \\","b":9007199254740993}"#;
        let out = laid_out(text);
        assert_eq!(
            out,
            "{\n  \"b\": 1.0,\n  \"a\": [\n    1e400,\n    {},\n    []\n  ],\n  \"s\": \"x, \\\"{y}\\\" \\\\\",\n  \"b\": \
             9007199254740993\n}"
        );
        for odd in ["", "{", "\"\\", "]]", "{\"a\":", "tru"] {
            let bare = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            assert_eq!(bare(&laid_out(odd)), bare(odd), "{odd}");
        }
    }

    #[test]
    fn what_cannot_be_seen_is_written_out_and_said() {
        let exact = Exact::of_json("{\"to\":\"a\u{202e}b\u{200b}\"}");
        assert!(exact.hid && exact.begin.contains("a⟨U+202E⟩b⟨U+200B⟩"), "{exact:?}");
        assert!(!Exact::of("plain\ttext\n").hid);
    }

    #[test]
    fn a_long_text_is_folded_and_whole() {
        let lines: String = (0..100).map(|n| format!("{n}\n")).collect();
        let exact = Exact::of(&lines);
        let (words, rest) = exact.rest.unwrap();
        assert_eq!((exact.begin.lines().count(), words.as_str()), (40, "The other 60 lines"));
        assert_eq!(exact.begin + &rest, lines);
        let long = "é".repeat(5_000);
        let exact = Exact::of(&long);
        let (words, rest) = exact.rest.unwrap();
        assert_eq!(words, "The other 1000 characters");
        assert_eq!(exact.begin + &rest, long);
        let short = "x\n".repeat(40);
        assert_eq!(Exact::of(&short).rest, None);
    }
}
