use super::*;

fn compile(text: &str) -> CompiledPolicy {
    CompiledPolicy::compile(text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn of(rule: &str) -> ToolStanding {
    let policy = compile(&format!(r#"{{"version":"1","default":"deny","tools":{{"t":{rule}}}}}"#));
    standings(Some(&policy), "t", RiskClass::Write)
}

#[test]
fn the_kind_and_what_decides_it() {
    let policy = compile(
        r#"{"version":"1","default":"deny","hide":["h*"],"classes":{"read":{}},"tools":{
            "no":{"action":"deny","reason":"Not here."},"ask":{"action":"require_approval","approval":{"timeout":90,"approvers":{"team":"ops"},"self":true}},
            "yes":{},"hid":{"action":"hide"},"maybe":{"mode":"shadow","action":"deny"}}}"#,
    );
    for (tool, class, kind, rule) in [
        ("hx", RiskClass::Read, StandingKind::Hidden, "/hide/0"),
        ("hid", RiskClass::Read, StandingKind::Hidden, "/tools/hid/action"),
        ("no", RiskClass::Read, StandingKind::Denied, "/tools/no/action"),
        ("x", RiskClass::Write, StandingKind::Denied, "/default"),
        ("x", RiskClass::Read, StandingKind::Open, "/classes/read"),
        ("ask", RiskClass::Read, StandingKind::Approval, "/tools/ask/action"),
        ("yes", RiskClass::Read, StandingKind::Open, "/tools/yes"),
        ("maybe", RiskClass::Read, StandingKind::Open, "/tools/maybe"),
    ] {
        let standing = standings(Some(&policy), tool, class);
        assert_eq!((standing.kind, standing.rule.as_str()), (kind, rule), "{tool}");
    }
    let ask = standings(Some(&policy), "ask", RiskClass::Read);
    assert_eq!(
        ask.approval.as_deref(),
        Some("a member of the team ops approves within 90 seconds, who may be the caller")
    );
    let watched = standings(Some(&policy), "maybe", RiskClass::Read);
    assert_eq!((watched.shadow, watched.watched), (true, vec!["every call is refused".to_owned()]));
    assert_eq!(standings(Some(&policy), "no", RiskClass::Read).reason.as_deref(), Some("Not here."));
    assert_eq!(standings(None, "x", RiskClass::Read).rule, "");
    let open = compile(r#"{"version":"1","default":"allow"}"#);
    assert_eq!(standings(Some(&open), "x", RiskClass::Read).rule, "/default");
}

#[test]
fn limits_in_words() {
    for (limit, words) in [
        (r#"{"window":"minute","max":30}"#, "at most 30 a minute per grant"),
        (r#"{"window":"hour","max":1,"scope":"member"}"#, "at most 1 an hour per member"),
        (r#"{"window":300,"max":3,"scope":"session"}"#, "at most 3 in 5 minutes per session"),
        (r#"{"window":86401,"max":3}"#, "at most 3 in 86401 seconds per grant"),
        (r#"{"window":"day","max":3,"align":"calendar","scope":"server"}"#, "at most 3 a calendar day per server"),
        (r#"{"window":"month","max":3}"#, "at most 3 a calendar month per grant"),
        (r#"{"window":"month","max":3,"align":"sliding"}"#, "at most 3 in 31 days per grant"),
        (r#"{"window":"day","max":0.5,"amount":"args.pay.usd"}"#, "at most 0.5 of pay.usd a day per grant"),
        (
            r#"{"window":"week","max":5,"count":"successes","on_unavailable":"allow"}"#,
            "at most 5 a week per grant, failed calls not counted, not counted while the counters cannot be reached",
        ),
    ] {
        assert_eq!(of(&format!(r#"{{"limits":[{limit}]}}"#)).limits, [words], "{limit}");
    }
    let shared = compile(
        r#"{"version":"1","default":"deny","tools":{"d~*":{"rate_limit":{"window":"day","max":1}}},
            "classes":{"write":{"rate_limit":{"window":"day","max":2}}},"all_tools":{"rate_limit":{"window":"day","max":3}}}"#,
    );
    let all = "at most 3 a day per grant, all tools together";
    let limits = |tool| standings(Some(&shared), tool, RiskClass::Write).limits;
    assert_eq!(limits("d~x"), ["at most 1 a day per grant, all of d~* together", all]);
    assert_eq!(limits("x"), ["at most 2 a day per grant, all other write tools together", all]);
}

#[test]
fn checks_in_words() {
    let check = |conditions: &str| format!(r#"[{{"conditions":[{conditions}]}}]"#);
    let over = r#"{"path":"args.amount","op":"gt","value":100}"#;
    let euro = r#"{"path":"args.currency","op":"neq","value":"EUR"}"#;
    let files = r#"{"path":"args.files[*].path","op":"starts_with","value":"/srv/"}"#;
    let net = r#"{"path":"client.ip","op":"not_cidr","value":["10.0.0.0/8","::1/128"]}"#;
    for (field, conditions, words) in [
        ("deny_if", over.to_owned(), "amount over 100 is refused"),
        ("deny_if", net.to_owned(), "the client's address outside 10.0.0.0/8, ::1/128 is refused"),
        ("deny_if", euro.to_owned(), "refused when currency is not \"EUR\""),
        ("deny_if", format!("{over},{euro}"), "refused when amount is over 100 and currency is not \"EUR\""),
        ("deny_if", files.to_owned(), "refused when any files[*].path starts with \"/srv/\""),
        ("deny_if", String::new(), "every call is refused"),
        ("require", files.to_owned(), "only when every files[*].path starts with \"/srv/\""),
        ("approve_if", over.to_owned(), "amount over 100 needs approval"),
        ("approve_if", euro.to_owned(), "needs approval when currency is not \"EUR\""),
    ] {
        assert_eq!(of(&format!(r#"{{"{field}":{}}}"#, check(&conditions))).checks, [words]);
    }
    assert!(of(r#"{"require":[{"conditions":[]}]}"#).checks.is_empty());
    for (op, value, words) in [
        ("in", r#"["a",1,null]"#, "x is one of \"a\", 1, null"),
        ("not_in", "[]", "x is none of nothing"),
        ("exists", "false", "x is not given"),
        ("regex", "\"^a$\"", "x matches ^a$"),
        ("not_contains", r#"{"k":[true]}"#, "x does not contain {\"k\": [true]}"),
        ("len_gte", "2", "x has a length of at least 2"),
        ("lte", "1e2", "x is at most 100"),
    ] {
        let standing =
            of(&format!(r#"{{"require":{}}}"#, check(&format!(r#"{{"path":"args.x","op":"{op}","value":{value}}}"#))));
        assert_eq!(standing.checks, [format!("only when {words}")]);
    }
}

#[test]
fn equal_means_that_every_call_is_treated_alike() {
    let limit = |counter: &str| of(&format!(r#"{{"limits":[{{"counter":"{counter}","window":"day","max":1}}]}}"#));
    assert_eq!(limit("a"), limit("a"));
    assert_ne!(limit("a"), limit("b"), "other counters are shared with other tools");
    let long = |end: &str| {
        of(&format!(
            r#"{{"deny_if":[{{"conditions":[{{"path":"args.x","op":"eq","value":"{}{end}"}}]}}]}}"#,
            "y".repeat(400)
        ))
    };
    assert_eq!(long("a").checks, long("b").checks, "both are shortened");
    assert_ne!(long("a"), long("b"));
    assert_ne!(of(r#"{"action":"require_approval"}"#), of("{}"));
    assert_ne!(of(r#"{"mode":"shadow","action":"deny"}"#), of(r#"{"mode":"shadow","action":"hide"}"#));
    assert_eq!(of(r#"{"reason":"a"}"#), of("{}"));
    let by_class = compile(r#"{"version":"1","default":"deny","classes":{"write":{}}}"#);
    assert_eq!(standings(Some(&by_class), "t", RiskClass::Write), of("{}"), "wherever the rule stands");
}
