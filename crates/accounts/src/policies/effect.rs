//! What publishing a document would change: for each tool of the server, and for the calls of the last days.

mod needs;
mod path;
mod replay;
mod world;

use std::{cmp::Ordering, collections::BTreeMap};

use domain::{CallId, GrantId, Name, Permission, PolicyId, ServerId, Timestamp};
use policy::{CompiledPolicy, RiskClass, StandingKind, ToolStanding};
use serde_json::Value;
use storage::PastCalls;

use self::{
    replay::{Documents, Replayer},
    world::People,
};
use super::{SaveError, history::Reading};
use crate::{Accounts, Caller, Error};

/// How far back calls are decided again.
const LOOK_BACK_SECONDS: i64 = 7 * 24 * 60 * 60;

/// A document that is thought of as the next version of a policy.
#[derive(Clone, Debug)]
pub struct EffectForm {
    /// The policy.
    pub policy: PolicyId,
    /// The document.
    pub document: String,
}

/// What publishing it would change.
#[derive(Clone, Debug)]
pub struct Effect {
    /// The grants that have the policy: all that is said here happens to each of them.
    pub grants: Vec<GrantName>,
    /// The tools whose standing changes, by name; tools that stand as they stood are left out.
    pub changes: Vec<ToolChange>,
    /// The calls of the last seven days.
    pub replay: Replay,
}

/// A grant, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantName {
    /// Which.
    pub id: GrantId,
    /// Its label.
    pub label: Name,
    /// Whose it is: the team's or agent's name, or the member's e-mail address.
    pub subject_name: String,
}

/// A tool that stands otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolChange {
    /// Its name.
    pub tool: String,
    /// Its risk class.
    pub class: RiskClass,
    /// How it stands under the published version.
    pub before: ToolStanding,
    /// How it would stand.
    pub after: ToolStanding,
    /// What that is to whoever calls.
    pub direction: Direction,
}

/// What a change of a tool is to whoever calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// More is possible.
    Gains,
    /// Less is.
    Loses,
    /// Something else is: other limits, other checks.
    Differs,
}

/// Recorded calls, decided again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// From then on.
    pub since: Timestamp,
    /// How many calls.
    pub calls: u64,
    /// Decided the same.
    pub same: u64,
    /// Not denied then.
    pub now_denied: u64,
    /// Denied, or waiting for a person, then.
    pub now_allowed: u64,
    /// Would wait for a person, and did not then.
    pub now_approval: u64,
    /// The record does not keep what the document looks at, or there is too much to look at.
    pub unknown: u64,
    /// Some of those decided otherwise, the newest first.
    pub examples: Vec<ReplayedCall>,
    /// There were more calls: only the newest were looked at.
    pub cut: bool,
}

/// A recorded call that would be decided otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayedCall {
    /// Which.
    pub call: CallId,
    /// When.
    pub at: Timestamp,
    /// The tool.
    pub tool: String,
    /// The grant's label.
    pub grant: Option<Name>,
    /// `allow`, or a code.
    pub before: String,
    /// `allow`, or a code.
    pub after: String,
    /// JSON Pointer of the member of the document that would decide.
    pub rule: String,
}

/// What is known before anything is decided again.
struct Ground {
    server: ServerId,
    published: Option<(u32, String)>,
    grants: Vec<GrantName>,
    people: People,
    key: domain::DataKey,
}

impl Accounts {
    /// What publishing a document would change. Needs the permission to write policies, because a document can be made to
    /// ask after arguments of recorded calls.
    ///
    /// # Errors
    /// [`SaveError::Problems`]; [`Error::NotFound`].
    pub async fn policy_effect(&self, caller: &Caller, form: &EffectForm) -> Result<Effect, SaveError> {
        let ground = self.ground(caller, form.policy).await?;
        let (text, published) = (form.document.clone(), ground.published.clone());
        let compiled = self.off_threads(move || {
            let published =
                published.and_then(|(version, text)| Some((version, CompiledPolicy::compile(&text).ok()?, text)));
            CompiledPolicy::compile(&text).map(|next| (next, published))
        });
        let (next, published) = compiled.await?.map_err(SaveError::Problems)?;
        let published = published.map(|(version, policy, text)| ((form.policy, version), policy, text));
        let documents = Documents { next, text: form.document.clone(), published };
        let changes = self.changes(caller, &ground, &documents).await?;
        let since = self.now().plus_seconds(-LOOK_BACK_SECONDS);
        let grants: Vec<GrantId> = ground.grants.iter().map(|grant| grant.id).collect();
        let which = PastCalls { grants, outcome: None, since };
        let mut replayer = Replayer::new(documents, ground.people, ground.key, since);
        let worked = self.work_through(caller, &which, Reading::WithDocuments, move |mut pages| {
            while let Some(page) = pages.blocking_recv() {
                replayer.take(page);
            }
            replayer.done()
        });
        let worked = worked.await?;
        Ok(Effect { grants: ground.grants, changes, replay: Replay { cut: worked.cut, ..worked.made } })
    }

    async fn ground(&self, caller: &Caller, id: PolicyId) -> Result<Ground, Error> {
        let mut tx = self.look(caller, Permission::WritePolicies).await?;
        let row = tx.policy(id).await?.ok_or(Error::NotFound)?;
        let published = tx.policy_document(id, row.version).await?.map(|text| (row.version, text));
        let having = tx.grants(Some(row.server)).await?.into_iter().filter(|grant| grant.policy == Some(id));
        let grants: Vec<GrantName> = having
            .map(|grant| GrantName { id: grant.id, label: grant.label, subject_name: grant.subject_name })
            .collect();
        let members = tx.members().await?.into_iter();
        let people = People {
            grants: grants.iter().map(|grant| (grant.id, grant.label.clone())).collect(),
            members: members.map(|row| (row.user, (row.email.to_string(), row.role.as_str().to_owned()))).collect(),
        };
        let key = self.data_key(&mut tx).await?;
        tx.commit().await?;
        Ok(Ground { server: row.server, published, grants, people, key })
    }

    /// Every tool of the server, and every one that either document names, that would stand otherwise.
    async fn changes(&self, caller: &Caller, ground: &Ground, documents: &Documents) -> Result<Vec<ToolChange>, Error> {
        let mut tx = self.db().account(caller.scope()).await?;
        let known = tx.tools(ground.server).await?;
        tx.commit().await?;
        let texts = ground.published.as_ref().map(|(_, text)| text.clone()).into_iter();
        let texts: Vec<String> = texts.chain([documents.text.clone()]).collect();
        let (before, after) =
            (documents.published.as_ref().map(|(_, policy, _)| policy.clone()), documents.next.clone());
        self.off_threads(move || {
            let named = texts.iter().flat_map(|text| named(text)).map(|name| (name, RiskClass::Destructive));
            let mut tools: BTreeMap<String, RiskClass> = named.collect();
            tools.extend(known.into_iter().map(|row| (row.name, row.class)));
            tools.iter().filter_map(|(tool, class)| change(before.as_ref(), &after, tool, *class)).collect()
        })
        .await
    }
}

/// The tools that a document has an entry for by their exact names.
fn named(document: &str) -> Vec<String> {
    let Ok(document) = serde_json::from_str::<Value>(document) else { return Vec::new() };
    let entries = document.get("tools").and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name.clone());
    let hidden = document.get("hide").and_then(Value::as_array).into_iter().flatten();
    let hidden = hidden.filter_map(Value::as_str).map(str::to_owned);
    entries.chain(hidden).filter(|name| !name.contains(['*', '?'])).collect()
}

fn change(before: Option<&CompiledPolicy>, after: &CompiledPolicy, tool: &str, class: RiskClass) -> Option<ToolChange> {
    let (before, after) = (policy::standings(before, tool, class), policy::standings(Some(after), tool, class));
    let direction = direction(&before, &after)?;
    Some(ToolChange { tool: tool.to_owned(), class, before, after, direction })
}

/// None: it stands as it stood.
fn direction(before: &ToolStanding, after: &ToolStanding) -> Option<Direction> {
    if before == after {
        return None;
    }
    let reach = |standing: &ToolStanding| match standing.kind {
        StandingKind::Hidden | StandingKind::Denied => 0,
        StandingKind::Approval => 1,
        StandingKind::Open => 2,
    };
    let direction = match reach(after).cmp(&reach(before)) {
        Ordering::Greater => Direction::Gains,
        Ordering::Less => Direction::Loses,
        Ordering::Equal if reach(after) == 0 => Direction::Differs,
        Ordering::Equal => by_rules(&rules(before), &rules(after)),
    };
    Some(direction)
}

/// Rules that are only taken away are a gain, rules that are only added a loss.
fn by_rules(before: &[&String], after: &[&String]) -> Direction {
    let (fewer, more) =
        (after.iter().all(|rule| before.contains(rule)), before.iter().all(|rule| after.contains(rule)));
    match (fewer, more) {
        (true, false) => Direction::Gains,
        (false, true) => Direction::Loses,
        _ => Direction::Differs,
    }
}

fn rules(standing: &ToolStanding) -> Vec<&String> {
    standing.limits.iter().chain(&standing.checks).chain(&standing.approval).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(before: &str, after: &str) -> Vec<(String, Direction)> {
        let compiled =
            |rest: &str| CompiledPolicy::compile(&format!("{{\"version\":\"1\",\"default\":\"deny\"{rest}}}")).unwrap();
        let (before, after) = (compiled(before), compiled(after));
        let tools = ["a", "b", "c"];
        let change = |tool: &&str| change(Some(&before), &after, tool, RiskClass::Write);
        tools.iter().filter_map(change).map(|change| (change.tool, change.direction)).collect()
    }

    #[test]
    fn more_is_a_gain_less_a_loss_and_otherwise_is_otherwise() {
        use Direction::{Differs, Gains, Loses};
        let limit = |max: u32| format!(r#"{{"limits":[{{"window":"minute","max":{max}}}]}}"#);
        let (one, two) = (limit(1), limit(2));
        for (before, after, expected) in [
            ("{}", "{}", None),
            (one.as_str(), one.as_str(), None),
            (r#"{"action":"deny"}"#, "{}", Some(Gains)),
            (r#"{"action":"require_approval"}"#, "{}", Some(Gains)),
            (r#"{"action":"hide"}"#, r#"{"action":"require_approval"}"#, Some(Gains)),
            ("{}", r#"{"action":"hide"}"#, Some(Loses)),
            (r#"{"action":"deny"}"#, r#"{"action":"hide"}"#, Some(Differs)),
            (one.as_str(), "{}", Some(Gains)),
            ("{}", one.as_str(), Some(Loses)),
            (one.as_str(), two.as_str(), Some(Differs)),
        ] {
            let found = changes(&format!(",\"tools\":{{\"a\":{before}}}"), &format!(",\"tools\":{{\"a\":{after}}}"));
            let expected: Vec<_> = expected.into_iter().map(|direction| ("a".to_owned(), direction)).collect();
            assert_eq!(found, expected, "{before} to {after}");
        }
    }

    #[test]
    fn tools_are_named_by_entries_and_hide_but_not_by_patterns() {
        let document = r#"{"hide":["x","y*"],"tools":{"a/b":{},"?":{}}}"#;
        assert_eq!(named(document), ["a/b", "x"]);
        assert!(named("not json").is_empty());
    }
}
