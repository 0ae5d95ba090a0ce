//! Where a request stands, from what is recorded of it and of what it speaks of.

use domain::Timestamp;
use storage::{AnswerKind, AnswerState, ApprovalRow};

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApprovalStanding {
    /// It waits for an answer.
    Open,
    /// The call passes once, until it expires.
    Approved,
    /// A person refused it.
    Refused,
    /// The call has passed.
    Used,
    /// Its time was over before it was used, or the gateways' store does not know it any more.
    Expired,
    /// Its grant was revoked, or its policy changed, before it was used.
    Void,
}

/// Where a request stands at `now`.
pub(super) fn standing(row: &ApprovalRow, now: Timestamp) -> ApprovalStanding {
    let answer = row.answer.as_ref();
    let given = |kind| answer.is_some_and(|a| a.answer == kind && a.state == AnswerState::Given);
    if row.used_by.is_some() {
        ApprovalStanding::Used
    } else if given(AnswerKind::Refused) {
        ApprovalStanding::Refused
    } else if is_void(row, now) {
        ApprovalStanding::Void
    } else if row.expires_at <= now || answer.is_some_and(|a| a.state == AnswerState::Gone) {
        ApprovalStanding::Expired
    } else if given(AnswerKind::Approved) {
        ApprovalStanding::Approved
    } else {
        ApprovalStanding::Open
    }
}

/// Whether what it was asked under was gone before its own time was over.
fn is_void(row: &ApprovalRow, now: Timestamp) -> bool {
    let ended = row.void_from.is_some_and(|at| at <= now && at < row.expires_at);
    ended || (!row.is_in_place && now < row.expires_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approvals::rights::tests::{answer, row};

    #[test]
    fn a_use_outweighs_a_refusal_that_outweighs_an_end_that_outweighs_time() {
        use ApprovalStanding as S;
        let base = row();
        let (asked, expires) = (base.asked_at, base.expires_at);
        let late = expires.plus_seconds(60);
        let used = Some(base.call);
        let void = |mut row: ApprovalRow, at| {
            row.void_from = Some(at);
            row
        };
        let with = |kind, state| ApprovalRow { answer: Some(answer(kind, state)), ..base.clone() };
        let approved = with(AnswerKind::Approved, AnswerState::Given);
        let refused = with(AnswerKind::Refused, AnswerState::Given);
        for (what, row, now, expected) in [
            ("new", base.clone(), asked, S::Open),
            ("at its end", base.clone(), expires, S::Expired),
            ("approved", approved.clone(), asked, S::Approved),
            ("approved, in vain", approved.clone(), expires, S::Expired),
            ("approved and used", ApprovalRow { used_by: used, ..approved.clone() }, late, S::Used),
            ("refused", refused.clone(), late, S::Refused),
            ("on its way", with(AnswerKind::Approved, AnswerState::Putting), asked, S::Open),
            ("not given", with(AnswerKind::Approved, AnswerState::NotGiven), asked, S::Open),
            ("forgotten by the store", with(AnswerKind::Approved, AnswerState::Gone), asked, S::Expired),
            (
                "unsure, but used",
                ApprovalRow { used_by: used, ..with(AnswerKind::Approved, AnswerState::Gone) },
                asked,
                S::Used,
            ),
            ("void", void(base.clone(), asked.plus_seconds(1)), asked.plus_seconds(1), S::Void),
            ("void later", void(base.clone(), asked.plus_seconds(1)), asked, S::Open),
            ("void for good", void(base.clone(), asked.plus_seconds(1)), late, S::Void),
            ("over before its grant was", void(base.clone(), expires), late, S::Expired),
            ("approved and void", void(approved, asked), asked, S::Void),
            ("refused and void", void(refused, asked), asked, S::Refused),
            ("moved", ApprovalRow { is_in_place: false, ..base.clone() }, asked, S::Void),
            ("moved after its time", ApprovalRow { is_in_place: false, ..base }, late, S::Expired),
        ] {
            assert_eq!(standing(&row, now), expected, "{what}");
        }
    }
}
