//! Who may answer a request, and who sees its arguments. Pure; `rights.txt` is the golden table.

use domain::{Role, TeamSlug, Timestamp};
use policy::{Approvers, SelfApproval};
use storage::{AnswerState, ApprovalRow};

use super::standing::{ApprovalStanding, standing};

/// Whether a reader may answer a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MayAnswer {
    /// They may.
    Yes,
    /// It is for others.
    NotApprover,
    /// They asked for it themselves, and the policy does not let them answer themselves.
    OwnRequest,
    /// Nobody may any more, or somebody is answering it this moment.
    Closed,
}

/// A member, as far as approvals go.
pub(super) struct Reader {
    pub(super) role: Role,
    pub(super) teams: Vec<TeamSlug>,
}

impl Reader {
    /// Whether they may answer it at `now`.
    pub(super) fn may_answer(&self, row: &ApprovalRow, now: Timestamp) -> MayAnswer {
        let being_answered = row.answer.as_ref().is_some_and(|answer| answer.state == AnswerState::Putting);
        if being_answered || standing(row, now) != ApprovalStanding::Open {
            MayAnswer::Closed
        } else if !self.is_approver(&row.approvers) {
            MayAnswer::NotApprover
        } else if row.is_own && row.self_approval == SelfApproval::Forbidden {
            MayAnswer::OwnRequest
        } else {
            MayAnswer::Yes
        }
    }

    /// Whether they see what exactly was called.
    pub(super) fn may_see_arguments(&self, row: &ApprovalRow) -> bool {
        row.is_own || self.role >= Role::Admin || self.is_approver(&row.approvers)
    }

    /// A team's members answer whatever their role; nobody else answers for a team, not even an owner.
    fn is_approver(&self, approvers: &Approvers) -> bool {
        match approvers {
            Approvers::Admin => self.role >= Role::Admin,
            Approvers::PolicyManager => self.role >= Role::PolicyManager,
            Approvers::Team(slug) => self.teams.iter().any(|team| team.as_str() == slug),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::fmt::Write as _;

    use domain::{
        AgentId, ApprovalBinding, ApprovalId, CallId, Clock, Email, Entropy, GrantId, PolicyId, Principal, ServerId,
        UserId,
    };
    use policy::RiskClass;
    use storage::{AnswerKind, AnswerRow};

    use super::*;

    /// An open request of an agent.
    pub(in crate::approvals) fn row() -> ApprovalRow {
        let (clock, entropy) = (Clock::fixed(Timestamp(1_000_000_000)), Entropy::seeded(7));
        ApprovalRow {
            id: ApprovalId::new(&clock, &entropy),
            binding: ApprovalBinding::from_bytes([7; 32]),
            call: CallId::new(&clock, &entropy),
            asked_at: clock.now(),
            expires_at: clock.now().plus_seconds(1800),
            server: ServerId::new(&clock, &entropy),
            server_name: None,
            principal: Principal::Agent(AgentId::new(&clock, &entropy)),
            principal_name: None,
            grant: GrantId::new(&clock, &entropy),
            grant_label: None,
            policy: (PolicyId::new(&clock, &entropy), 1),
            policy_name: None,
            rule: "/tools/pay/action".to_owned(),
            message: "ask".to_owned(),
            tool: "pay".to_owned(),
            class: RiskClass::Financial,
            arguments: None,
            arguments_forgotten: false,
            approvers: Approvers::Admin,
            self_approval: SelfApproval::Forbidden,
            client: None,
            answer: None,
            used_by: None,
            is_own: false,
            void_from: None,
            is_in_place: true,
        }
    }

    /// Somebody's answer to it.
    pub(in crate::approvals) fn answer(answer: AnswerKind, state: AnswerState) -> AnswerRow {
        let (clock, entropy) = (Clock::fixed(Timestamp(1_000_000_000)), Entropy::seeded(8));
        let by_email = Email::parse("admin@ours.example").unwrap();
        let by = UserId::new(&clock, &entropy);
        AnswerRow { answer, state, by, by_email, at: clock.now(), reason: String::new() }
    }

    #[test]
    fn the_table_of_who_may_answer_is_the_golden_one() {
        let team: TeamSlug = "data".parse().unwrap();
        let other: TeamSlug = "other".parse().unwrap();
        let mut table = String::new();
        for approvers in [Approvers::Admin, Approvers::PolicyManager, Approvers::Team("data".to_owned())] {
            for (is_own, self_approval, whose) in [
                (false, SelfApproval::Forbidden, "another's"),
                (true, SelfApproval::Forbidden, "own"),
                (true, SelfApproval::Allowed, "own, self"),
            ] {
                let row = ApprovalRow { approvers: approvers.clone(), is_own, self_approval, ..row() };
                for (teams, member) in [(vec![other.clone()], ""), (vec![other.clone(), team.clone()], " in data")] {
                    write!(table, "{approvers:?} | {whose} |{member}").unwrap();
                    for role in Role::ALL {
                        let reader = Reader { role, teams: teams.clone() };
                        let sees = if reader.may_see_arguments(&row) { "" } else { " blind" };
                        write!(table, " | {role} {:?}{sees}", reader.may_answer(&row, row.asked_at)).unwrap();
                    }
                    table.push('\n');
                }
            }
        }
        assert_eq!(table, include_str!("rights.txt"), "changed on purpose? then change rights.txt too\n{table}");
    }

    #[test]
    fn nobody_answers_what_is_answered_used_void_or_over() {
        let reader = Reader { role: Role::Owner, teams: Vec::new() };
        let base = row();
        let now = base.asked_at;
        for state in [AnswerState::Putting, AnswerState::Given, AnswerState::Gone] {
            for kind in [AnswerKind::Approved, AnswerKind::Refused] {
                let row = ApprovalRow { answer: Some(answer(kind, state)), ..base.clone() };
                assert_eq!(reader.may_answer(&row, now), MayAnswer::Closed, "{kind:?} {state:?}");
            }
        }
        let again = ApprovalRow { answer: Some(answer(AnswerKind::Approved, AnswerState::NotGiven)), ..base.clone() };
        assert_eq!(reader.may_answer(&again, now), MayAnswer::Yes, "an answer that did not arrive is none");
        for row in [
            ApprovalRow { used_by: Some(base.call), ..base.clone() },
            ApprovalRow { void_from: Some(now), ..base.clone() },
            ApprovalRow { expires_at: now, ..base },
        ] {
            assert_eq!(reader.may_answer(&row, now), MayAnswer::Closed);
        }
    }
}
