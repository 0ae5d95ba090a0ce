//! A slow and obvious model of the policy language, written from its page and nothing else, beside the real judge and
//! the real counters: generated policies and calls, every outcome compared.
//!
//! `PORTCULLIS_MODEL_SEQUENCES` says how many sequences, `PORTCULLIS_MODEL_SEED` with which to begin. A disagreement is
//! printed with its seed, as small as it can be made.

#![expect(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test may stop at the first surprise")]

mod address;
mod approvals;
mod case;
mod check;
mod compare;
mod dice;
mod entry;
mod examples;
mod facts;
mod faults;
mod json;
mod judge;
mod limits;
mod number;
mod path;
mod pattern;
mod play;
mod policies;
mod run;
mod shrink;
mod tables;
mod time;
mod validate;
mod values;
mod verdicts;
mod world;
