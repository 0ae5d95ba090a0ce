use policy::{CompiledPolicy, Visibility, visibility};

use super::*;
use crate::{Parameter, server};

#[test]
fn the_policy_for_set_model_alias_is_the_one_in_the_language_definition() {
    let tool = server("mlflow-mcp").unwrap().tool("set_model_alias").unwrap();
    let seed = serde_json::json!({
        "version": "1", "default": "deny",
        "tools": {"set_model_alias": {"limits": [
            {"counter": "set_model_alias_rate", "window": "minute", "max": 30, "scope": "grant"}]}}
    });
    let recommended = tool.recommended();
    let as_written = r#"{
  "version": "1",
  "default": "deny",
  "tools": {
    "set_model_alias": {
      "limits": [
        { "counter": "set_model_alias_rate", "window": "minute", "max": 30, "scope": "grant" }
      ]
    }
  }
}
"#;
    assert_eq!(recommended[0].document, as_written);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&recommended[0].document).unwrap(), seed);
    assert!(recommended[1].document.contains("args.alias"));
}

#[test]
fn hiding_a_destructive_tool_leaves_the_rest_of_the_server_usable() {
    let facts = ToolFacts { name: "delete_run".into(), ..ToolFacts::default() };
    let policy = CompiledPolicy::compile(&for_tool(&facts, RiskClass::Destructive)[0].document).unwrap();
    let seen = |tool, class| visibility(Some(&policy), tool, class);
    assert_eq!(seen("delete_run", RiskClass::Destructive), Visibility::Hidden);
    assert_eq!(seen("get_run", RiskClass::Read), Visibility::Listed);
    assert_eq!(seen("set_tag", RiskClass::Write), Visibility::Listed);
    assert_eq!(seen("delete_experiment", RiskClass::Destructive), Visibility::Denied);
}

#[test]
fn a_servers_policy_treats_each_tool_by_its_class() {
    for server in crate::servers() {
        let policy = CompiledPolicy::compile(&server.recommended().document).unwrap();
        for tool in &server.tools {
            let expected = match tool.class {
                RiskClass::Destructive => Visibility::Hidden,
                RiskClass::Financial => Visibility::Denied,
                _ => Visibility::Listed,
            };
            assert_eq!(visibility(Some(&policy), &tool.name, tool.class), expected, "{}", tool.name);
        }
    }
}

#[test]
fn odd_tool_names_make_policies_that_compile() {
    for name in ["a/b~c", "we\"ird", "größe", "", "*", "x y", "\u{202e}evil"] {
        let parameters = vec![Parameter { name: "alias".into(), ..Parameter::default() }];
        let facts = ToolFacts { name: name.into(), parameters, ..ToolFacts::default() };
        for class in RiskClass::ALL {
            for recommendation in for_tool(&facts, class) {
                let problems = CompiledPolicy::compile(&recommendation.document).err();
                assert!(
                    problems.is_none() || name.is_empty(),
                    "{name:?} {class}: {problems:?}\n{}",
                    recommendation.document
                );
            }
            let whole = for_server(&[(name, class), ("get_x", RiskClass::Read)]);
            assert!(CompiledPolicy::compile(&whole.document).is_ok() || name.is_empty(), "{}", whole.document);
        }
    }
}

#[test]
fn a_tool_named_like_a_pattern_gets_no_rule_that_lets_others_in() {
    for name in ["*", "get_*", "a?"] {
        let facts = ToolFacts { name: name.into(), ..ToolFacts::default() };
        for class in RiskClass::ALL {
            let policy = CompiledPolicy::compile(&for_tool(&facts, class)[0].document).unwrap();
            assert_ne!(visibility(Some(&policy), "get_secret", RiskClass::Write), Visibility::Listed, "{name} {class}");
            let whole = CompiledPolicy::compile(&for_server(&[(name, class)]).document).unwrap();
            assert_eq!(visibility(Some(&whole), "get_secret", RiskClass::Read), Visibility::Listed, "{name} {class}");
            assert_ne!(visibility(Some(&whole), name, RiskClass::Destructive), Visibility::Listed, "{name} {class}");
        }
    }
}
