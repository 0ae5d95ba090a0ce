//! A policy that is ready to judge.

use std::fmt;
use std::sync::Arc;

use crate::document::{self, Document, Scenario};
use crate::judge::Identity;
use crate::names::{LikeNames, Names};
use crate::projection::Projection;
use crate::rule::{Action, Rule};
use crate::{Mode, Problems, RiskClass};

/// A policy free of problems, indexed for judging. Cloning shares it.
#[derive(Clone)]
pub struct CompiledPolicy(Arc<Inner>);

struct Inner {
    description: Option<String>,
    default: Action,
    rules: Vec<Rule>,
    /// Into `rules`.
    names: Names,
    /// Into `rules`, those that are only watched left out.
    like: LikeNames,
    /// By class, into `rules`.
    classes: [Option<usize>; RiskClass::ALL.len()],
    all_tools: Option<Rule>,
    scenarios: Vec<Scenario>,
    projection: Projection,
}

/// How a tool stands before anything about a call but its name and class is known: steps 2 and 4 of POLICY.md §3.
/// `tools/list` and `tools/call` both start here, so what is hidden can never be called.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Standing<'p> {
    Hidden(&'p Rule),
    /// Nobody listed the tool, and its name looks like another one: the entry for that, if there is one.
    LookAlike(Option<&'p Rule>),
    Denied(&'p Rule),
    DefaultDeny,
    /// Under this entry; under `default: allow` when there is none.
    Open(Option<&'p Rule>),
}

impl CompiledPolicy {
    /// Parses, validates and compiles a policy document.
    ///
    /// Takes time in proportion to the document, with a bound that only hostile documents come near: up to some
    /// milliseconds for usual ones, so call it off the async threads.
    ///
    /// # Errors
    /// Every problem of the document, placed. A text that is not JSON has one: where it stops being JSON.
    pub fn compile(text: &str) -> Result<Self, Problems> {
        document::read(text).map(Self::from_document)
    }

    pub(crate) fn from_document(document: Document) -> Self {
        let mut rules = Vec::with_capacity(document.entries.len() + document.classes.len());
        let (mut names, mut like) = (Names::default(), LikeNames::default());
        for (name, rule) in document.entries {
            if rule.mode == Mode::Enforce {
                like.insert(&name, rules.len());
            }
            names.insert(name, rules.len());
            rules.push(rule);
        }
        names.sort();
        like.sort();
        let mut classes = [None; RiskClass::ALL.len()];
        for (class, rule) in document.classes {
            classes[class as usize] = Some(rules.len());
            rules.push(rule);
        }
        let paths = rules.iter().chain(&document.all_tools).flat_map(Rule::argument_paths);
        let projection = Projection::new(paths.filter_map(|(path, _)| path.segments()));
        Self(Arc::new(Inner {
            projection,
            description: document.description,
            default: document.default,
            rules,
            names,
            like,
            classes,
            all_tools: document.all_tools,
            scenarios: document.scenarios,
        }))
    }

    /// The document's `description`.
    pub fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// Whether some call may need a person's approval.
    pub fn needs_approvals(&self) -> bool {
        self.all_rules().any(Rule::needs_approvals)
    }

    /// Every path under `args` that a condition or amount reads, as written; sorted, each once. What a record may keep
    /// of the arguments' values.
    pub fn argument_paths(&self) -> Vec<String> {
        let mut paths: Vec<String> =
            self.all_rules().flat_map(Rule::argument_paths).map(|(path, _)| path.to_string()).collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }

    /// The arguments of a call pruned to [`CompiledPolicy::argument_paths`], which this policy judges as it judges all of
    /// them: what a record keeps. `None` when no path is read, or the text is not a strict JSON object.
    pub fn project(&self, arguments: &str) -> Option<String> {
        self.0.projection.of(arguments)
    }

    /// How many tests the document carries.
    pub fn test_count(&self) -> usize {
        self.0.scenarios.len()
    }

    /// The most conditions and limits that one judgement looks at: those of one entry and of `all_tools`.
    pub(crate) fn weight(&self) -> usize {
        let of_rule =
            |rule: &Rule| rule.checks().map(|check| check.conditions.len()).sum::<usize>() + rule.limits.len();
        self.0.rules.iter().map(of_rule).max().unwrap_or_default() + self.0.all_tools.as_ref().map_or(0, of_rule)
    }

    pub(crate) fn scenarios(&self) -> &[Scenario] {
        &self.0.scenarios
    }

    pub(crate) fn all_tools(&self) -> Option<&Rule> {
        self.0.all_tools.as_ref()
    }

    pub(crate) fn all_rules(&self) -> impl Iterator<Item = &Rule> {
        self.0.rules.iter().chain(&self.0.all_tools)
    }

    pub(crate) fn standing(&self, (tool, identity): (&str, Identity), class: RiskClass) -> Standing<'_> {
        let known = self.standing_known(tool, class);
        match known {
            Standing::Open(_) => self.look_alike(tool, identity).unwrap_or(known),
            Standing::Hidden(_) | Standing::LookAlike(_) | Standing::Denied(_) | Standing::DefaultDeny => known,
        }
    }

    /// The name is judged byte by byte and nothing else.
    fn standing_known(&self, tool: &str, class: RiskClass) -> Standing<'_> {
        let Some(rule) = self.entry(tool, class) else {
            return if self.0.default == Action::Allow { Standing::Open(None) } else { Standing::DefaultDeny };
        };
        match rule.action {
            _ if rule.mode == Mode::Shadow => Standing::Open(Some(rule)),
            Action::Hide => Standing::Hidden(rule),
            Action::Deny => Standing::Denied(rule),
            Action::Allow | Action::RequireApproval => Standing::Open(Some(rule)),
        }
    }

    /// The standing of a name that only looks like one that has an entry, or that is listed. One that an entry spells is
    /// what it says.
    fn look_alike(&self, tool: &str, identity: Identity) -> Option<Standing<'_>> {
        if identity == Identity::Known || self.0.names.exact(tool).is_some() {
            return None;
        }
        let entry = self.0.names.look_alike(&self.0.like, tool);
        match (entry.and_then(|entry| self.0.rules.get(entry)), identity) {
            (None, Identity::Known | Identity::Unknown) => None,
            (rule, _) => Some(Standing::LookAlike(rule)),
        }
    }

    /// The one entry for a tool: its exact name, else the most specific pattern, else its class.
    fn entry(&self, tool: &str, class: RiskClass) -> Option<&Rule> {
        let by_class = || self.0.classes[class as usize];
        let index = self.0.names.exact(tool).or_else(|| self.0.names.by_glob(tool)).or_else(by_class);
        index.and_then(|index| self.0.rules.get(index))
    }

    #[cfg(test)]
    pub(crate) fn first_condition(&self, tool: &str) -> Option<&crate::condition::Condition> {
        self.entry(tool, RiskClass::Write)?.checks().flat_map(|check| &check.conditions).next()
    }
}

impl fmt::Debug for CompiledPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompiledPolicy").field("rules", &self.0.rules.len()).finish_non_exhaustive()
    }
}
