//! Reads `approval`: who may approve, and for how long the request stands.

use serde_json::{Value as Json, json};

use super::field::{Choice, Field, Object, Shape, choice, words};
use super::{At, Reader};
use crate::json::Value;
use crate::schema;
use crate::{ApprovalTerms, Approvers, SelfApproval};

/// How long a request may stand, in seconds.
const TIMEOUT: (u32, u32) = (1, u32::MAX);
const ROLES: &[Choice<Role>] = &[
    choice("admin", Role::Admin, "Admins and owners of the account."),
    choice("policy_manager", Role::PolicyManager, "Policy managers, admins and owners of the account."),
];

/// Approvers by role.
#[derive(Clone, Copy)]
enum Role {
    Admin,
    PolicyManager,
}

pub(crate) const APPROVAL: Object = Object {
    name: "approval",
    title: "Approval",
    text: "Who may approve a call, and how long a request for it stands.",
    fields: FIELDS,
    together: None,
};

const FIELDS: &[Field] = &[
    Field::optional(
        "timeout",
        "Time-out",
        "Seconds that a request, and the approval it was given, stand.",
        Shape::Whole(TIMEOUT.0, TIMEOUT.1),
    )
    .or("1800"),
    Field::optional("approvers", "Approvers", "Who may approve.", Shape::Other(approvers))
        .or("\"admin\"")
        .like(&["{\"team\": \"finance\"}"]),
    Field::optional("self", "Own calls", "Whether the caller may approve the call they made.", Shape::Boolean)
        .or("false"),
];

const TEAM: &[Field] =
    &[Field::required("team", "Team", "The slug of the team whose members may approve.", Shape::Other(slug))
        .like(&["\"finance\""])];

fn approvers() -> Json {
    json!({ "anyOf": [schema::words(&words(ROLES)), schema::object(TEAM)] })
}

fn slug() -> Json {
    json!({ "type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$" })
}

const SLUG: &str = "the slug of a team: 1 to 40 lower-case letters, digits and hyphens, with no hyphen at either end";
const APPROVERS: &str = "\"admin\", \"policy_manager\" or {\"team\": slug}";

pub(super) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> ApprovalTerms {
    let mut terms = ApprovalTerms::default();
    let Some(fields) = reader.object(at, FIELDS) else { return terms };
    if let Some(timeout) = fields.get("timeout")
        && let Some(seconds) = reader.integer(&timeout, TIMEOUT, "whole seconds")
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
        Value::String(word) if ROLES.iter().any(|role| role.word == *word) => {
            reader.one_of(at, ROLES).map(|role| match role {
                Role::Admin => Approvers::Admin,
                Role::PolicyManager => Approvers::PolicyManager,
            })
        }
        Value::Object(_) => {
            let fields = reader.object(at, TEAM)?;
            let team = reader.required(&fields, TEAM, "team")?;
            let slug = reader.text_of(&team, SLUG)?;
            if !is_slug(&slug) {
                reader.refuse(&team, SLUG);
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

/// Whether a team can be called that; whether there is such a team is another's concern.
fn is_slug(text: &str) -> bool {
    let plain = text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    plain && (1..=40).contains(&text.len()) && !text.starts_with('-') && !text.ends_with('-')
}
