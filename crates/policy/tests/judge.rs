//! Judgements through the public face of the crate. What a policy alone can show is in the vectors.

use policy::{
    Approval, Approvers, Arguments, Call, Code, CompiledPolicy, Decimal, Definition, Denial, Facts, Findings, Identity,
    Mode, OnUnavailable, Permit, Refund, RiskClass, Scope, SelfApproval, StandingKind, Timestamp, Unit, Verdict,
    Visibility, Window, judge, judge_with, standings, visibility, visibility_as,
};
use proptest::prelude::*;

/// 2026-01-01T00:00:00Z, a Thursday.
const NOW: Timestamp = Timestamp(1_767_225_600_000_000);

fn compile(text: &str) -> CompiledPolicy {
    CompiledPolicy::compile(text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// A policy with default deny and this rule for the tool `t`.
fn ruled(rule: &str) -> CompiledPolicy {
    compile(&format!(r#"{{"version":"1","default":"deny","tools":{{"t":{rule}}}}}"#))
}

fn call<'a>(tool: &'a str, arguments: &'a str) -> Call<'a> {
    Call {
        tool,
        arguments: Some(arguments),
        class: RiskClass::Write,
        facts: Facts::default(),
        approved: Approval::None,
    }
}

fn permit(policy: &CompiledPolicy, call: &Call<'_>) -> Permit {
    match judge(Some(policy), call, NOW) {
        Verdict::Permit(permit) => permit,
        other => panic!("{other:?}"),
    }
}

fn denial(policy: &CompiledPolicy, call: &Call<'_>) -> Denial {
    match judge(Some(policy), call, NOW) {
        Verdict::Deny(denial) => denial,
        other => panic!("{other:?}"),
    }
}

fn told(policy: &CompiledPolicy, call: &Call<'_>) -> (Code, String) {
    let denial = denial(policy, call);
    (denial.code, denial.rule)
}

#[test]
fn without_a_policy_everything_is_denied() {
    let Verdict::Deny(denial) = judge(None, &call("t", "{}"), NOW) else { panic!("denied") };
    assert_eq!((denial.code, denial.rule.as_str()), (Code::NoPolicy, ""));
    assert_eq!(visibility(None, "t", RiskClass::Read), Visibility::Denied);
}

#[test]
fn what_the_gateway_found_is_told_in_its_place_in_the_order() {
    let policy = compile(
        r#"{"version":"1","default":"deny","hide":["h"],"tools":{"d":{"action":"deny"},
            "t":{"require":[{"conditions":[{"path":"args.a","op":"exists","value":true}]}]}}}"#,
    );
    let held = Findings { definition: Definition::Held, ..Findings::default() };
    let invalid = Findings { arguments: Arguments::Invalid, ..Findings::default() };
    for (tool, findings, code) in [
        ("h", held, Code::Hidden),
        ("d", held, Code::ToolChanged),
        ("x", held, Code::ToolChanged),
        ("t", held, Code::ToolChanged),
        ("h", invalid, Code::Hidden),
        ("d", invalid, Code::Denied),
        ("x", invalid, Code::DefaultDeny),
        ("t", invalid, Code::InvalidArguments),
        ("t", Findings::default(), Code::ArgumentDenied),
    ] {
        match judge_with(Some(&policy), &call(tool, "{}"), findings, NOW) {
            Verdict::Deny(denial) => assert_eq!(denial.code, code, "{tool} {findings:?}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn facts_are_what_the_caller_of_judge_says() {
    let facts = Facts {
        grant_label: "ci",
        member_email: Some("a@example.org"),
        member_role: Some("viewer"),
        client_name: Some("cursor"),
        client_version: Some("1.2"),
        client_ip: Some("10.1.2.3"),
        session_id: Some("s-1"),
    };
    for (path, op, value, unknown_holds) in [
        ("grant.label", "eq", "\"ci\"", false),
        ("member.email", "ends_with", "\"@example.org\"", false),
        ("member.role", "in", "[\"viewer\",\"admin\"]", false),
        ("client.name", "eq", "\"cursor\"", false),
        ("client.version", "starts_with", "\"1.\"", false),
        ("client.ip", "cidr", "\"10.0.0.0/8\"", false),
        ("session.id", "exists", "true", false),
        ("session.id", "len_lte", "3", false),
        ("tool.class", "eq", "\"write\"", true),
        ("time.hour", "lt", "1", true),
        ("time.hour", "eq", "0", true),
        ("time.weekday", "eq", "\"thu\"", true),
    ] {
        let rule = format!(r#"{{"require":[{{"conditions":[{{"path":"{path}","op":"{op}","value":{value}}}]}}]}}"#);
        let policy = ruled(&rule);
        let known = Call { facts, ..call("t", "{}") };
        assert!(matches!(judge(Some(&policy), &known, NOW), Verdict::Permit(_)), "{path}");
        let holds = matches!(judge(Some(&policy), &call("t", "{}"), NOW), Verdict::Permit(_));
        assert_eq!(holds, unknown_holds, "{path} when nothing is known");
    }
    let evening = Timestamp(NOW.0 + 23 * 3_600_000_000);
    let policy = ruled(r#"{"deny_if":[{"conditions":[{"path":"time.hour","op":"gte","value":23}]}]}"#);
    assert!(matches!(judge(Some(&policy), &call("t", "{}"), evening), Verdict::Deny(_)));
}

#[test]
fn arguments_that_are_no_sound_object_are_never_judged() {
    let reading = ruled(r#"{"deny_if":[{"conditions":[{"path":"args.a","op":"eq","value":1}]}]}"#);
    for bad in [
        "[]",
        "\"x\"",
        "",
        "null",
        "{\"a\":1,\"a\":2}",
        "{\"b\":{\"c\":1,\"c\":1}}",
        "{",
        "{}{}",
        "{\"a\":\"\\ud800\"}",
    ] {
        assert_eq!(told(&reading, &call("t", bad)), (Code::InvalidArguments, String::new()), "{bad}");
    }
    assert_eq!(told(&ruled("{}"), &call("t", "[1]")).0, Code::InvalidArguments, "even where nothing is read");
    permit(&reading, &Call { arguments: None, ..call("t", "{}") });
    permit(&reading, &call("t", " \n{\"a\":2} "));
}

#[test]
fn messages_say_why_and_never_what_was_sent() {
    const SECRET: &str = "5ecret";
    let rule = r#"{
        "reason": "Ask the owner.",
        "require": [
          {"conditions": [{"path":"args.a","op":"exists","value":true}]},
          {"conditions": [{"path":"args.a","op":"neq","value":"5ecret"}], "name": "no-secrets", "on_deny": "Not this."}],
        "deny_if": [{"conditions": [{"path":"args.n","op":"gt","value":5}], "name": "small"}],
        "limits": [{"window":"day","max":1,"amount":"args.n"}]}"#;
    let with_reason = ruled(rule);
    let without = ruled(&rule.replace("\"reason\": \"Ask the owner.\",", ""));
    for (policy, arguments, text) in [
        (&with_reason, r#"{"n":1,"b":"5ecret"}"#, "Ask the owner."),
        (&with_reason, r#"{"n":1,"a":"5ecret"}"#, "Not this."),
        (
            &without,
            r#"{"a":1,"n":6,"b":"5ecret"}"#,
            "The policy does not allow this call with these arguments (small).",
        ),
        (&without, r#"{"n":1,"b":"5ecret"}"#, "The policy does not allow this call with these arguments."),
        (&without, r#"{"n":"5ecret"}"#, "args.n is not a number."),
        (&without, r#"{"5ecret":1}"#, "args.n is missing."),
        (&without, r#"{"n":-5}"#, "args.n is negative."),
        (&without, r#"{"n":1e1000}"#, "args.n has a number with too many digits or too large an exponent."),
    ] {
        let denial = denial(policy, &call("t", arguments));
        assert_eq!(denial.message, text, "{arguments}");
        assert!(!denial.text().contains(SECRET) && denial.text().starts_with("[POLICY DENIED] "));
    }
}

#[test]
fn a_permit_lists_what_to_reserve() {
    let policy = compile(
        r#"{"version":"1","default":"allow",
            "tools":{"get_*":{"reason":"Slow down.","limits":[
                {"window":"hour","max":5,"scope":"member","count":"successes","on_unavailable":"allow"},
                {"counter":"spend","window":"month","max":10.5,"amount":"args.cost"}],
              "rate_limit":{"max":3,"window":10,"scope":"session"}}},
            "classes":{"read":{"limits":[{"window":"week","align":"calendar","max":7}]}},
            "all_tools":{"limits":[{"window":60,"max":100,"scope":"account"}]}}"#,
    );
    let permit_of = |tool, class| {
        let call = Call { class, ..call(tool, r#"{"cost":2.25}"#) };
        match judge(Some(&policy), &call, NOW) {
            Verdict::Permit(permit) => permit,
            other => panic!("{other:?}"),
        }
    };
    let identities = |permit: &Permit| -> Vec<(String, String, String)> {
        let charges = permit.charges().iter();
        charges.map(|charge| (charge.identity(), charge.rule.to_string(), charge.amount.to_string())).collect()
    };
    let expect = |rows: &[(&str, &str, &str)]| -> Vec<(String, String, String)> {
        rows.iter().map(|(a, b, c)| ((*a).to_owned(), (*b).to_owned(), (*c).to_owned())).collect()
    };
    let got = permit_of("get_run", RiskClass::Write);
    assert_eq!(got.rule(), "/tools/get_*");
    assert_eq!(
        identities(&got),
        expect(&[
            ("member/sliding-3600/get_*_hour", "/tools/get_*/limits/0", "1"),
            ("grant/calendar-month/spend", "/tools/get_*/limits/1", "2.25"),
            ("session/sliding-10/get_*_rate", "/tools/get_*/rate_limit", "1"),
            ("account/sliding-60//all_tools_60", "/all_tools/limits/0", "1"),
        ])
    );
    let first = &got.charges()[0];
    assert_eq!((first.refund, first.on_unavailable), (Refund::NotSuccessful, OnUnavailable::Allow));
    assert_eq!((first.unit, first.scope, first.mode), (Unit::Calls, Scope::Member, Mode::Enforce));
    assert_eq!(first.reason.as_deref(), Some("Slow down."));
    assert_eq!((got.charges()[1].unit, &got.charges()[1].max), (Unit::Amount, &Decimal::parse("10.5").unwrap()));
    let by_class = permit_of("x", RiskClass::Read);
    assert_eq!(by_class.rule(), "/classes/read");
    assert_eq!(by_class.charges()[0].identity(), "grant/calendar-604800//classes/read_week");
    assert_eq!(permit_of("x", RiskClass::Write).rule(), "/default");
}

#[test]
fn limits_on_one_count_stay_in_their_order_and_share_it() {
    let policy = compile(
        r#"{"version":"1","default":"deny",
            "tools":{"t":{"limits":[{"counter":"c","window":"minute","max":5},{"counter":"c","window":60,"max":9},
                                    {"counter":"c","window":"minute","max":2,"align":"calendar"}]}},
            "all_tools":{"limits":[{"counter":"c","window":"minute","max":3},
                                   {"counter":"c","window":"minute","max":1,"scope":"server"}]}}"#,
    );
    let permit = permit(&policy, &call("t", "{}"));
    let rules: Vec<&str> = permit.charges().iter().map(|charge| &*charge.rule).collect();
    assert_eq!(
        rules,
        ["/tools/t/limits/0", "/tools/t/limits/1", "/tools/t/limits/2", "/all_tools/limits/0", "/all_tools/limits/1"]
    );
    let shared: Vec<bool> = permit.charges().iter().map(|charge| charge.shares_count(&permit.charges()[0])).collect();
    assert_eq!(shared, [true, true, false, true, false]);
    assert_eq!(permit.charges()[0].window, Window::Sliding { seconds: 60 });
}

#[test]
fn charges_that_are_the_same_for_every_call_are_not_made_anew() {
    let policy = compile(
        r#"{"version":"1","default":"deny","tools":{"t":{"limits":[{"window":"minute","max":5}]},
            "s":{"mode":"shadow","rate_limit":{"window":"minute","max":5}},
            "a":{"limits":[{"window":"day","max":5,"amount":"args.n"}]}}}"#,
    );
    let of = |tool, arguments| permit(&policy, &call(tool, arguments));
    let (first, second) = (of("t", "{}"), of("t", r#"{"x":1}"#));
    assert!(std::ptr::eq(first.charges(), second.charges()));
    assert!(std::ptr::eq(of("s", "{}").shadow_charges(), of("s", "{}").shadow_charges()));
    assert_eq!(of("a", r#"{"n":3}"#).charges()[0].amount, Decimal::from(3));
    assert_eq!(of("a", r#"{"n":4}"#).charges()[0].amount, Decimal::from(4));
}

#[test]
fn approvals_are_needed_once_and_told_with_their_terms() {
    let policy = compile(
        r#"{"version":"1","default":"deny",
            "tools":{"t":{"action":"require_approval","reason":"Ask the owner.",
                          "approval":{"timeout":60,"approvers":{"team":"ml"},"self":true}},
                     "u":{"approve_if":[{"conditions":[{"path":"args.n","op":"gt","value":5}],"on_deny":"Large."}],
                          "approval":{"approvers":"policy_manager"}}},
            "all_tools":{"approve_if":[{"conditions":[{"path":"args.x","op":"exists","value":true}]}]}}"#,
    );
    assert!(policy.needs_approvals());
    let need = |tool, arguments| match judge(Some(&policy), &call(tool, arguments), NOW) {
        Verdict::NeedsApproval(need) => need,
        other => panic!("{other:?}"),
    };
    let by_action = need("t", r#"{"x":1}"#);
    assert_eq!(by_action.rule, "/tools/t/action");
    assert_eq!(by_action.message, "This call has to be approved by a person first. Ask the owner.");
    assert_eq!((by_action.terms.timeout_seconds, &by_action.terms.approvers), (60, &Approvers::Team("ml".to_owned())));
    assert_eq!(by_action.terms.self_approval, SelfApproval::Allowed);
    assert_eq!(by_action.denial().code, Code::ApprovalRequired);
    let by_check = need("u", r#"{"n":6,"x":1}"#);
    assert_eq!((by_check.rule.as_str(), by_check.terms.approvers), ("/tools/u/approve_if/0", Approvers::PolicyManager));
    assert!(by_check.message.ends_with(" Large."));
    let by_all = need("u", r#"{"x":null}"#);
    assert_eq!((by_all.rule.as_str(), by_all.terms.approvers), ("/all_tools/approve_if/0", Approvers::Admin));
    assert_eq!((by_all.terms.timeout_seconds, by_all.terms.self_approval), (1800, SelfApproval::Forbidden));
    let approved = |arguments| permit(&policy, &Call { approved: Approval::Granted, ..call("u", arguments) });
    assert!(approved(r#"{"n":6}"#).spends_approval());
    assert!(!approved(r#"{"n":5}"#).spends_approval(), "an approval that was not needed is not used up");
    assert!(!ruled("{}").needs_approvals());
}

#[test]
fn shadow_rules_are_recorded_and_never_enforced() {
    for (rule, code, pointer) in [
        (r#"{"mode":"shadow","action":"deny"}"#, Code::Denied, "/tools/t/action"),
        (r#"{"mode":"shadow","action":"hide"}"#, Code::Hidden, "/tools/t/action"),
        (r#"{"mode":"shadow","action":"require_approval"}"#, Code::ApprovalRequired, "/tools/t/action"),
        (r#"{"mode":"shadow","deny_if":[{"conditions":[]}]}"#, Code::ArgumentDenied, "/tools/t/deny_if/0"),
        (
            r#"{"mode":"shadow","limits":[{"window":"day","max":1,"amount":"args.n"}]}"#,
            Code::InvalidArguments,
            "/tools/t/limits/0",
        ),
    ] {
        let policy = ruled(rule);
        let permit = permit(&policy, &call("t", "{}"));
        let would = permit.would_deny().unwrap();
        assert_eq!((would.code, would.rule.as_str()), (code, pointer));
        assert!(permit.charges().is_empty() && permit.shadow_charges().is_empty(), "a denial charges nothing");
        assert_eq!(visibility(Some(&policy), "t", RiskClass::Write), Visibility::Listed);
    }
    let counted = ruled(r#"{"mode":"shadow","limits":[{"counter":"c","window":"day","max":1}]}"#);
    let permit = permit(&counted, &call("t", "{}"));
    assert!(permit.would_deny().is_none() && permit.charges().is_empty());
    assert_eq!(permit.shadow_charges()[0].identity(), "shadow/grant/sliding-86400/c");
}

#[test]
fn an_enforced_denial_comes_before_a_shadow_one() {
    let policy = compile(
        r#"{"version":"1","default":"deny","tools":{"t":{"mode":"shadow","require":[
              {"conditions":[{"path":"args.a","op":"exists","value":true}]}]}},
            "all_tools":{"deny_if":[{"conditions":[{"path":"args.b","op":"exists","value":true}]}]}}"#,
    );
    assert_eq!(told(&policy, &call("t", r#"{"b":1}"#)), (Code::ArgumentDenied, "/all_tools/deny_if/0".to_owned()));
    assert_eq!(permit(&policy, &call("t", "{}")).would_deny().unwrap().rule, "/tools/t/require/0");
}

#[test]
fn a_policy_and_arguments_made_to_hold_a_thread_are_denied() {
    let conditions = |condition: &str| vec![condition; 2_000].join(",");
    let many = format!("{{\"a\":[{}]}}", vec!["1"; 20_000].join(","));
    let list = vec!["2"; 20_000].join(",");
    for rule in [
        format!(r#"{{"require":[{{"conditions":[{}]}}]}}"#, conditions(r#"{"path":"args.a[*]","op":"eq","value":1}"#)),
        format!(r#"{{"deny_if":[{{"conditions":[{{"path":"args.a[*]","op":"in","value":[{list}]}}]}}]}}"#),
    ] {
        assert_eq!(told(&ruled(&rule), &call("t", &many)), (Code::InvalidArguments, String::new()));
    }
    let watching = format!(
        r#"{{"mode":"shadow","require":[{{"conditions":[{}]}}]}}"#,
        conditions(r#"{"path":"args.a[*]","op":"eq","value":1}"#)
    );
    let watched = permit(&ruled(&watching), &call("t", &many));
    assert_eq!(watched.would_deny().map(|denial| denial.code), Some(Code::InvalidArguments));
    let few = ruled(r#"{"require":[{"conditions":[{"path":"args.a[*]","op":"eq","value":1}]}]}"#);
    permit(&few, &call("t", &many));
    let wide = format!("{{\"a\":[{}],\"b\":1e1000}}", vec!["1"; 20_000].join(","));
    permit(&few, &call("t", &wide));
    let all =
        format!(r#"{{"deny_if":[{{"conditions":[{}]}}]}}"#, conditions(r#"{"path":"args.a","op":"eq","value":1}"#));
    assert_eq!(told(&ruled(&all), &call("t", &wide)).0, Code::InvalidArguments);
}

#[test]
fn what_records_may_keep_is_listed() {
    let policy = compile(
        r#"{"version":"1","default":"deny","description":"d","tools":{
              "a":{"require":[{"conditions":[{"path":"args.b","op":"exists","value":true},
                                             {"path":"grant.label","op":"eq","value":"x"}]}]},
              "b":{"limits":[{"window":"day","max":1,"amount":"args.a[0]"}]}},
            "all_tools":{"deny_if":[{"conditions":[{"path":"args.b","op":"eq","value":1}]}]}}"#,
    );
    assert_eq!(policy.argument_paths(), ["args.a[0]", "args.b"]);
    assert_eq!((policy.description(), policy.test_count()), (Some("d"), 0));
}

/// Policies over the few tool names and patterns that meet each other.
fn any_policy() -> impl Strategy<Value = String> {
    let action = prop::sample::select(vec!["allow", "deny", "hide", "require_approval"]);
    let mode = prop::sample::select(vec!["enforce", "enforce", "shadow"]);
    let rule = (action, mode).prop_map(|(action, mode)| format!(r#"{{"action":"{action}","mode":"{mode}"}}"#));
    let names = prop::sample::subsequence(vec!["a", "ab", "a*", "*b?", "a?c*", "*"], 0..6);
    let hide = prop::sample::subsequence(vec!["abc", "b*c", "????*a"], 0..3);
    let classes = prop::sample::subsequence(RiskClass::ALL.to_vec(), 0..5);
    (names, hide, classes, prop::collection::vec(rule, 11), any::<bool>()).prop_map(
        |(names, hide, classes, rules, allow)| {
            let names = names.iter().map(|name| (*name).to_owned());
            let entries: Vec<String> = names.zip(&rules).map(|(name, rule)| format!("\"{name}\":{rule}")).collect();
            let by_class = classes.iter().zip(rules.iter().skip(6));
            let by_class: Vec<String> = by_class.map(|(class, rule)| format!("\"{class}\":{rule}")).collect();
            let hide: Vec<String> = hide.iter().map(|name| format!("\"{name}\"")).collect();
            let default = if allow { "allow" } else { "deny" };
            format!(
                r#"{{"version":"1","default":"{default}","hide":[{}],"tools":{{{}}},"classes":{{{}}}}}"#,
                hide.join(","),
                entries.join(","),
                by_class.join(",")
            )
        },
    )
}

proptest! {
    #[test]
    fn the_list_and_the_call_agree(
        document in any_policy(), tool in "[abcA]{0,5}", class in prop::sample::select(RiskClass::ALL.to_vec()),
        held in any::<bool>(),
        identity in prop::sample::select(vec![Identity::Known, Identity::Unknown, Identity::LookAlike]),
    ) {
        let Ok(policy) = CompiledPolicy::compile(&document) else { return Ok(()) };
        let definition = if held { Definition::Held } else { Definition::Accepted };
        let findings = Findings { definition, identity, ..Findings::default() };
        let verdict = judge_with(Some(&policy), &Call { class, ..call(&tool, "{}") }, findings, NOW);
        let code = match &verdict {
            Verdict::Deny(denial) => Some(denial.code),
            Verdict::NeedsApproval(_) | Verdict::Permit(_) => None,
        };
        match visibility_as(Some(&policy), (&tool, identity), class) {
            Visibility::Hidden if identity == Identity::LookAlike => prop_assert!(code.is_some()),
            Visibility::Hidden => prop_assert_eq!(code, Some(Code::Hidden)),
            Visibility::Denied if held => prop_assert_eq!(code, Some(Code::ToolChanged)),
            Visibility::Denied => prop_assert!(matches!(code, Some(Code::Denied | Code::DefaultDeny))),
            Visibility::Listed => prop_assert!(code == held.then_some(Code::ToolChanged)),
        }
    }

    #[test]
    fn the_words_and_the_judgement_agree(
        document in any_policy(), tool in "[abc]{0,5}", class in prop::sample::select(RiskClass::ALL.to_vec()),
    ) {
        let Ok(policy) = CompiledPolicy::compile(&document) else { return Ok(()) };
        let standing = standings(Some(&policy), &tool, class);
        let (kind, rule) = match judge(Some(&policy), &Call { class, ..call(&tool, "{}") }, NOW) {
            Verdict::Deny(denial) if denial.code == Code::Hidden => (StandingKind::Hidden, denial.rule),
            Verdict::Deny(denial) => (StandingKind::Denied, denial.rule),
            Verdict::NeedsApproval(need) => (StandingKind::Approval, need.rule),
            Verdict::Permit(permit) => {
                prop_assert_eq!(permit.would_deny().is_some(), !standing.watched.is_empty());
                (StandingKind::Open, permit.rule().to_owned())
            }
        };
        prop_assert_eq!((standing.kind, standing.rule), (kind, rule));
    }

    #[test]
    fn compiling_never_panics(text in r#"[\[\]{}",:0-9e.*? a-z_/~\\-]{0,80}"#) {
        let _ = CompiledPolicy::compile(&text);
        let _ = policy::vectors::run_file(&text);
    }

    #[test]
    fn judging_never_panics(arguments in r#"[\[\]{}",:0-9eE.a\\-]{0,40}"#, body in "[0-9]{1,5}e[0-9]{1,4}") {
        let policy = ruled(
            r#"{"deny_if":[{"conditions":[{"path":"args.a[*].a","op":"gt","value":1}]}],
                "limits":[{"window":"day","max":5,"amount":"args.a"}]}"#,
        );
        let _ = judge(Some(&policy), &call("t", &arguments), NOW);
        let _ = judge(Some(&policy), &call("t", &format!("{{\"a\":{body}}}")), NOW);
    }
}

/// The table is the workbench's too (`web/tests/unit/policy.test.mjs`): its rows say at once, without asking, which member
/// decides about a tool, so the two ways of finding that out are held to the same answers.
#[test]
fn the_member_that_decides_is_the_one_that_the_workbench_names() {
    let cases: serde_json::Value = serde_json::from_str(include_str!("precedence.json")).expect("JSON");
    for case in cases.as_array().expect("cases") {
        let compiled = compile(&case["policy"].to_string());
        for decided in case["decided"].as_array().expect("names") {
            let [name, class, pointer] = [0, 1, 2].map(|part| decided[part].as_str().expect("a text"));
            let class: RiskClass = serde_json::from_value(class.into()).expect("a class");
            let standing = standings(Some(&compiled), name, class);
            let member = standing.rule.strip_suffix("/action").unwrap_or(&standing.rule);
            assert_eq!(member, pointer, "{name} under {}", case["policy"]);
        }
    }
}
