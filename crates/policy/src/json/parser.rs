//! Recursive descent over the bytes of a text that is already valid UTF-8 (RFC 8259, nothing beyond it).

use std::borrow::Cow;

use super::{MAX_DEPTH, Member, Node, PLAIN_NUMBER, SyntaxError, Tree, Value, mark_duplicates};

/// Reads one JSON value and nothing after it.
pub(crate) fn parse(text: &str) -> Result<Tree<'_>, SyntaxError> {
    let mut parser =
        Parser { text, bytes: text.as_bytes(), at: 0, depth: 0, has_duplicates: false, has_wide_numbers: false };
    if text.starts_with('\u{feff}') {
        return Err(parser.error("found a byte order mark; allowed: UTF-8 without one"));
    }
    parser.skip_space();
    let root = parser.value()?;
    parser.skip_space();
    if parser.at < parser.bytes.len() {
        return Err(parser.unexpected("the end of the text"));
    }
    Ok(Tree { root, has_duplicates: parser.has_duplicates, has_wide_numbers: parser.has_wide_numbers })
}

struct Parser<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    depth: usize,
    has_duplicates: bool,
    has_wide_numbers: bool,
}

impl<'t> Parser<'t> {
    fn error(&self, message: impl Into<String>) -> SyntaxError {
        SyntaxError { offset: self.at, message: message.into() }
    }

    fn unexpected(&self, allowed: &str) -> SyntaxError {
        let found = match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            None => "the end of the text".to_owned(),
            Some(c) => format!("{c:?}"),
        };
        self.error(format!("not valid JSON: found {found}; allowed: {allowed}"))
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Result<Node<'t>, SyntaxError> {
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::array)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            _ => return Err(self.unexpected("a JSON value")),
        };
        Ok(Node { start, end: self.at, value })
    }

    fn word(&mut self, word: &str, value: Value<'t>) -> Result<Value<'t>, SyntaxError> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(self.unexpected("a JSON value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value<'t>, SyntaxError>) -> Result<Value<'t>, SyntaxError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(format!("found nesting deeper than {MAX_DEPTH}; allowed: up to {MAX_DEPTH}")));
        }
        self.depth += 1;
        self.at += 1;
        self.skip_space();
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn array(&mut self) -> Result<Value<'t>, SyntaxError> {
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value()?);
            if self.ends(b']', "`,` or `]`")? {
                return Ok(Value::Array(items));
            }
        }
    }

    fn object(&mut self) -> Result<Value<'t>, SyntaxError> {
        let mut members = Vec::new();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(members));
        }
        loop {
            members.push(self.member()?);
            if self.ends(b'}', "`,` or `}`")? {
                self.has_duplicates |= mark_duplicates(&mut members);
                return Ok(Value::Object(members));
            }
        }
    }

    fn member(&mut self) -> Result<Member<'t>, SyntaxError> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("a key in double quotes"));
        }
        let key_start = self.at;
        let key = self.string()?;
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(self.unexpected("`:`"));
        }
        self.at += 1;
        self.skip_space();
        let node = self.value()?;
        Ok(Member { key, key_start, duplicate: false, node })
    }

    /// After an item: a comma (more to come) or the closing byte.
    fn ends(&mut self, close: u8, allowed: &str) -> Result<bool, SyntaxError> {
        self.skip_space();
        let found = self.peek();
        if found != Some(close) && found != Some(b',') {
            return Err(self.unexpected(allowed));
        }
        self.at += 1;
        if found == Some(b',') {
            self.skip_space();
        }
        Ok(found == Some(close))
    }

    fn number(&mut self) -> Result<&'t str, SyntaxError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        let mut wide = self.at - start > PLAIN_NUMBER;
        if matches!(self.peek(), Some(b'e' | b'E')) {
            wide = true;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        self.has_wide_numbers |= wide;
        Ok(&self.text[start..self.at])
    }

    fn digits(&mut self) -> Result<(), SyntaxError> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.unexpected("a digit"));
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<Cow<'t, str>, SyntaxError> {
        self.at += 1;
        let start = self.at;
        self.plain_run();
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(&self.text[start..self.at - 1]));
        }
        let mut text = self.text[start..self.at].to_owned();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(text));
                }
                Some(b'\\') => text.push(self.escape()?),
                Some(_) => return Err(self.unexpected("control characters only as \\u escapes")),
                None => return Err(self.unexpected("the closing quote of a string")),
            }
            let run = self.at;
            self.plain_run();
            text.push_str(&self.text[run..self.at]);
        }
    }

    fn plain_run(&mut self) {
        while self.peek().is_some_and(|byte| byte != b'"' && byte != b'\\' && byte >= b' ') {
            self.at += 1;
        }
    }

    fn escape(&mut self) -> Result<char, SyntaxError> {
        let start = self.at;
        self.at += 1;
        let plain = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(start),
            _ => return Err(self.unexpected("one of \" \\ / b f n r t u after a backslash")),
        };
        self.at += 1;
        Ok(plain)
    }

    fn unicode_escape(&mut self, start: usize) -> Result<char, SyntaxError> {
        let lone = |offset| SyntaxError {
            offset,
            message: "not valid JSON: found a lone surrogate; allowed: surrogates in pairs".to_owned(),
        };
        self.at += 1;
        let high = self.hex4()?;
        if !(0xD800..0xE000).contains(&high) {
            return char::from_u32(high).ok_or_else(|| lone(start));
        }
        if !self.bytes[self.at..].starts_with(b"\\u") {
            return Err(lone(start));
        }
        self.at += 2;
        let low = self.hex4()?;
        if high >= 0xDC00 || !(0xDC00..0xE000).contains(&low) {
            return Err(lone(start));
        }
        char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)).ok_or_else(|| lone(start))
    }

    fn hex4(&mut self) -> Result<u32, SyntaxError> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|byte| char::from(byte).to_digit(16)) else {
                return Err(self.unexpected("four hexadecimal digits"));
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }
}
