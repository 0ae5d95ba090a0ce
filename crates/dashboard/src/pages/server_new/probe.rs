//! What trying an address brought, step by step.

use accounts::{Probe, Step, StepOutcome};
use askama::Template;

use crate::{
    form::Errors,
    show,
    words::{self, Badge, ClassCount},
};

/// The outcome of trying an address.
#[derive(Template)]
#[template(path = "servers/probe.html")]
pub(crate) struct ProbeView {
    steps: Vec<ProbeStep>,
    /// Whether a person has to log in at the server before it shows anything.
    wants_login: bool,
    /// Said when all went well.
    found: Option<Found>,
}

/// Whether a credential was shown to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Credential {
    None,
    Shown,
}

struct ProbeStep {
    title: &'static str,
    look: &'static str,
    badge: Badge,
    words: String,
    upstream_words: Option<String>,
}

struct Found {
    tools: String,
    version: String,
    split: Vec<ClassCount>,
}

const DONE: Badge = Badge { class: "good", sign: "✓", word: "Done" };
const FAILED: Badge = Badge { class: "bad", sign: "✕", word: "Failed" };
const LOG_IN: Badge = Badge { class: "warn", sign: "!", word: "Log in first" };
const LOGIN_WORDS: &str = "it answers, and wants OAuth: its tools are read once somebody has logged in at it.";

impl ProbeView {
    pub(super) fn of(probe: &Probe, credential: Credential) -> Self {
        let wants_login = probe.wants_oauth && credential == Credential::None;
        let found = probe.failed().is_none().then(|| Found {
            tools: show::count(probe.tools.len(), "tool", "tools"),
            version: probe.protocol_version.clone().unwrap_or_default(),
            split: words::split(probe.tools.iter().map(|tool| class_of(&tool.definition))),
        });
        let steps =
            probe.steps.iter().map(|step| if wants_login { ProbeStep::before_login(step) } else { step.into() });
        Self { steps: steps.collect(), wants_login, found }
    }

    pub(super) fn refused(errors: &Errors) -> Self {
        let step = |words: String| ProbeStep::new("Read the form", FAILED, words, None);
        let steps = errors.iter().map(|error| step(error.message.clone())).collect();
        Self { steps, wants_login: false, found: None }
    }
}

impl ProbeStep {
    fn new(title: &'static str, badge: Badge, words: String, upstream_words: Option<String>) -> Self {
        let look = if badge == FAILED { "bad" } else { "ok" };
        Self { title, look, badge, words, upstream_words }
    }

    /// A step with a server that has only not been logged in at: nothing has failed.
    fn before_login(step: &Step) -> Self {
        match &step.outcome {
            StepOutcome::Ok(_) => step.into(),
            StepOutcome::Failed { .. } => Self::new(step.name.title(), LOG_IN, LOGIN_WORDS.to_owned(), None),
        }
    }
}

impl From<&Step> for ProbeStep {
    fn from(step: &Step) -> Self {
        let title = step.name.title();
        match &step.outcome {
            StepOutcome::Ok(said) => Self::new(title, DONE, words::visible(said), None),
            StepOutcome::Failed { words: said, upstream_words } => {
                Self::new(title, FAILED, words::visible(said), upstream_words.as_deref().map(words::visible))
            }
        }
    }
}

fn class_of(definition: &str) -> policy::RiskClass {
    catalogue::classify(&catalogue::ToolFacts::from_definition(definition).unwrap_or_default()).class
}

#[cfg(test)]
mod tests {
    use accounts::StepName;

    use super::*;

    #[test]
    fn a_server_that_wants_a_login_has_not_failed() {
        let step = |name, outcome| Step { name, outcome };
        let failed = StepOutcome::Failed { words: "it wants OAuth (HTTP 401)".to_owned(), upstream_words: None };
        let reached = step(StepName::Reach, StepOutcome::Ok("connected".to_owned()));
        let steps = vec![reached, step(StepName::Handshake, failed)];
        let wants = |wants_oauth| Probe {
            steps: steps.clone(),
            era: None,
            protocol_version: None,
            server_info: None,
            tools: Vec::new(),
            wants_oauth,
        };
        let shown = |probe: &Probe, credential| ProbeView::of(probe, credential).render().expect("rendered");
        let first = shown(&wants(true), Credential::None);
        assert!(first.contains("Log in first") && first.contains("Register, then log in"), "{first}");
        assert!(!first.contains("Failed"), "{first}");
        for refused in [shown(&wants(true), Credential::Shown), shown(&wants(false), Credential::None)] {
            assert!(refused.contains("Failed") && !refused.contains("log in"), "{refused}");
        }
    }
}
