//! Where the members of an object stand in a text, and edits of them.

use std::ops::Range;

use crate::edit::Edits;
use crate::json::{self, Kind, Scanner};

/// One object of a text, member by member.
#[derive(Debug)]
pub(super) struct Object {
    /// From brace to brace.
    pub at: Range<usize>,
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    key: String,
    value: Range<usize>,
}

impl Object {
    /// The object that a whole text is.
    pub(super) fn whole(text: &str) -> Option<Self> {
        Self::read(text, 0..text.len())
    }

    /// The object that is the value of a member.
    pub(super) fn inside(&self, text: &str, key: &str) -> Option<Self> {
        Self::read(text, self.value(key)?)
    }

    fn read(text: &str, within: Range<usize>) -> Option<Self> {
        let mut scanner = Scanner::again(text.get(within.clone())?);
        if scanner.peek().ok()? != Kind::Object {
            return None;
        }
        let mut members = Vec::new();
        let shifted = |range: Range<usize>| within.start + range.start..within.start + range.end;
        let read = scanner.object(&[], |scanner, key| {
            let value = scanner.value()?.range();
            members.push(Member { key: key.to_owned(), value: shifted(value) });
            Ok(())
        });
        Some(Self { at: shifted(read.ok()?.range()), members })
    }

    /// Where the value of a member stands.
    pub(super) fn value(&self, key: &str) -> Option<Range<usize>> {
        self.members.iter().rfind(|member| member.key == key).map(|member| member.value.clone())
    }

    /// The keys, in order.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, Range<usize>)> {
        self.members.iter().map(|member| (member.key.as_str(), member.value.clone()))
    }

    /// Gives members these raw values; the ones that are not there yet come first.
    pub(super) fn put(&self, edits: &mut Edits<'_>, members: &[(&str, &str)]) {
        let mut added = String::new();
        for (key, raw) in members {
            match self.value(key) {
                Some(at) => edits.replace(at, (*raw).to_owned()),
                None => {
                    json::push_quoted(&mut added, key);
                    added.push(':');
                    added.push_str(raw);
                    added.push(',');
                }
            }
        }
        if self.members.is_empty() {
            added.pop();
        }
        if !added.is_empty() {
            edits.replace(self.at.start + 1..self.at.start + 1, added);
        }
    }

    /// Takes members out, each with one comma: the one before it, or, while nothing before it stays, the one after it.
    pub(super) fn remove(&self, text: &str, edits: &mut Edits<'_>, unwanted: impl Fn(&str) -> bool) {
        let (mut any_kept, mut from) = (false, self.at.start + 1);
        for (index, member) in self.members.iter().enumerate() {
            let end = member.value.end;
            let next =
                text[end..].find(',').filter(|_| index + 1 < self.members.len()).map_or(end, |comma| end + comma + 1);
            if !unwanted(&member.key) {
                any_kept = true;
            } else if any_kept {
                edits.remove(self.members[index - 1].value.end..end);
            } else {
                edits.remove(from..next);
            }
            from = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(text: &str, unwanted: &[&str]) -> String {
        let mut edits = Edits::new(text);
        Object::whole(text).unwrap().remove(text, &mut edits, |key| unwanted.contains(&key));
        String::from_utf8(edits.apply().to_vec()).unwrap()
    }

    fn with(text: &str, members: &[(&str, &str)]) -> String {
        let mut edits = Edits::new(text);
        Object::whole(text).unwrap().put(&mut edits, members);
        String::from_utf8(edits.apply().to_vec()).unwrap()
    }

    #[test]
    fn removal_takes_one_comma_along() {
        let text = r#" { "a" : 1 , "b":[2,{"a":","}], "c":"x" }"#;
        let cases: [(&[&str], &str); 8] = [
            (&[], text),
            (&["a"], r#" { "b":[2,{"a":","}], "c":"x" }"#),
            (&["b"], r#" { "a" : 1, "c":"x" }"#),
            (&["c"], r#" { "a" : 1 , "b":[2,{"a":","}] }"#),
            (&["a", "b"], r#" { "c":"x" }"#),
            (&["a", "c"], r#" { "b":[2,{"a":","}] }"#),
            (&["b", "c"], r#" { "a" : 1 }"#),
            (&["a", "b", "c"], " { }"),
        ];
        for (unwanted, expected) in cases {
            assert_eq!(without(text, unwanted), expected, "{unwanted:?}");
        }
        assert_eq!(without("{}", &["a"]), "{}");
    }

    #[test]
    fn members_are_replaced_where_they_stand_and_added_in_front() {
        assert_eq!(with("{ }", &[("a", "1"), ("b", "[]")]), r#"{"a":1,"b":[] }"#);
        assert_eq!(with(r#"{"x":1.0}"#, &[("a", "1")]), r#"{"a":1,"x":1.0}"#);
        assert_eq!(with(r#"{"x":1.0,"a" : {}}"#, &[("a", "1"), ("b", "2")]), r#"{"b":2,"x":1.0,"a" : 1}"#);
        assert_eq!(with(r#"{"\u0061":0}"#, &[("a", "1")]), r#"{"\u0061":1}"#);
    }
}
