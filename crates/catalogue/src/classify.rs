//! The risk classifier: deterministic, and it shows what it saw.
//!
//! The most severe class that the name, the description, the parameters or the annotations speak for wins. A server's own
//! word that a tool is read-only is believed only where the tool's name does not say otherwise: it is the server's word.

use std::fmt;

use policy::RiskClass;

use crate::{
    ToolFacts,
    words::{self, Strength},
};

/// A tool's class and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classification {
    /// The class.
    pub class: RiskClass,
    /// What speaks for it, the strongest first, and then what was set aside. Never empty.
    pub evidence: Vec<Evidence>,
    /// How sure that is.
    pub confidence: Confidence,
}

/// One thing seen in a tool's definition. Its text quotes only words of our own lists, never free text of the upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// A sentence.
    pub text: String,
}

/// How sure a classification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Nothing said what the tool does.
    Low,
    /// One thing did.
    Medium,
    /// Several agree.
    High,
}

/// Something that speaks for a class.
struct Claim {
    class: RiskClass,
    strength: Strength,
    source: Source,
    text: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Name,
    Description,
    Parameter,
    Annotation,
}

/// Phrases of descriptions that tell of what cannot be taken back.
const FINAL: &[&str] = &[
    "irreversible",
    "cannot be undone",
    "can't be undone",
    "cannot be recovered",
    "cannot be reversed",
    "permanently deletes",
    "permanently removes",
    "permanently erases",
    "is permanently deleted",
    "is permanently removed",
    "are permanently deleted",
    "are permanently removed",
];

/// Parameters that carry something to be run.
const RUNNABLE: &[&str] = &["command", "cmd", "shell", "script", "bash", "commandline", "powershell", "argv"];
/// Parameters that carry a query language which can also write.
const QUERY_LANGUAGE: &[&str] = &["sql", "cypher", "sparql", "statement", "gremlin"];
/// Parameters that name the other side of a payment.
const PAYEE: &[&str] = &["currency", "recipient", "payee", "beneficiary", "iban", "card", "wallet", "account"];
/// Parameters that carry a sum.
const SUM: &[&str] = &["amount", "price", "total"];

/// Gives a tool its class.
#[must_use]
pub fn classify(facts: &ToolFacts) -> Classification {
    let mut claims = name_claims(facts);
    let name_says_read = claims.iter().any(|c| c.class == RiskClass::Read) && claims.len() == 1;
    claims.extend(description_claims(facts, name_says_read));
    claims.extend(parameter_claims(facts, name_says_read));
    claims.extend(annotation_claims(facts));
    let (standing, overruled) = weigh(claims, facts);
    conclude(&standing, &overruled, facts)
}

/// The name's verb: the first known one; with a second behind a joint; and money among the things it acts on.
fn name_claims(facts: &ToolFacts) -> Vec<Claim> {
    let words = before_preposition(words::of_name(&facts.name));
    let plain_verb = |word: &String| words::verb(word).is_some() && !words::is_also_a_thing(word);
    let has_plain_verb = words.iter().any(plain_verb);
    let mut claims: Vec<Claim> = Vec::new();
    for (i, word) in words.iter().enumerate() {
        let behind_joint = i > 0 && words::is_joint(&words[i - 1]);
        let Some((class, strength)) = words::verb(word) else { continue };
        let may_lead = plain_verb(word) || !has_plain_verb;
        if (claims.is_empty() && may_lead) || behind_joint {
            claims.push(Claim { class, strength, source: Source::Name, text: format!("Its name says “{word}”.") });
        }
    }
    // `layout_delete`, `payments_refund`: where the verb stands last and is the harsher one, it is the verb.
    if let Some((word, (class, strength))) = words.last().and_then(|w| Some((w, words::verb(w)?)))
        && words.len() > 1
        && strength == Strength::Strong
        && class >= RiskClass::Destructive
        && claims.iter().all(|c| c.class != RiskClass::Read && c.class < class)
    {
        claims.push(Claim { class, strength, source: Source::Name, text: format!("Its name ends in “{word}”.") });
    }
    let only_reads = !claims.is_empty() && claims.iter().all(|c| c.class == RiskClass::Read);
    if let Some(word) = words.iter().find(|w| words::is_money(w)).filter(|_| !only_reads) {
        claims.push(Claim {
            class: RiskClass::Financial,
            strength: if claims.is_empty() { Strength::Weak } else { Strength::Strong },
            source: Source::Name,
            text: format!("Its name says that it acts on money (“{word}”)."),
        });
    }
    claims
}

/// The words up to a preposition, unless there is no verb among them.
fn before_preposition(words: Vec<String>) -> Vec<String> {
    let end = words.iter().position(|w| words::is_preposition(w)).unwrap_or(words.len());
    if words[..end].iter().any(|w| words::verb(w).is_some()) { words[..end].to_vec() } else { words }
}

fn description_claims(facts: &ToolFacts, name_says_read: bool) -> Vec<Claim> {
    let text = prose(&facts.description).to_lowercase();
    let mut claims = Vec::new();
    for (i, sentence) in text.split(['.', '\n', ';', '!']).map(str::trim).filter(|s| !s.is_empty()).enumerate() {
        let Some(word) = sentence.split(|c: char| !c.is_alphanumeric()).find(|w| !w.is_empty()) else { continue };
        let Some((class, strength)) = words::verb(word) else { continue };
        // "Runs can be large" begins a later sentence with a noun: there only what cannot be a noun is taken for a verb.
        let counts = match (i, strength) {
            (0, Strength::Strong) => true,
            (0, Strength::Weak) => !name_says_read,
            (_, Strength::Strong) => class == RiskClass::Destructive && word.ends_with('s'),
            (_, Strength::Weak) => false,
        };
        if counts && class != RiskClass::Read {
            let text = format!("Its description has it do this: “{word}”.");
            claims.push(Claim { class, strength, source: Source::Description, text });
        } else if counts && !name_says_read && i == 0 {
            let text = format!("Its description begins with “{word}”.");
            claims.push(Claim { class, strength: Strength::Weak, source: Source::Description, text });
        }
    }
    if let Some(phrase) = FINAL.iter().find(|p| text.contains(*p)) {
        claims.push(Claim {
            class: RiskClass::Destructive,
            strength: if name_says_read { Strength::Weak } else { Strength::Strong },
            source: Source::Description,
            text: format!("Its description says “{phrase}”."),
        });
    }
    claims
}

/// The description without its sections of arguments, examples and code.
fn prose(description: &str) -> &str {
    let section = |line: &&str| {
        let line = line.trim().to_lowercase();
        ["args:", "arguments:", "parameters:", "returns:", "example", "usage", "sample usage", "note:", "..", "```"]
            .iter()
            .any(|head| line.starts_with(head))
    };
    match description.split_inclusive('\n').find(section) {
        Some(line) => {
            let at = line.as_ptr() as usize - description.as_ptr() as usize;
            &description[..at]
        }
        None => description,
    }
}

fn parameter_claims(facts: &ToolFacts, name_says_read: bool) -> Vec<Claim> {
    let names: Vec<String> = facts.parameters.iter().map(|p| words::of_name(&p.name).join("")).collect();
    let first = |list: &[&str]| names.iter().find(|n| list.contains(&n.as_str())).cloned();
    let claim = |class, strength, text| Claim { class, strength, source: Source::Parameter, text };
    let mut claims = Vec::new();
    if let Some(name) = first(RUNNABLE) {
        let text = format!("It takes something to be run, the parameter “{name}”.");
        claims.push(claim(RiskClass::Execute, Strength::Strong, text));
    }
    if let Some(name) = names.iter().find(|n| *n == "code" || *n == "expression").filter(|_| mentions_code(facts)) {
        claims.push(claim(
            RiskClass::Execute,
            Strength::Strong,
            format!("It takes code to be run, the parameter “{name}”."),
        ));
    }
    if let Some(name) = first(QUERY_LANGUAGE) {
        let text = format!("It takes statements of a language that can also write, the parameter “{name}”.");
        claims.push(claim(RiskClass::Execute, Strength::Weak, text));
    }
    if let (Some(sum), Some(payee), false) = (first(SUM), first(PAYEE), name_says_read) {
        let text = format!("It takes a sum of money, the parameters “{sum}” and “{payee}”.");
        claims.push(claim(RiskClass::Financial, Strength::Strong, text));
    }
    claims
}

fn mentions_code(facts: &ToolFacts) -> bool {
    let of_parameter = facts.parameters.iter().filter(|p| p.name.eq_ignore_ascii_case("code")).map(|p| &p.description);
    let text: String = of_parameter.chain([&facts.description]).map(|t| t.to_lowercase()).collect::<Vec<_>>().join(" ");
    ["python", "javascript", "execut", "snippet", "sandbox", "script", "run the code", "run code", "evaluat"]
        .iter()
        .any(|word| text.contains(word))
}

fn annotation_claims(facts: &ToolFacts) -> Vec<Claim> {
    let claim = |class, text: &str| Claim {
        class,
        strength: Strength::Strong,
        source: Source::Annotation,
        text: text.to_owned(),
    };
    let hints = facts.annotations;
    let mut claims = Vec::new();
    if hints.destructive_hint == Some(true) && hints.read_only_hint != Some(true) {
        claims.push(claim(RiskClass::Destructive, "The server itself marks it destructiveHint: true."));
    }
    match hints.read_only_hint {
        Some(false) => claims.push(claim(RiskClass::Write, "The server itself marks it readOnlyHint: false.")),
        Some(true) => claims.push(claim(RiskClass::Read, "The server itself marks it readOnlyHint: true.")),
        None => {}
    }
    claims
}

/// Sets aside the weak claims against a server's word that the tool is read-only.
fn weigh(claims: Vec<Claim>, facts: &ToolFacts) -> (Vec<Claim>, Vec<Claim>) {
    let read_only = facts.annotations.read_only_hint == Some(true) && facts.name.is_ascii();
    let name_says_read = claims.iter().any(|c| c.source == Source::Name && c.class == RiskClass::Read)
        && !claims.iter().any(|c| c.source == Source::Name && c.class != RiskClass::Read);
    let stands = |claim: &Claim| match (claim.class, claim.strength) {
        (RiskClass::Read, _) => true,
        (_, Strength::Weak) => !read_only,
        (RiskClass::Write, Strength::Strong) if claim.source == Source::Description => !(read_only && name_says_read),
        (_, Strength::Strong) => true,
    };
    claims.into_iter().partition(stands)
}

fn conclude(standing: &[Claim], overruled: &[Claim], facts: &ToolFacts) -> Classification {
    let said = standing.iter().map(|c| c.class).max();
    let only_hint = standing.iter().all(|c| c.source == Source::Annotation);
    let class = match said {
        // The server's word alone, on a name that may be made to look like another one, is not enough.
        Some(RiskClass::Read) if only_hint && !facts.name.is_ascii() => RiskClass::Write,
        Some(class) => class,
        None => RiskClass::Write,
    };
    let mut evidence: Vec<Evidence> =
        standing.iter().filter(|c| c.class == class).map(|c| Evidence { text: c.text.clone() }).collect();
    let confidence = match evidence.len() {
        0 => Confidence::Low,
        1 => Confidence::Medium,
        _ => Confidence::High,
    };
    if evidence.is_empty() {
        evidence.push(Evidence {
            text: "Nothing in its definition says what it does, so it counts as changing something.".into(),
        });
    }
    if class > RiskClass::Read && facts.annotations.read_only_hint == Some(true) {
        let text = "The server marks it readOnlyHint: true, but that is its own word and the rest of the definition says otherwise.";
        evidence.push(Evidence { text: text.to_owned() });
    }
    if class == RiskClass::Destructive && facts.annotations.destructive_hint == Some(false) {
        evidence.push(Evidence {
            text: "The server marks it destructiveHint: false, which is not believed against its name.".into(),
        });
    }
    let aside = |c: &Claim| Evidence {
        text: format!("Set aside, since the server marks it read-only: {}", lower_first(&c.text)),
    };
    evidence.extend(overruled.iter().map(aside));
    Classification { class, evidence, confidence }
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|c| c.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
