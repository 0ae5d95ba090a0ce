//! Classes the tools of a `tools/list` result on standard input: `{"tools": [...]}`. For writing a data file.

use std::io::Read as _;

use catalogue::{ToolFacts, classify};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let result: serde_json::Value = serde_json::from_str(&text)?;
    for definition in result["tools"].as_array().into_iter().flatten() {
        let Some(facts) = ToolFacts::from_definition(&definition.to_string()) else { continue };
        let found = classify(&facts);
        let evidence: Vec<_> = found.evidence.iter().map(ToString::to_string).collect();
        println!("{} {} ({:?}): {}", found.class, facts.name, found.confidence, evidence.join(" "));
    }
    Ok(())
}
