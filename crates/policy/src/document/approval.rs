//! Reads `approval`: who may approve, and for how long the request stands.

use super::{At, Reader};
use crate::json::Value;
use crate::{ApprovalTerms, Approvers, SelfApproval};

const APPROVERS: &str = "\"admin\", \"policy_manager\" or {\"team\": slug}";

pub(super) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> ApprovalTerms {
    let mut terms = ApprovalTerms::default();
    let Some(fields) = reader.object(at, &["timeout", "approvers", "self"]) else { return terms };
    if let Some(timeout) = fields.get("timeout")
        && let Some(seconds) = reader.integer(&timeout, 1..=u32::MAX, "whole seconds")
    {
        terms.timeout_seconds = seconds;
    }
    if let Some(approvers) = fields.get("approvers").and_then(|at| read_approvers(reader, &at)) {
        terms.approvers = approvers;
    }
    if let Some(true) = fields.get("self").and_then(|at| reader.boolean(&at)) {
        terms.self_approval = SelfApproval::Allowed;
    }
    terms
}

fn read_approvers(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Approvers> {
    match &at.node.value {
        Value::String(role) if role == "admin" => Some(Approvers::Admin),
        Value::String(role) if role == "policy_manager" => Some(Approvers::PolicyManager),
        Value::Object(_) => {
            let fields = reader.object(at, &["team"])?;
            let team = reader.required(&fields, "team")?;
            let slug = reader.text_of(&team, "the slug of a team")?;
            if slug.is_empty() {
                reader.refuse(&team, "the slug of a team");
                return None;
            }
            Some(Approvers::Team(slug))
        }
        _ => {
            reader.refuse(at, APPROVERS);
            None
        }
    }
}
