//! What a use case answers when it does not do what was asked.

use domain::{Permission, SealError, SnapshotError};
use storage::StorageError;

/// Why a use case did nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing in this account; nor is it said whether another has one.
    #[error("not found")]
    NotFound,
    /// The caller's role does not give this.
    #[error("not allowed: this needs the permission to {needs}")]
    NotAllowed {
        /// What would be needed.
        needs: Permission,
    },
    /// What was typed cannot be taken, field by field.
    #[error("some of what was entered cannot be used")]
    Invalid(Vec<Fault>),
    /// A rule of the account stands in the way.
    #[error(transparent)]
    Rule(Rule),
    /// Too much is asked of this process at once; nothing was done.
    #[error("too busy right now; try again in a moment")]
    Busy,
    /// The database failed.
    #[error(transparent)]
    Storage(StorageError),
    /// A stored secret does not open: the deployment key is another one than it was.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// A snapshot could not be written.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The bus failed; the background publisher tries again.
    #[error(transparent)]
    Bus(#[from] bus::BusError),
}

/// What is wrong with one field of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field, by its name in the use case's input.
    pub field: &'static str,
    /// What is wrong, to be read after the field's label: "must not be empty".
    pub message: String,
}

/// A rule of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// The last owner.
    #[error("an account keeps at least one owner: make somebody else an owner first")]
    LastOwner,
    /// A role above one's own.
    #[error("you cannot give a role above your own")]
    RoleAboveOwn,
    /// Owners are the owners' business.
    #[error("only an owner can change or remove an owner")]
    OnlyOwners,
    /// There twice.
    #[error("they are in this team already")]
    AlreadyInTeam,
    /// Keys are personal.
    #[error("only the member themselves can make a key for a member")]
    OthersKey,
    /// One grant per subject and server.
    #[error("they have a grant on this server already: change that one, or revoke it first")]
    GrantThere,
    /// Grants have the policy.
    #[error("grants have this policy: give them another first")]
    PolicyInUse,
    /// Nothing to call with.
    #[error("you have no grant on this server yet: give yourself one first")]
    NoGrant,
    /// Calls are made as oneself or as an agent.
    #[error("this grant is another member's: only they can call with it")]
    OthersGrant,
    /// Not for them to answer.
    #[error("this is not yours to answer: the policy says who may")]
    NotApprover,
    /// Nobody answers themselves.
    #[error("this is your own request, which somebody else has to answer")]
    OwnRequest,
    /// Answered, used, expired or void.
    #[error("this request is not open any more: see below what became of it")]
    ApprovalClosed,
    /// The gateways' store does not know it.
    #[error("this request does not stand any more, so the answer was not given: the caller has to call again")]
    ApprovalGone,
    /// The gateways' store is away.
    #[error("the counters could not be reached, so the answer was not given; try again in a moment")]
    AnswerNotGiven,
    /// Nothing to show.
    #[error("this grant's policy denies nothing, so there is no call that it would deny")]
    NothingDenied,
}

impl Error {
    /// One field that cannot be taken.
    pub(crate) fn field(field: &'static str, message: impl ToString) -> Self {
        Self::Invalid(vec![Fault::new(field, message)])
    }
}

impl Fault {
    pub(crate) fn new(field: &'static str, message: impl ToString) -> Self {
        Self { field, message: message.to_string() }
    }
}

impl From<Rule> for Error {
    fn from(rule: Rule) -> Self {
        Self::Rule(rule)
    }
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}
