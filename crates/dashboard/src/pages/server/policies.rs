//! The policies of a server, on its page.

use accounts::PolicySummary;

use crate::show::{self, Time};

/// One policy.
pub(crate) struct PolicyLine {
    pub(crate) href: String,
    pub(crate) name: String,
    /// 0: never published.
    pub(crate) version: u32,
    /// Whether something is written and not published.
    pub(crate) draft: bool,
    pub(crate) saved: Time,
    pub(crate) by: String,
    pub(crate) grants: String,
}

impl PolicyLine {
    pub(crate) fn of(policy: &PolicySummary, base: &str) -> Self {
        Self {
            href: format!("{base}/policies/{}", policy.id),
            name: policy.name.to_string(),
            version: policy.version,
            draft: policy.draft.is_some(),
            saved: policy.saved_at.into(),
            by: policy.author.to_string(),
            grants: show::count(usize::try_from(policy.grants).unwrap_or(usize::MAX), "grant", "grants"),
        }
    }
}
