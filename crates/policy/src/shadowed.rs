//! The same policy, watching only. It is shown to people, so the text is edited in place: what does not change keeps its
//! bytes, order and layout.
//!
//! Invariant: under it no rule stops a call, and `would_deny` is told exactly when the policy would have denied the call or
//! asked for approval. Rules that were in shadow before stay so, and are told too.

use crate::json::{Member, Node, Value};
use crate::{CompiledPolicy, Problems, RiskClass, document};

mod edits;
#[cfg(test)]
mod tests;

use edits::{Edits, Style};

/// The document with every rule in shadow mode and `default: allow`. Hidden patterns become rules that would hide, `default:
/// deny` becomes rules for the classes that have none, and tests, which would fail, are left out.
///
/// # Errors
/// Every problem of the document; or of what would come of it, when it leaves no room for what is added.
pub fn shadowed(document: &str) -> Result<String, Problems> {
    CompiledPolicy::compile(document)?;
    let tree = document::parse(document)?;
    let Value::Object(members) = &tree.root.value else { return Ok(document.to_owned()) };
    let mut shadowing =
        Shadowing { root: &tree.root, members, edits: Edits::new(document), style: Style::of(&tree.root, document) };
    shadowing.run();
    let shadowed = shadowing.edits.apply();
    CompiledPolicy::compile(&shadowed)?;
    Ok(shadowed)
}

struct Shadowing<'t> {
    root: &'t Node<'t>,
    members: &'t [Member<'t>],
    edits: Edits<'t>,
    style: Style<'t>,
}

impl<'t> Shadowing<'t> {
    fn run(&mut self) {
        for field in ["tools", "classes"] {
            for rule in self.get(field).and_then(members).unwrap_or_default() {
                self.watch(&rule.node);
            }
        }
        if let Some(all_tools) = self.get("all_tools") {
            self.watch(all_tools);
        }
        let hidden = self.hidden();
        match self.get("tools") {
            Some(tools) => self.edits.insert_first(tools, &hidden, &self.style.inner()),
            None if !hidden.is_empty() => self.insert_last_in_root("tools", &hidden),
            None => {}
        }
        self.watch_default();
        self.edits.remove(self.members, |member| matches!(&*member.key, "hide" | "tests"));
    }

    fn get(&self, name: &str) -> Option<&'t Node<'t>> {
        self.members.iter().find(|member| member.key == name).map(|member| &member.node)
    }

    /// Puts a rule into shadow mode.
    fn watch(&mut self, rule: &'t Node<'t>) {
        let Some(members) = members(rule) else { return };
        match members.iter().find(|member| member.key == "mode") {
            Some(mode) => self.edits.replace(&mode.node, "\"shadow\""),
            None => {
                let mode = self.style.member("mode", "\"shadow\"");
                self.edits.insert_last(rule, &[mode], &self.style);
            }
        }
    }

    /// The rules that hidden patterns are short for.
    fn hidden(&self) -> Vec<String> {
        let Some(Value::Array(patterns)) = self.get("hide").map(|hide| &hide.value) else { return Vec::new() };
        let texts = patterns.iter().map(|pattern| self.edits.text(pattern));
        texts.map(|text| self.style.quoted_member(text, &self.watching("hide"))).collect()
    }

    /// `default: deny` as rules for every class without one.
    fn watch_default(&mut self) {
        let Some(default) = self.get("default").filter(|default| self.edits.text(default) != "\"allow\"") else {
            return;
        };
        self.edits.replace(default, "\"allow\"");
        let classes = self.get("classes");
        let known = classes.and_then(members).unwrap_or_default();
        let unknown =
            RiskClass::ALL.into_iter().filter(|class| known.iter().all(|member| member.key != class.as_str()));
        let rules: Vec<String> =
            unknown.map(|class| self.style.member(class.as_str(), &self.watching("deny"))).collect();
        match classes {
            Some(classes) => self.edits.insert_last(classes, &rules, &self.style.inner()),
            None => self.insert_last_in_root("classes", &rules),
        }
    }

    fn watching(&self, action: &str) -> String {
        let members = [self.style.member("action", &format!("\"{action}\"")), self.style.member("mode", "\"shadow\"")];
        format!("{{{}}}", members.join(self.style.comma()))
    }

    /// A new member of the document, with these members.
    fn insert_last_in_root(&mut self, name: &str, members: &[String]) {
        let object = self.style.member(name, &self.style.inner().object(members));
        self.edits.insert_last(self.root, &[object], &self.style);
    }
}

fn members<'t>(node: &'t Node<'t>) -> Option<&'t [Member<'t>]> {
    match &node.value {
        Value::Object(members) => Some(members),
        _ => None,
    }
}
