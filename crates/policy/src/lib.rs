#![doc = include_str!("../README.md")]

mod charge;
mod class;
mod compiled;
mod condition;
mod decimal;
mod document;
mod json;
mod judge;
mod likeness;
mod names;
mod path;
mod pattern;
mod problem;
mod projection;
mod rule;
mod schema;
mod shadowed;
pub mod simulation;
mod standing;
mod time;
pub mod vectors;
mod verdict;
pub mod window;

pub use charge::{Charge, Mode, OnUnavailable, Refund, Scope, Unit};
pub use class::RiskClass;
pub use compiled::CompiledPolicy;
pub use decimal::{Decimal, DecimalError};
pub use document::MAX_BYTES;
pub use json::canonical_json;
pub use judge::{
    Approval, Arguments, Call, Definition, Facts, Findings, Identity, Permit, Verdict, judge, judge_with, visibility,
    visibility_as,
};
pub use likeness::Likenesses;
pub use problem::{Problem, Problems};
pub use schema::schema;
pub use shadowed::shadowed;
pub use simulation::Ledger;
pub use standing::{StandingKind, ToolStanding, standings};
pub use time::Timestamp;
pub use verdict::{ApprovalNeed, ApprovalTerms, Approvers, Code, Denial, SelfApproval, Visibility};
pub use window::{CalendarUnit, Window};
