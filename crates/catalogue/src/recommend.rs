//! Policies to begin with, by risk class. Each is a whole document that works as it is pasted.

use std::fmt::Write as _;

use policy::RiskClass;

use crate::ToolFacts;

/// A policy to begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recommendation {
    /// What it is, in a few words.
    pub title: String,
    /// What it does and what it leaves out.
    pub note: String,
    /// The policy document.
    pub document: String,
}

/// Calls in a minute that a write tool is capped at: enough for work, too few for a loop gone wrong.
const WRITES_PER_MINUTE: u32 = 30;
/// The same for tools that run something.
const RUNS_PER_MINUTE: u32 = 10;

/// Policies for one tool, the recommended one first.
#[must_use]
pub fn for_tool(facts: &ToolFacts, class: RiskClass) -> Vec<Recommendation> {
    let name = quoted(&facts.name);
    if facts.name.contains(['*', '?']) {
        return vec![unnameable()];
    }
    match class {
        RiskClass::Read => vec![only(&facts.name)],
        RiskClass::Write => {
            let mut all = vec![capped(&facts.name, WRITES_PER_MINUTE)];
            all.extend(protected_alias(facts));
            all
        }
        RiskClass::Execute => vec![capped(&facts.name, RUNS_PER_MINUTE)],
        RiskClass::Destructive => vec![Recommendation {
            title: "Out of sight, the rest of the server usable".to_owned(),
            note: format!(
                "{} is hidden: it is not listed, and a call to it is answered as for a tool that does not exist. Tools that \
                 read stay usable and tools that write are capped; everything else is denied.",
                facts.name
            ),
            document: format!(
                "{{\n  \"version\": \"1\",\n  \"default\": \"deny\",\n  \"hide\": [{name}],\n  \"classes\": {}\n}}\n",
                read_and_capped_write()
            ),
        }],
        RiskClass::Financial => vec![Recommendation {
            title: "Denied, the rest of the server usable".to_owned(),
            note: format!(
                "{} stays listed and answers that it is denied. Tools that read stay usable and tools that write are \
                 capped; everything else is denied.",
                facts.name
            ),
            document: format!(
                "{{\n  \"version\": \"1\",\n  \"default\": \"deny\",\n  \"tools\": {{\n    {name}: {{\n      \"action\": \"deny\",\n      \
                 \"reason\": \"It moves money, which a person does here.\"\n    }}\n  }},\n  \"classes\": {}\n}}\n",
                read_and_capped_write()
            ),
        }],
    }
}

/// A policy for a whole server: reads pass, writes and runs are capped together, what destroys is hidden, money is denied.
#[must_use]
pub fn for_server(tools: &[(&str, RiskClass)]) -> Recommendation {
    let names = |class| tools.iter().filter(move |(_, c)| *c == class).map(|(name, _)| *name);
    let count = |class| names(class).count();
    let mut document = String::from("{\n  \"version\": \"1\",\n  \"default\": \"deny\",\n");
    // A name that reads as a pattern would hide others; its tool is denied, because no class lets it pass.
    let nameable = names(RiskClass::Destructive).filter(|name| !name.is_empty() && !name.contains(['*', '?']));
    let hidden: Vec<String> = nameable.map(|n| format!("\n    {}", quoted(n))).collect();
    if !hidden.is_empty() {
        let _ = writeln!(document, "  \"hide\": [{}\n  ],", hidden.join(","));
    }
    let mut classes = vec![
        "\n    \"read\": {}".to_owned(),
        format!("\n    \"write\": {}", cap("writes_per_minute", WRITES_PER_MINUTE, 4)),
    ];
    if count(RiskClass::Execute) > 0 {
        classes.push(format!("\n    \"execute\": {}", cap("runs_per_minute", RUNS_PER_MINUTE, 4)));
    }
    if count(RiskClass::Financial) > 0 {
        let rule = "{ \"action\": \"deny\", \"reason\": \"It moves money, which a person does here.\" }";
        classes.push(format!("\n    \"financial\": {rule}"));
    }
    let _ = write!(document, "  \"classes\": {{{}\n  }}\n}}\n", classes.join(","));
    Recommendation {
        title: "Read freely, write within limits, destroy nothing".to_owned(),
        note: format!(
            "{} tools that read pass. {} that write share {WRITES_PER_MINUTE} calls a minute, {} that run something share \
             {RUNS_PER_MINUTE}. {} that destroy are hidden. A tool that the server gains later falls under the rule of its \
             class.",
            count(RiskClass::Read),
            count(RiskClass::Write),
            count(RiskClass::Execute),
            count(RiskClass::Destructive),
        ),
        document,
    }
}

/// A name with `*` or `?` in it is a pattern to a policy, which would let in or hide more than the one tool.
fn unnameable() -> Recommendation {
    Recommendation {
        title: "Everything denied".to_owned(),
        note: "The tool's name contains * or ?, which a policy reads as a pattern, so no rule can name this tool alone. Its \
               class can have a rule; without one it is denied."
            .to_owned(),
        document: "{\n  \"version\": \"1\",\n  \"default\": \"deny\"\n}\n".to_owned(),
    }
}

fn only(tool: &str) -> Recommendation {
    Recommendation {
        title: "This tool and nothing else".to_owned(),
        note: format!("{tool} passes without a limit; everything else on the server is denied."),
        document: format!(
            "{{\n  \"version\": \"1\",\n  \"default\": \"deny\",\n  \"tools\": {{\n    {}: {{}}\n  }}\n}}\n",
            quoted(tool)
        ),
    }
}

fn capped(tool: &str, max: u32) -> Recommendation {
    Recommendation {
        title: format!("{max} calls a minute"),
        note: format!(
            "{tool} stays usable, but an agent stuck in a loop cannot make hundreds of changes: {max} calls pass in any \
             minute per grant. Everything else on the server is denied."
        ),
        document: format!(
            "{{\n  \"version\": \"1\",\n  \"default\": \"deny\",\n  \"tools\": {{\n    {}: {}\n  }}\n}}\n",
            quoted(tool),
            cap(&counter(tool), max, 4)
        ),
    }
}

/// Tools that point a name such as “champion” at something: a limit on how often is the wrong control, one on which is right.
fn protected_alias(facts: &ToolFacts) -> Option<Recommendation> {
    facts.parameters.iter().find(|p| p.name == "alias")?;
    let tool = &facts.name;
    Some(Recommendation {
        title: "Not the aliases that production loads".to_owned(),
        note: format!(
            "As above, and “champion” and “production” stay where they are: what serves users is moved by a person, not by \
             {tool} from an agent. Put in the aliases that your services load."
        ),
        document: format!(
            "{{\n  \"version\": \"1\",\n  \"default\": \"deny\",\n  \"tools\": {{\n    {}: {{\n      \"deny_if\": [\n        {{\n          \
             \"conditions\": [{{ \"path\": \"args.alias\", \"op\": \"in\", \"value\": [\"champion\", \"production\"] }}],\n          \
             \"on_deny\": \"This alias is what production loads; a person moves it.\"\n        }}\n      ],\n      \
             \"limits\": {}\n    }}\n  }}\n}}\n",
            quoted(tool),
            limits(&counter(tool), WRITES_PER_MINUTE, 6)
        ),
    })
}

fn read_and_capped_write() -> String {
    format!("{{\n    \"read\": {{}},\n    \"write\": {}\n  }}", cap("writes_per_minute", WRITES_PER_MINUTE, 4))
}

fn cap(counter: &str, max: u32, indent: usize) -> String {
    let pad = " ".repeat(indent);
    format!("{{\n{pad}  \"limits\": {}\n{pad}}}", limits(counter, max, indent + 2))
}

fn limits(counter: &str, max: u32, indent: usize) -> String {
    let pad = " ".repeat(indent);
    format!(
        "[\n{pad}  {{ \"counter\": {}, \"window\": \"minute\", \"max\": {max}, \"scope\": \"grant\" }}\n{pad}]",
        quoted(counter)
    )
}

/// A counter's name for a tool: the characters that a counter may have.
fn counter(tool: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() || "_.:-".contains(c) { c } else { '_' };
    let name: String = tool.chars().take(100).map(fits).collect();
    format!("{name}_rate")
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
