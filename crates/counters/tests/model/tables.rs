//! Single conditions, every value against every operand.

use policy::{Approval, Call, CompiledPolicy, Facts, RiskClass, Timestamp, Verdict, judge};

use super::{
    address,
    check::{Scene, Wildcard},
    facts,
    json::Tree,
    values,
};

#[test]
fn every_address_is_inside_and_outside_the_networks_of_the_table() {
    for op in ["cidr", "not_cidr"] {
        for network in address::NETWORKS {
            agree_on_all(op, &Tree::text(network), &address::TEXTS.map(|(text, _)| Tree::text(text)));
        }
        agree_on_all(op, &Tree::List(Vec::new()), &address::TEXTS.map(|(text, _)| Tree::text(text)));
    }
}

#[test]
fn every_value_comes_out_the_same_under_every_operator() {
    let numbers: Vec<Tree> = values::NUMBERS.iter().chain(&values::EDGES).map(Tree::number).collect();
    let texts: Vec<Tree> = values::TEXTS.iter().map(Tree::text).collect();
    let others = [Tree::Null, Tree::Bool(true), Tree::Bool(false), Tree::List(Vec::new()), Tree::Object(Vec::new())];
    let nested = [Tree::List(numbers[..9].to_vec()), Tree::List(texts.clone()), Tree::object(vec![("a", Tree::Null)])];
    let all: Vec<Tree> = numbers.iter().chain(&texts).chain(&others).chain(&nested).cloned().collect();
    for operand in &all {
        for op in ["eq", "neq", "contains", "not_contains"] {
            agree_on_all(op, operand, &all);
        }
        for op in ["in", "not_in"] {
            agree_on_all(op, &Tree::List(vec![operand.clone(), Tree::text("other")]), &all);
        }
    }
    for number in &numbers {
        for op in ["lt", "lte", "gt", "gte"] {
            agree_on_all(op, number, &all);
        }
    }
    for text in &texts {
        for op in ["starts_with", "ends_with"] {
            agree_on_all(op, text, &all);
        }
    }
    for length in 0..30 {
        for op in ["len_lte", "len_gte"] {
            agree_on_all(op, &Tree::number(length), &all);
        }
    }
}

/// One policy with one condition, each value judged under `require` and by the model.
fn agree_on_all(op: &str, operand: &Tree, values: &[Tree]) {
    let condition =
        Tree::object(vec![("path", Tree::text("args.v")), ("op", Tree::text(op)), ("value", operand.clone())]);
    let check = Tree::object(vec![("conditions", Tree::List(vec![condition]))]);
    let policy = Tree::object(vec![
        ("version", Tree::text("1")),
        ("default", Tree::text("allow")),
        ("all_tools", Tree::object(vec![("require", Tree::List(vec![check.clone()]))])),
    ]);
    let policy = CompiledPolicy::compile(&policy.render()).unwrap();
    let facts = facts::nothing();
    for value in values {
        let arguments = Tree::object(vec![("v", value.clone())]);
        let scene = Scene { arguments: Some(&arguments), facts: &facts };
        let text = arguments.render();
        let call = Call {
            tool: "t",
            arguments: Some(&text),
            class: RiskClass::Write,
            facts: Facts::default(),
            approved: Approval::None,
        };
        let passes = matches!(judge(Some(&policy), &call, Timestamp(0)), Verdict::Permit(_));
        assert_eq!(scene.holds(&check, Wildcard::Every), passes, "{value:?} {op} {operand:?}");
    }
}
