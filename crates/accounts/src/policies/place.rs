//! Where values stand in a JSON text that is known to be valid.

/// Line and column (in characters) of the value at `path`, from 1; of the text's begin when there is none.
pub(super) fn place(text: &str, path: &[&str]) -> (u32, u32) {
    let offset = find(text, path).map_or(0, |walk| walk.at);
    places(text, &[offset]).pop().unwrap_or((1, 1))
}

/// The same of every item of the array at `path`, in one go.
pub(super) fn place_items(text: &str, path: &[&str]) -> Vec<(u32, u32)> {
    let Some(mut walk) = find(text, path) else { return Vec::new() };
    let mut offsets = Vec::new();
    _ = walk.items(&mut offsets);
    places(text, &offsets)
}

/// Lines and columns of rising offsets. `\n`, `\r\n` and a lone `\r` end a line.
fn places(text: &str, offsets: &[usize]) -> Vec<(u32, u32)> {
    let (mut line, mut column, mut last) = (1_u32, 1_u32, '\0');
    let mut rest = offsets.iter().peekable();
    let mut found = Vec::with_capacity(offsets.len());
    for (at, c) in text.char_indices().chain([(text.len(), '\0')]) {
        if last == '\r' && c != '\n' {
            (line, column) = (line + 1, 1);
        }
        while rest.next_if(|offset| **offset <= at).is_some() {
            found.push((line, column));
        }
        (line, column) = if c == '\n' { (line + 1, 1) } else { (line, column + 1) };
        last = c;
    }
    found
}

/// At the value at `path`.
fn find<'a>(text: &'a str, path: &[&str]) -> Option<Walk<'a>> {
    let mut walk = Walk { text, at: 0 };
    walk.space();
    for part in path {
        walk.enter(part)?;
    }
    Some(walk)
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

    /// The offsets of an array's items.
    fn items(&mut self, offsets: &mut Vec<usize>) -> Option<()> {
        if self.peek()? != b'[' {
            return None;
        }
        self.at += 1;
        loop {
            self.space();
            if self.peek()? == b']' {
                return Some(());
            }
            offsets.push(self.at);
            self.skip()?;
            self.space();
            if self.peek()? == b',' {
                self.at += 1;
            }
        }
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

    #[test]
    fn items_are_placed_in_one_go_behind_every_kind_of_line_ending() {
        let text = "{\"é\": [1,\r  {\"x\": [3]},\r\n\n\"é\" , 4]}";
        assert_eq!(place_items(text, &["é"]), [(1, 8), (2, 3), (4, 1), (4, 7)]);
        for (index, at) in place_items(text, &["é"]).into_iter().enumerate() {
            assert_eq!(place(text, &["é", &index.to_string()]), at);
        }
        assert_eq!(place_items(text, &["nowhere"]), []);
        assert_eq!(place_items("{\"a\": 1}", &["a"]), []);
    }
}
