//! A policy that is ready to judge.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::document::{self, Document, Name, Scenario};
use crate::pattern::Glob;
use crate::projection::Projection;
use crate::rule::{Action, Rule};
use crate::{Problems, RiskClass};

/// A policy free of problems, indexed for judging. Cloning shares it.
#[derive(Clone)]
pub struct CompiledPolicy(Arc<Inner>);

struct Inner {
    description: Option<String>,
    default: Action,
    rules: Vec<Rule>,
    /// Into `rules`.
    exact: HashMap<Box<str>, usize>,
    /// Into `rules`, by the character that a matching name begins with (`None`: any), most specific first.
    globs: HashMap<Option<char>, Vec<(Glob, usize)>>,
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
        let mut exact = HashMap::new();
        let mut globs: HashMap<_, Vec<_>> = HashMap::new();
        for (name, rule) in document.entries {
            match name {
                Name::Exact(name) => _ = exact.insert(name, rules.len()),
                Name::Glob(glob) => globs.entry(glob.first_char()).or_default().push((glob, rules.len())),
            }
            rules.push(rule);
        }
        for alike in globs.values_mut() {
            alike.sort_by_key(|(glob, _)| Reverse(glob.literals()));
        }
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
            exact,
            globs,
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

    pub(crate) fn standing(&self, tool: &str, class: RiskClass) -> Standing<'_> {
        let Some(rule) = self.entry(tool, class) else {
            return if self.0.default == Action::Allow { Standing::Open(None) } else { Standing::DefaultDeny };
        };
        match rule.action {
            _ if rule.mode == crate::Mode::Shadow => Standing::Open(Some(rule)),
            Action::Hide => Standing::Hidden(rule),
            Action::Deny => Standing::Denied(rule),
            Action::Allow | Action::RequireApproval => Standing::Open(Some(rule)),
        }
    }

    /// The one entry for a tool: its exact name, else the most specific pattern, else its class.
    fn entry(&self, tool: &str, class: RiskClass) -> Option<&Rule> {
        let by_class = || self.0.classes[class as usize];
        let index = self.0.exact.get(tool).copied().or_else(|| self.by_glob(tool)).or_else(by_class);
        index.and_then(|index| self.0.rules.get(index))
    }

    /// Two globs that both match are never equally specific: such a document is refused.
    fn by_glob(&self, tool: &str) -> Option<usize> {
        let first_match = |first| {
            let candidates = self.0.globs.get(&first)?;
            candidates.iter().find(|(glob, _)| glob.matches(tool))
        };
        let found = [tool.chars().next().and_then(|c| first_match(Some(c))), first_match(None)];
        found.into_iter().flatten().max_by_key(|(glob, _)| glob.literals()).map(|(_, index)| *index)
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
