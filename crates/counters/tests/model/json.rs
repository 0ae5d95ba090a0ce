//! A JSON tree that keeps numbers as they are written and members in their order.

use std::fmt::Write as _;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tree {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl Tree {
    pub fn text<T: AsRef<str> + ?Sized>(text: &T) -> Self {
        Self::Text(text.as_ref().to_owned())
    }

    pub fn number(number: impl ToString) -> Self {
        Self::Number(number.to_string())
    }

    pub fn object(members: Vec<(&str, Tree)>) -> Self {
        Self::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    pub fn get(&self, key: &str) -> Option<&Tree> {
        self.members().iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The member with this key, made if need be.
    pub fn slot(&mut self, key: &str) -> &mut Tree {
        if !matches!(self, Self::Object(_)) {
            *self = Self::Object(Vec::new());
        }
        let Self::Object(members) = self else { unreachable!("made one above") };
        let at = members.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
            members.push((key.to_owned(), Self::Null));
            members.len() - 1
        });
        &mut members[at].1
    }

    pub fn members(&self) -> &[(String, Tree)] {
        if let Self::Object(members) = self { members } else { &[] }
    }

    pub fn items(&self) -> &[Tree] {
        if let Self::List(items) = self { items } else { &[] }
    }

    /// The items of the list under `key`; none without it.
    pub fn list(&self, key: &str) -> &[Tree] {
        self.get(key).map_or(&[], Self::items)
    }

    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The text under `key`.
    pub fn word(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Self::as_text)
    }

    pub fn as_number(&self) -> Option<&str> {
        if let Self::Number(text) = self { Some(text) } else { None }
    }

    /// Compact text, members in their order.
    pub fn render(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    /// The same for every order of members.
    pub fn canonical(&self) -> Tree {
        match self {
            Self::List(items) => Self::List(items.iter().map(Self::canonical).collect()),
            Self::Object(members) => {
                let mut sorted: Vec<_> = members.iter().map(|(key, value)| (key.clone(), value.canonical())).collect();
                sorted.sort_by(|a, b| a.0.cmp(&b.0));
                Self::Object(sorted)
            }
            other => other.clone(),
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(yes) => out.push_str(if *yes { "true" } else { "false" }),
            Self::Number(text) => out.push_str(text),
            Self::Text(text) => write_text(out, text),
            Self::List(items) => {
                for (i, item) in items.iter().enumerate() {
                    out.push(if i == 0 { '[' } else { ',' });
                    item.write(out);
                }
                out.push_str(if items.is_empty() { "[]" } else { "]" });
            }
            Self::Object(members) => {
                for (i, (key, value)) in members.iter().enumerate() {
                    out.push(if i == 0 { '{' } else { ',' });
                    write_text(out, key);
                    out.push(':');
                    value.write(out);
                }
                out.push_str(if members.is_empty() { "{}" } else { "}" });
            }
        }
    }
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Reads a text; for the examples. Not strict: it is never used to decide what is JSON.
pub fn parse(text: &str) -> Option<Tree> {
    let mut reader = Reader { rest: text };
    let tree = reader.value()?;
    reader.space();
    reader.rest.is_empty().then_some(tree)
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\n', '\r', '\t']);
    }

    fn eat(&mut self, word: &str) -> Option<()> {
        self.space();
        self.rest = self.rest.strip_prefix(word)?;
        Some(())
    }

    fn value(&mut self) -> Option<Tree> {
        self.space();
        match self.rest.chars().next()? {
            'n' => self.eat("null").map(|()| Tree::Null),
            't' => self.eat("true").map(|()| Tree::Bool(true)),
            'f' => self.eat("false").map(|()| Tree::Bool(false)),
            '"' => self.string().map(Tree::Text),
            '[' => self.list(),
            '{' => self.object(),
            _ => {
                let end = self.rest.find(|c: char| !"+-.eE0123456789".contains(c)).unwrap_or(self.rest.len());
                let (number, rest) = self.rest.split_at(end);
                self.rest = rest;
                (!number.is_empty()).then(|| Tree::number(number))
            }
        }
    }

    fn list(&mut self) -> Option<Tree> {
        self.eat("[")?;
        let mut items = Vec::new();
        if self.eat("]").is_some() {
            return Some(Tree::List(items));
        }
        loop {
            items.push(self.value()?);
            if self.eat(",").is_none() {
                return self.eat("]").map(|()| Tree::List(items));
            }
        }
    }

    fn object(&mut self) -> Option<Tree> {
        self.eat("{")?;
        let mut members = Vec::new();
        if self.eat("}").is_some() {
            return Some(Tree::Object(members));
        }
        loop {
            self.space();
            let key = self.string()?;
            self.eat(":")?;
            members.push((key, self.value()?));
            if self.eat(",").is_none() {
                return self.eat("}").map(|()| Tree::Object(members));
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        let mut end = 1;
        while self.rest.as_bytes().get(end)? != &b'"' {
            end += if self.rest.as_bytes()[end] == b'\\' { 2 } else { 1 };
        }
        let (quoted, rest) = self.rest.split_at_checked(end + 1)?;
        self.rest = rest;
        serde_json::from_str(quoted).ok()
    }
}
