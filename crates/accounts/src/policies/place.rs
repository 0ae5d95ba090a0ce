//! Where a value stands in a JSON text that is known to be valid.

/// Line and column (in characters) of the value at `path`, from 1; of the text's begin when there is none.
pub(super) fn place(text: &str, path: &[&str]) -> (u32, u32) {
    let offset = find(text, path).unwrap_or(0);
    let before = text.get(..offset).unwrap_or_default();
    let lines = before.split('\n').count();
    let last = before.rsplit('\n').next().unwrap_or_default();
    (count(lines), count(last.chars().count() + 1))
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The byte offset of the value at `path`.
fn find(text: &str, path: &[&str]) -> Option<usize> {
    let mut walk = Walk { text, at: 0 };
    walk.space();
    for part in path {
        walk.enter(part)?;
    }
    Some(walk.at)
}

struct Walk<'a> {
    text: &'a str,
    at: usize,
}

impl Walk<'_> {
    /// From an object or array to its member's value.
    fn enter(&mut self, part: &str) -> Option<()> {
        let in_object = match self.peek()? {
            b'{' => true,
            b'[' => false,
            _ => return None,
        };
        self.at += 1;
        for index in 0_usize.. {
            self.space();
            if matches!(self.peek()?, b'}' | b']') {
                return None;
            }
            let name = if in_object { self.key()? } else { index.to_string() };
            if name == part {
                return Some(());
            }
            self.skip()?;
            self.space();
            if self.peek()? == b',' {
                self.at += 1;
            }
        }
        None
    }

    /// A member's key, unescaped, and on to its value.
    fn key(&mut self) -> Option<String> {
        let start = self.at;
        self.skip()?;
        let key = serde_json::from_str(self.text.get(start..self.at)?).ok()?;
        self.space();
        self.at += 1; // the colon
        self.space();
        Some(key)
    }

    /// Over one value.
    fn skip(&mut self) -> Option<()> {
        let mut values =
            serde_json::Deserializer::from_str(self.text.get(self.at..)?).into_iter::<serde::de::IgnoredAny>();
        values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(())
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|b| b.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_behind_escapes_and_other_characters() {
        let text = "{ \"a\": [1, {\"x\": 2}],\r\n \"\\u0062\": { \"é\" : \"}\", \"c\": true } }";
        assert_eq!(place(text, &["a", "1", "x"]), (1, 18));
        assert_eq!(place(text, &["b", "c"]), (2, 30));
        assert_eq!(place(text, &["nowhere"]), (1, 1));
        assert_eq!(place("", &["a"]), (1, 1));
    }
}
