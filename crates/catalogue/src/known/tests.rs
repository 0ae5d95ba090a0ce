use std::fmt::Write as _;

use policy::{CompiledPolicy, RiskClass};

use super::*;
use crate::classify;

/// Tools whose class a person set otherwise than the classifier does, each with the reason in its `why`.
const CURATED: &[&str] = &["prepare_model_env", "update_deployment", "explain_deployment"];

#[test]
fn the_class_table_is_the_golden_one() {
    let mut table = String::new();
    for server in servers() {
        writeln!(table, "{}", server.slug).unwrap();
        for class in RiskClass::ALL {
            let names: Vec<_> = server.tools.iter().filter(|t| t.class == class).map(|t| t.name.as_str()).collect();
            writeln!(table, "  {class} {}", names.len()).unwrap();
            names.iter().for_each(|name| writeln!(table, "    {name}").unwrap());
        }
    }
    assert_eq!(table, include_str!("classes.txt"), "changed on purpose? then change known/classes.txt too");
}

#[test]
fn the_classifier_agrees_but_for_the_curated_ones() {
    for server in servers() {
        for tool in &server.tools {
            let found = classify(&tool.facts());
            let curated = CURATED.contains(&tool.name.as_str());
            assert_eq!(found.class != tool.class, curated, "{}: {} {:?}", server.slug, tool.name, found);
        }
    }
}

#[test]
fn every_tool_says_what_it_does_and_why_it_has_its_class() {
    for tool in servers().iter().flat_map(|s| &s.tools) {
        assert!(tool.does.ends_with('.') && !tool.why.is_empty(), "{}", tool.name);
    }
}

#[test]
fn every_recommended_policy_compiles() {
    for server in servers() {
        let whole = server.recommended();
        CompiledPolicy::compile(&whole.document).unwrap_or_else(|p| panic!("{}: {p}\n{}", server.slug, whole.document));
        for tool in &server.tools {
            for recommendation in tool.recommended() {
                let compiled = CompiledPolicy::compile(&recommendation.document);
                compiled.unwrap_or_else(|p| panic!("{}: {p}\n{}", tool.name, recommendation.document));
            }
        }
    }
}

#[test]
fn a_server_is_recognised_by_its_tools() {
    for server in servers() {
        let names: Vec<_> = server.tools.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(recognise(&names).map(|s| s.slug.as_str()), Some(server.slug.as_str()));
    }
    assert!(recognise(&["get_run", "delete_run"]).is_none());
    assert!(recognise(&[]).is_none());
}

#[test]
fn slugs_are_found_exactly() {
    assert!(server("mlflow-mcp").is_some());
    assert!(server("MLFLOW-MCP").is_none());
}
