//! What the shadow rules of the published version would have denied since it was published.

use domain::{Permission, PolicyId, Timestamp};
use serde_json::Value;

use crate::{Accounts, Caller, Error};

/// What rules in shadow said of the calls that the published version decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShadowReport {
    /// Since the version was published.
    pub since: Timestamp,
    /// How many calls of tools it decided.
    pub calls: u64,
    /// How many of them a shadow rule would have denied.
    pub would_deny: u64,
    /// By rule and code, the most frequent first.
    pub by_rule: Vec<(String, String, u64)>,
}

impl Accounts {
    /// What the shadow rules of a policy's published version would have denied; none when it has no such rule.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn shadow_report(&self, caller: &Caller, id: PolicyId) -> Result<Option<ShadowReport>, Error> {
        let mut tx = self.look(caller, Permission::ViewCalls).await?;
        let row = tx.policy(id).await?.ok_or(Error::NotFound)?;
        let document = tx.policy_document(id, row.version).await?.unwrap_or_default();
        if !has_shadow(&document) {
            return Ok(None);
        }
        let counts = tx.shadow_counts(row.server, (id, row.version), row.saved_at).await?;
        tx.commit().await?;
        let mut report = ShadowReport { since: row.saved_at, calls: 0, would_deny: 0, by_rule: Vec::new() };
        for count in counts {
            report.calls += count.calls;
            if let Some((rule, code)) = count.would_deny {
                report.would_deny += count.calls;
                report.by_rule.push((rule, code, count.calls));
            }
        }
        Ok(Some(report))
    }
}

/// Whether some rule of a valid document is in shadow.
fn has_shadow(document: &str) -> bool {
    let Ok(document) = serde_json::from_str::<Value>(document) else { return false };
    let entries = ["tools", "classes"].into_iter().filter_map(|member| document.get(member)?.as_object());
    let rules = entries.flat_map(|entries| entries.values()).chain(document.get("all_tools"));
    rules.into_iter().any(|rule| rule.get("mode").is_some_and(|mode| mode == "shadow"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shadow_is_found_wherever_a_rule_can_be() {
        for document in [
            r#"{"tools":{"a":{},"b":{"mode":"shadow"}}}"#,
            r#"{"classes":{"read":{"mode":"shadow"}}}"#,
            r#"{"all_tools":{"mode":"shadow"}}"#,
        ] {
            assert!(has_shadow(document), "{document}");
        }
        for document in [r#"{"tools":{"mode":{}}}"#, r#"{"all_tools":{"mode":"enforce"}}"#, "", "[]"] {
            assert!(!has_shadow(document), "{document}");
        }
    }
}
