use RiskClass::{Destructive, Execute, Financial, Read, Write};
use proptest::prelude::*;

use super::*;
use crate::{Annotations, Parameter};

fn tool(name: &str, description: &str) -> ToolFacts {
    ToolFacts { name: name.into(), description: description.into(), ..ToolFacts::default() }
}

fn hinted(name: &str, read_only: Option<bool>, destructive: Option<bool>) -> ToolFacts {
    let annotations =
        Annotations { read_only_hint: read_only, destructive_hint: destructive, ..Annotations::default() };
    ToolFacts { annotations, ..tool(name, "") }
}

fn with_parameters(name: &str, parameters: &[&str]) -> ToolFacts {
    let parameters = parameters.iter().map(|p| Parameter { name: (*p).into(), ..Parameter::default() }).collect();
    ToolFacts { parameters, ..tool(name, "") }
}

#[test]
fn by_name() {
    for (name, class) in [
        ("get_run", Read),
        ("list_payments", Read),
        ("getRefundStatus", Read),
        ("health", Read),
        ("search-orders", Read),
        ("mlflow_get_run", Read),
        ("query_runs", Read),
        ("payments_list", Read),
        ("get_deleted_items", Read),
        ("tag_list", Read),
        ("comment.get", Read),
        ("version", Read),
        ("history_delete", Destructive),
        ("status_update", Write),
        ("link_traces_to_run", Write),
        ("archive_run", Write),
        ("run_query", Execute),
        ("run_list", Read),
        ("query_delete", Destructive),
        ("search_and_replace", Write),
        ("delete_by_query", Destructive),
        ("charge_refund", Financial),
        ("charge_card", Financial),
        ("request_deletion", Destructive),
        ("set_model_alias", Write),
        ("createIssue", Write),
        ("log_decision", Write),
        ("request_approval", Write),
        ("claim_listing", Write),
        ("get_or_create_user", Write),
        ("restore_run", Write),
        ("tag_run", Write),
        ("run_script", Execute),
        ("exec", Execute),
        ("deploy_app", Execute),
        ("serve_model", Execute),
        ("policy.run", Execute),
        ("delete_run", Destructive),
        ("deleteRun", Destructive),
        ("layout-delete", Destructive),
        ("drop_table", Destructive),
        ("file.remove", Destructive),
        ("fetch_and_delete_mail", Destructive),
        ("revoke_token", Destructive),
        ("rm", Destructive),
        ("cleanup_pods", Destructive),
        ("browser_take_screenshot", Read),
        ("create_snapshot", Write),
        ("finalize_invoice", Financial),
        ("payment_intents", Financial),
        ("invoice_lookup", Read),
        ("create_payment", Financial),
        ("payments-refund", Financial),
        ("pay_invoice", Financial),
        ("refund", Financial),
        ("create_refund", Financial),
        ("delete_payment", Financial),
        ("frobnicate", Write),
    ] {
        assert_eq!(classify(&tool(name, "")).class, class, "{name}: {:?}", classify(&tool(name, "")).evidence);
    }
}

#[test]
fn by_description_where_the_name_says_nothing_or_too_little() {
    for (name, description, class) in [
        ("frobnicate", "Deletes every run of an experiment.", Destructive),
        ("frobnicate", "Lists things.", Read),
        ("tidy", "Tidies up. Removes old files.", Destructive),
        ("get_rid_of_it", "Deletes the run.", Destructive),
        ("update_thing", "Updates it. This cannot be undone.", Destructive),
        ("get_runs", "Get runs. Runs can be large, keep the limit small.", Read),
        ("get_user", "Creates the user when there is none.", Write),
        ("policy.sync", "", Write),
        ("ship_it", "Deploy the model to production.", Execute),
        ("get_x", "Get x.\n\n    Args:\n        Deletes nothing.", Read),
    ] {
        let found = classify(&tool(name, description));
        assert_eq!(found.class, class, "{name}: {description}: {:?}", found.evidence);
    }
}

#[test]
fn by_annotation() {
    for (name, read_only, destructive, class) in [
        ("transition_stage", Some(false), Some(true), Destructive),
        ("set_tag", Some(false), None, Write),
        ("set_tag", Some(false), Some(false), Write),
        ("get_run", Some(false), None, Write),
        ("get_run", Some(true), None, Read),
        ("frobnicate", Some(true), None, Read),
        ("frobnicate", None, Some(true), Destructive),
        ("generate_report", Some(true), None, Read),
        ("run_report", Some(true), None, Read),
        ("run_report", None, None, Execute),
    ] {
        let found = classify(&hinted(name, read_only, destructive));
        assert_eq!(found.class, class, "{name} {read_only:?} {destructive:?}: {:?}", found.evidence);
    }
}

#[test]
fn by_parameter() {
    for (name, parameters, class) in [
        ("query_database", &["sql"][..], Execute),
        ("do_it", &["command"], Execute),
        ("get_output", &["cmd"], Execute),
        ("find_country", &["code"], Read),
        ("send_gift", &["amount", "currency"], Financial),
        ("get_rate", &["amount", "currency"], Read),
        ("set_limit", &["amount"], Write),
    ] {
        assert_eq!(classify(&with_parameters(name, parameters)).class, class, "{name} {parameters:?}");
    }
}

#[test]
fn a_servers_word_does_not_make_a_dangerous_name_harmless() {
    for name in ["delete_run", "deleteRun", "drop_table", "exec", "create_payment", "set_alias", "get_and_delete"] {
        let found = classify(&hinted(name, Some(true), Some(false)));
        assert_ne!(found.class, Read, "{name}");
        assert!(
            found.evidence.iter().any(|e| e.text.contains("readOnlyHint: true, but")),
            "{name}: {:?}",
            found.evidence
        );
    }
    // A name of look-alike letters is a name that says nothing, and the server's word alone is not enough for it.
    assert_ne!(classify(&hinted("ԁelete_run", Some(true), None)).class, Read);
    assert_eq!(classify(&hinted("ԁelete_item", Some(true), None)).class, Write);
}

#[test]
fn evidence_quotes_what_was_seen() {
    let found = classify(&hinted("delete_run", Some(false), Some(true)));
    let texts: Vec<_> = found.evidence.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["Its name says “delete”.", "The server itself marks it destructiveHint: true."]);
    assert_eq!(found.confidence, Confidence::High);
    assert_eq!(classify(&tool("frobnicate", "")).confidence, Confidence::Low);
}

proptest! {
    #[test]
    fn no_read_only_hint_lowers_a_destructive_name(rest in "[a-z_]{0,20}", destructive: Option<bool>) {
        let found = classify(&hinted(&format!("delete_{rest}"), Some(true), destructive));
        prop_assert!(found.class >= Destructive);
    }

    #[test]
    fn any_definition_gets_a_class_with_evidence_and_always_the_same(name in "\\PC{0,40}", description in "(?s).{0,200}") {
        let facts = tool(&name, &description);
        let found = classify(&facts);
        prop_assert!(!found.evidence.is_empty());
        prop_assert_eq!(found, classify(&facts));
    }
}
