//! Known servers: data files beside the code, each tool looked at by a person.

use std::sync::LazyLock;

use policy::RiskClass;
use serde::Deserialize;

use crate::{Annotations, Parameter, Recommendation, ToolFacts, recommend};

/// The data files, in the order in which the catalogue lists them.
const FILES: &[&str] = &[include_str!("../data/mlflow-mcp.json"), include_str!("../data/mlflow.json")];

static SERVERS: LazyLock<Vec<KnownServer>> = LazyLock::new(|| FILES.iter().map(|text| read(text)).collect());

/// A server that the catalogue knows.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownServer {
    /// Its name in URLs of the catalogue, and the `kind` of a registered server.
    pub slug: String,
    /// Its name for people.
    pub title: String,
    /// Who publishes it.
    pub publisher: String,
    /// The package it comes in.
    pub package: String,
    /// The version that was looked at.
    pub package_version: String,
    /// Where it is described.
    pub homepage: String,
    /// What it is, in a sentence or two.
    pub summary: String,
    /// A slug for the server when it is registered.
    pub suggested_slug: String,
    /// How it is best reached.
    pub transport: SuggestedTransport,
    /// How it is started.
    pub run: RunHint,
    /// Its tools, in its own order.
    pub tools: Vec<KnownTool>,
}

/// How a server is best reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SuggestedTransport {
    /// By URL.
    Http,
    /// Behind a connector.
    Tunnel,
}

/// How a server is started.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunHint {
    /// The command line.
    pub command: String,
    /// What its environment should say.
    pub environment: Vec<EnvironmentHint>,
    /// The URL it answers at when started so, for servers that speak HTTP.
    #[serde(default)]
    pub url: Option<String>,
    /// What else to know.
    pub note: String,
}

/// A variable of a server's environment.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentHint {
    /// The variable's name.
    pub name: String,
    /// A value that works.
    pub example: String,
    /// What it means.
    pub meaning: String,
}

/// A tool that the catalogue knows.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownTool {
    /// Its name.
    pub name: String,
    /// What it does, in our words.
    pub does: String,
    /// The first words of its own description.
    pub description: String,
    /// Its risk class.
    pub class: RiskClass,
    /// What speaks for the class.
    pub why: Vec<String>,
    /// How it can be undone, for destructive tools where it can.
    #[serde(default)]
    pub undo: Option<String>,
    /// Its annotations.
    #[serde(default)]
    pub annotations: Annotations,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
}

/// Every known server.
#[must_use]
pub fn servers() -> &'static [KnownServer] {
    &SERVERS
}

/// The known server with this slug.
#[must_use]
pub fn server(slug: &str) -> Option<&'static KnownServer> {
    SERVERS.iter().find(|s| s.slug == slug)
}

/// The known server that a list of tool names looks like: at least nine in ten of each side are the other's.
#[must_use]
pub fn recognise(tool_names: &[&str]) -> Option<&'static KnownServer> {
    let alike = |server: &&KnownServer| {
        let shared = tool_names.iter().filter(|name| server.tool(name).is_some()).count();
        let larger = tool_names.len().max(server.tools.len());
        larger > 0 && shared * 10 >= larger * 9
    };
    SERVERS.iter().find(alike)
}

impl KnownServer {
    /// The tool with this name.
    #[must_use]
    pub fn tool(&self, name: &str) -> Option<&KnownTool> {
        self.tools.iter().find(|t| t.name == name)
    }

    /// How many tools it has of a class.
    #[must_use]
    pub fn count(&self, class: RiskClass) -> usize {
        self.tools.iter().filter(|t| t.class == class).count()
    }

    /// The policy to begin with for the whole server.
    #[must_use]
    pub fn recommended(&self) -> Recommendation {
        let tools: Vec<_> = self.tools.iter().map(|t| (t.name.as_str(), t.class)).collect();
        recommend::for_server(&tools)
    }
}

impl KnownTool {
    /// The policies to begin with for this tool, the first one the one recommended.
    #[must_use]
    pub fn recommended(&self) -> Vec<Recommendation> {
        recommend::for_tool(&self.facts(), self.class)
    }

    /// Its definition as the classifier reads it.
    #[must_use]
    pub fn facts(&self) -> ToolFacts {
        ToolFacts {
            name: self.name.clone(),
            title: None,
            description: self.description.clone(),
            parameters: self.parameters.clone(),
            annotations: self.annotations,
        }
    }
}

#[expect(clippy::expect_used, reason = "the data files are part of the program and read by its tests")]
fn read(text: &str) -> KnownServer {
    serde_json::from_str(text).expect("the catalogue's data files read")
}

#[cfg(test)]
mod tests;
