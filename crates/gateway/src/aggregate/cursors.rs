//! Cursors of merged lists: sealed, and bound to whose they are and to the list they belong to, so that they are opaque
//! and nobody makes one up.

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use domain::{DataKey, DeploymentKey, Entropy, Sealed};
use mcp::{ListKind, MergedCursor};

use crate::session::Owner;

/// Longest cursor that is read, in bytes.
const MAX_TEXT: usize = 1 << 20;

/// Seals and opens cursors.
#[derive(Debug)]
pub(crate) struct Cursors {
    key: DataKey,
    entropy: Entropy,
}

impl Cursors {
    pub(crate) fn new(key: &DeploymentKey, entropy: Entropy) -> Self {
        Self { key: key.derive("mcp-cursor"), entropy }
    }

    /// The text for `nextCursor`; none when nothing is left to ask for.
    pub(crate) fn seal(&self, owner: Owner, list: ListKind, cursor: &MergedCursor) -> Option<String> {
        if cursor.is_end() {
            return None;
        }
        let Sealed(text) = self.key.seal(&context(owner, list), &cursor.encode(), &self.entropy);
        Some(BASE64_URL_SAFE_NO_PAD.encode(BASE64_STANDARD.decode(text).ok()?))
    }

    /// What a client's cursor says; none when it is not one of this owner's for this list.
    pub(crate) fn open(&self, owner: Owner, list: ListKind, text: &str) -> Option<MergedCursor> {
        let bytes = (text.len() <= MAX_TEXT).then(|| BASE64_URL_SAFE_NO_PAD.decode(text).ok())??;
        let plain = self.key.open(&context(owner, list), &Sealed(BASE64_STANDARD.encode(bytes))).ok()?;
        MergedCursor::decode(&plain).ok()
    }
}

fn context(owner: Owner, list: ListKind) -> String {
    format!("{}/{}", owner.context(), list.member())
}

#[cfg(test)]
mod tests {
    use domain::{AccountId, AgentId, Clock, Principal, Timestamp};

    use super::*;

    #[test]
    fn a_cursor_opens_only_for_its_owner_and_list() {
        let (clock, entropy) = (Clock::fixed(Timestamp(0)), Entropy::seeded(5));
        let owner = Owner {
            account: AccountId::new(&clock, &entropy),
            server: None,
            principal: Principal::Agent(AgentId::new(&clock, &entropy)),
        };
        let cursors = Cursors::new(&DeploymentKey::new(&entropy), entropy.clone());
        let cursor = MergedCursor { more: vec![("a".into(), String::new())], begun_to: Some("b".into()), pages: 3 };
        let text = cursors.seal(owner, ListKind::Tools, &cursor).unwrap();
        assert_eq!(cursors.open(owner, ListKind::Tools, &text), Some(cursor));
        assert_eq!(cursors.open(owner, ListKind::Prompts, &text), None);
        let other = Owner { principal: Principal::Agent(AgentId::new(&clock, &entropy)), ..owner };
        assert_eq!(cursors.open(other, ListKind::Tools, &text), None);
        assert_eq!(cursors.seal(owner, ListKind::Tools, &MergedCursor::default()), None);
        for odd in ["", "A", "!", &text[1..], &format!("{text}A")] {
            assert_eq!(cursors.open(owner, ListKind::Tools, odd), None, "{odd}");
        }
    }
}
