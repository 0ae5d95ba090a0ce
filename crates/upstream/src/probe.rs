//! Finds out what answers at an upstream's address: step by step, so that a failure says which step it was.

use domain::{Client, InventoryTool};
use mcp::Era;

use crate::{
    conversation::{Conversation, Failed, Target},
    exchange::{Exchange, Reached, shown},
};

/// What was found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The steps taken, in order; only the last can have failed.
    pub steps: Vec<Step>,
    /// The era that the server speaks, once that is known.
    pub era: Option<Era>,
    /// The protocol version agreed on, once it is.
    pub protocol_version: Option<String>,
    /// What the server calls itself, each part cut to 100 characters.
    pub server_info: Option<Client>,
    /// All its tools, when the last step was reached.
    pub tools: Vec<InventoryTool>,
    /// Whether it asked for a bearer token, as servers that want OAuth do.
    pub wants_oauth: bool,
}

/// One step of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which.
    pub name: StepName,
    /// How it went.
    pub outcome: StepOutcome,
}

/// The steps of a probe, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepName {
    /// A connection and an HTTP answer.
    Reach,
    /// An MCP handshake of either era.
    Handshake,
    /// The list of tools.
    ListTools,
}

/// How a step went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// Well; in words.
    Ok(String),
    /// Not; in words, and in the upstream's own where it had any, made safe to show.
    Failed {
        /// What went wrong.
        words: String,
        /// What the upstream said about it.
        upstream_words: Option<String>,
    },
}

impl StepName {
    /// The step's name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Reach => "Reach the address",
            Self::Handshake => "Speak MCP",
            Self::ListTools => "List the tools",
        }
    }
}

impl Probe {
    /// The step that failed, if one did.
    #[must_use]
    pub fn failed(&self) -> Option<&Step> {
        self.steps.iter().find(|s| matches!(s.outcome, StepOutcome::Failed { .. }))
    }

    fn ok(&mut self, name: StepName, words: impl Into<String>) {
        self.steps.push(Step { name, outcome: StepOutcome::Ok(words.into()) });
    }

    fn fail(&mut self, name: StepName, Failed(failure): Failed) {
        self.wants_oauth = failure.wants_oauth;
        let outcome = StepOutcome::Failed { words: failure.words, upstream_words: failure.upstream_words };
        self.steps.push(Step { name, outcome });
    }
}

/// Probes an upstream.
pub async fn probe<E: Exchange>(via: &E, target: Target<'_>) -> Probe {
    let mut probe = Probe {
        steps: Vec::new(),
        era: None,
        protocol_version: None,
        server_info: None,
        tools: Vec::new(),
        wants_oauth: false,
    };
    let mut conversation = match Conversation::open(via, target).await {
        Ok(conversation) => conversation,
        Err(failed) if failed.0.reached == Reached::Nothing => {
            probe.fail(StepName::Reach, failed);
            return probe;
        }
        Err(failed) => {
            probe.ok(StepName::Reach, "connected");
            probe.fail(StepName::Handshake, failed);
            return probe;
        }
    };
    probe.ok(StepName::Reach, "connected");
    probe.note(&conversation);
    match conversation.tools().await {
        Ok(tools) => {
            probe.tools = tools.into_iter().filter_map(inventory_tool).collect();
            probe.ok(StepName::ListTools, counted(probe.tools.len()));
        }
        Err(failed) => probe.fail(StepName::ListTools, failed),
    }
    conversation.close().await;
    probe
}

impl Probe {
    fn note<E: Exchange>(&mut self, conversation: &Conversation<'_, E>) {
        let description = conversation.description();
        let cut = |text: &Option<String>| shown(text.as_deref().unwrap_or_default()).chars().take(100).collect();
        let info = Client { name: cut(&description.name), version: cut(&description.version) };
        self.era = Some(conversation.era());
        self.protocol_version = Some(shown(conversation.version()).chars().take(40).collect());
        let who = if info.name.is_empty() { "it" } else { info.name.as_str() };
        self.steps.push(Step {
            name: StepName::Handshake,
            outcome: StepOutcome::Ok(format!("{who} speaks MCP {}", shown(conversation.version()))),
        });
        self.server_info = Some(info).filter(|i| !i.name.is_empty());
    }
}

fn inventory_tool((name, definition): (String, bytes::Bytes)) -> Option<InventoryTool> {
    let definition = String::from_utf8(definition.to_vec()).ok()?;
    Some(InventoryTool { name, definition })
}

fn counted(tools: usize) -> String {
    match tools {
        1 => "1 tool".to_owned(),
        n => format!("{n} tools"),
    }
}

#[cfg(test)]
mod tests;
