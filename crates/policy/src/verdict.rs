//! The words in which a judgement is told.

use serde::{Deserialize, Serialize};

/// Why a call was not forwarded (POLICY.md §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// No policy is attached to the grant.
    NoPolicy,
    /// The tool is hidden; the caller is answered as for a tool that does not exist.
    Hidden,
    /// The tool's definition is new or changed and not yet accepted.
    ToolChanged,
    /// `action: deny`.
    Denied,
    /// No entry matched and `default: deny`.
    DefaultDeny,
    /// The arguments do not fit the tool's schema, or hold a number that cannot be judged exactly.
    InvalidArguments,
    /// A `require` does not hold or a `deny_if` does.
    ArgumentDenied,
    /// A person has to approve this very call first.
    ApprovalRequired,
    /// A limit is full.
    RateLimited,
    /// A limit could not be checked.
    CounterUnavailable,
    /// The grant is suspended.
    GrantSuspended,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 11] = [
        Self::NoPolicy,
        Self::Hidden,
        Self::ToolChanged,
        Self::Denied,
        Self::DefaultDeny,
        Self::InvalidArguments,
        Self::ArgumentDenied,
        Self::ApprovalRequired,
        Self::RateLimited,
        Self::CounterUnavailable,
        Self::GrantSuspended,
    ];

    /// The stable word told to callers and kept in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoPolicy => "no_policy",
            Self::Hidden => "hidden",
            Self::ToolChanged => "tool_changed",
            Self::Denied => "denied",
            Self::DefaultDeny => "default_deny",
            Self::InvalidArguments => "invalid_arguments",
            Self::ArgumentDenied => "argument_denied",
            Self::ApprovalRequired => "approval_required",
            Self::RateLimited => "rate_limited",
            Self::CounterUnavailable => "counter_unavailable",
            Self::GrantSuspended => "grant_suspended",
        }
    }

    /// What it means, in a sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::NoPolicy => "No policy is attached to the grant.",
            Self::Hidden => "The tool is hidden.",
            Self::ToolChanged => "The tool is new or has changed, and nobody has accepted it yet.",
            Self::Denied => "The tool is denied, or a person refused the call.",
            Self::DefaultDeny => "No entry matches the tool, and the default is to deny.",
            Self::InvalidArguments => {
                "The arguments do not fit the tool, or have a number that cannot be judged exactly."
            }
            Self::ArgumentDenied => "A required check does not hold, or a denying one does.",
            Self::ApprovalRequired => "A person has to approve the call first.",
            Self::RateLimited => "A limit has no room.",
            Self::CounterUnavailable => "A limit could not be checked.",
            Self::GrantSuspended => "The grant is suspended.",
        }
    }

    /// The code with this exact name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == name)
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a call is denied, in a form for records and for the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The stable reason.
    pub code: Code,
    /// JSON Pointer of the deciding member of the policy; empty where no member decided.
    pub rule: String,
    /// For the caller, without the `[POLICY DENIED]` prefix. Never repeats argument values.
    pub message: String,
}

impl Denial {
    /// The text of the tool error: the message behind the prefix that tells a model what this is.
    pub fn text(&self) -> String {
        format!("[POLICY DENIED] {}", self.message)
    }
}

/// Who may approve a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approvers {
    /// Admins and owners.
    Admin,
    /// Policy managers and above.
    PolicyManager,
    /// The members of the team with this slug.
    Team(String),
}

/// How a call may be approved (`approval` of a rule).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApprovalTerms {
    /// How long the request stands, in seconds.
    pub timeout_seconds: u32,
    /// Who may answer it.
    pub approvers: Approvers,
    /// Whether the caller may answer their own request.
    pub self_approval: SelfApproval,
}

/// Whether the caller who made a request may approve it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SelfApproval {
    /// No: somebody else has to.
    Forbidden,
    /// Yes.
    Allowed,
}

impl Default for ApprovalTerms {
    fn default() -> Self {
        Self { timeout_seconds: 1800, approvers: Approvers::Admin, self_approval: SelfApproval::Forbidden }
    }
}

/// A call that a person has to approve before it is forwarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalNeed {
    /// JSON Pointer of the member that asks for it.
    pub rule: String,
    /// For the caller and the approver, without prefix. Never repeats argument values.
    pub message: String,
    /// Who may approve, and for how long.
    pub terms: ApprovalTerms,
}

impl ApprovalNeed {
    /// The same as a denial with the code `approval_required`.
    pub fn denial(&self) -> Denial {
        Denial { code: Code::ApprovalRequired, rule: self.rule.clone(), message: self.message.clone() }
    }
}

/// How a tool shows in `tools/list`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// It may be called, subject to arguments, approval and limits.
    Listed,
    /// Every call is denied; listed unless the server's setting says otherwise.
    Denied,
    /// Never listed, and never callable.
    Hidden,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_words_of_the_language() {
        let words: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(
            words.join(" "),
            "no_policy hidden tool_changed denied default_deny invalid_arguments argument_denied approval_required \
             rate_limited counter_unavailable grant_suspended"
        );
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(code));
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{code}\""));
        }
    }
}
