//! Small changes to a text whose tree is known, in the manner in which it is laid out.

use std::ops::Range;

use crate::json::{Member, Node, Value, write_string};

/// Changes to a text, made all at once.
pub(super) struct Edits<'t> {
    text: &'t str,
    /// Never overlapping.
    changes: Vec<(Range<usize>, String)>,
}

/// How a document is laid out.
#[derive(Clone)]
pub(super) struct Style<'t> {
    /// What stands before each member of the document: a line break and an indent, or nothing.
    before: String,
    /// One more indent.
    indent: &'t str,
    /// Whether spaces follow colons and commas.
    spaced: bool,
}

impl<'t> Edits<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, changes: Vec::new() }
    }

    pub(super) fn text(&self, node: &Node<'_>) -> &'t str {
        self.text.get(node.start..node.end).unwrap_or_default()
    }

    pub(super) fn replace(&mut self, node: &Node<'_>, with: &str) {
        self.changes.push((node.start..node.end, with.to_owned()));
    }

    /// Adds members at the end of an object, each laid out like the first that is there.
    pub(super) fn insert_last(&mut self, object: &Node<'_>, members: &[String], style: &Style<'_>) {
        let Some(last) = last_member(object) else { return self.fill(object, members, style) };
        let before = self.before(object, style);
        let added: String = members.iter().map(|member| format!(",{before}{member}")).collect();
        self.changes.push((last.node.end..last.node.end, added));
    }

    /// Adds members at the start of an object.
    pub(super) fn insert_first(&mut self, object: &Node<'_>, members: &[String], style: &Style<'_>) {
        let Some(first) = first_member(object) else { return self.fill(object, members, style) };
        let before = self.before(object, style);
        let added: String = members.iter().map(|member| format!("{member},{before}")).collect();
        self.changes.push((first.key_start..first.key_start, added));
    }

    fn fill(&mut self, object: &Node<'_>, members: &[String], style: &Style<'_>) {
        if let [member] = members {
            self.replace(object, &format!("{{{member}}}"));
        } else if !members.is_empty() {
            self.replace(object, &style.object(members));
        }
    }

    /// What stands between a comma and the next member of an object that has some.
    fn before(&self, object: &Node<'_>, style: &Style<'_>) -> String {
        let first = first_member(object).map(|first| first.key_start);
        let gap = first.and_then(|first| self.text.get(object.start + 1..first)).unwrap_or_default();
        if gap.contains('\n') { gap.to_owned() } else { style.space().to_owned() }
    }

    /// Takes members out of an object, with the commas that held them. One member at least has to stay.
    pub(super) fn remove(&mut self, members: &[Member<'_>], goes: impl Fn(&Member<'_>) -> bool) {
        let Some(stays) = members.iter().position(|member| !goes(member)) else { return };
        if stays > 0 {
            self.changes.push((members[0].key_start..members[stays].key_start, String::new()));
        }
        for pair in members[stays..].windows(2).filter(|pair| goes(&pair[1])) {
            self.changes.push((pair[0].node.end..pair[1].node.end, String::new()));
        }
    }

    pub(super) fn apply(mut self) -> String {
        self.changes.sort_by_key(|(range, _)| (range.start, range.end));
        let mut out = String::with_capacity(self.text.len() + 256);
        let mut from = 0;
        for (range, with) in &self.changes {
            out.push_str(self.text.get(from..range.start).unwrap_or_default());
            out.push_str(with);
            from = range.end;
        }
        out.push_str(self.text.get(from..).unwrap_or_default());
        out
    }
}

impl<'t> Style<'t> {
    /// Read off the members of the document.
    pub(super) fn of(root: &Node<'t>, text: &'t str) -> Self {
        let first = first_member(root);
        let gap = first.and_then(|first| text.get(root.start + 1..first.key_start)).unwrap_or_default();
        let value = first.and_then(|first| text.get(first.key_start..first.node.start)).unwrap_or_default();
        let broken = gap.contains('\n');
        Self {
            before: if broken { gap.to_owned() } else { String::new() },
            indent: gap.rsplit('\n').next().filter(|_| broken).unwrap_or_default(),
            spaced: broken || value.ends_with(' '),
        }
    }

    /// The style one level further in.
    pub(super) fn inner(&self) -> Self {
        if self.before.is_empty() {
            return self.clone();
        }
        Self { before: format!("{}{}", self.before, self.indent), ..self.clone() }
    }

    fn space(&self) -> &'static str {
        if self.spaced { " " } else { "" }
    }

    pub(super) fn comma(&self) -> &'static str {
        if self.spaced { ", " } else { "," }
    }

    pub(super) fn member(&self, key: &str, value: &str) -> String {
        let mut quoted = String::new();
        write_string(key, &mut quoted);
        self.quoted_member(&quoted, value)
    }

    /// With a key that is quoted already.
    pub(super) fn quoted_member(&self, key: &str, value: &str) -> String {
        format!("{key}:{}{value}", self.space())
    }

    /// An object whose members are laid out in this style, one a line if the document has lines.
    pub(super) fn object(&self, members: &[String]) -> String {
        if self.before.is_empty() {
            return format!("{{{}}}", members.join(self.comma()));
        }
        let outer = self.before.strip_suffix(self.indent).unwrap_or(&self.before);
        let lines: Vec<String> = members.iter().map(|member| format!("{}{member}", self.before)).collect();
        format!("{{{}{outer}}}", lines.join(","))
    }
}

fn first_member<'n, 't>(object: &'n Node<'t>) -> Option<&'n Member<'t>> {
    match &object.value {
        Value::Object(members) => members.first(),
        _ => None,
    }
}

fn last_member<'n, 't>(object: &'n Node<'t>) -> Option<&'n Member<'t>> {
    match &object.value {
        Value::Object(members) => members.last(),
        _ => None,
    }
}
