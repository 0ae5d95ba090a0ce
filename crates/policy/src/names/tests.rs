use crate::{
    Approval, Call, Code, CompiledPolicy, Facts, Findings, Identity, RiskClass, Timestamp, Verdict, Visibility,
    judge_with, visibility_as,
};

/// A policy that allows by default.
fn open(entries: &str) -> CompiledPolicy {
    let text = format!(r#"{{"version":"1","default":"allow",{entries}}}"#);
    CompiledPolicy::compile(&text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// The rule by which a name is hidden, if it is; from the judgement and the list, which must agree.
fn hidden_by(policy: &CompiledPolicy, tool: &str, identity: Identity) -> Option<String> {
    let class = RiskClass::Read;
    let call = Call { tool, arguments: Some("{}"), class, facts: Facts::default(), approved: Approval::None };
    let findings = Findings { identity, ..Findings::default() };
    let hidden = match judge_with(Some(policy), &call, findings, Timestamp(0)) {
        Verdict::Deny(denial) if denial.code == Code::Hidden => Some(denial.rule),
        _ => None,
    };
    let listed = visibility_as(Some(policy), (tool, identity), class) != Visibility::Hidden;
    assert_eq!(listed, hidden.is_none(), "{tool:?}");
    hidden
}

fn unknown(policy: &CompiledPolicy, tool: &str) -> Option<String> {
    hidden_by(policy, tool, Identity::Unknown)
}

#[test]
fn an_unknown_name_is_not_let_pass_for_one_that_has_an_entry() {
    let policy = open(
        r#""hide":["secret","adm?n_*"],"tools":{"pay":{"rate_limit":{"max":1,"window":"day"}},"drop_*":{"action":"deny"}}"#,
    );
    for (tool, rule) in [
        ("SECRET", "/hide/0"),
        ("s\u{435}cret", "/hide/0"),
        ("secret ", "/hide/0"),
        ("Pay", "/tools/pay"),
        ("p\u{430}y", "/tools/pay"),
        ("Drop_table", "/tools/drop_*"),
        ("dr\u{3bf}p_table", "/tools/drop_*"),
        // One character of a pattern stays one, also where it looks like two.
        ("AdMmn_x", "/hide/1"),
        ("ADMIN_x", "/hide/1"),
    ] {
        assert_eq!(unknown(&policy, tool).as_deref(), Some(rule), "{tool:?}");
        assert_eq!(hidden_by(&policy, tool, Identity::Known), None, "matching goes byte by byte: {tool:?}");
    }
    for tool in ["secrets", "payment", "adrop_table", "anything", "pay", "drop_table"] {
        assert_eq!(unknown(&policy, tool), None, "{tool:?}");
    }
}

#[test]
fn a_name_that_an_entry_spells_is_what_it_says() {
    let policy = open(r#""hide":["secret"],"tools":{"SECRET":{}}"#);
    for identity in [Identity::Known, Identity::Unknown, Identity::LookAlike] {
        assert_eq!(hidden_by(&policy, "SECRET", identity), None);
        assert_eq!(hidden_by(&policy, "secret", identity).as_deref(), Some("/hide/0"));
    }
    assert_eq!(unknown(&policy, "Secret").as_deref().map(|rule| &rule[..1]), Some("/"));
}

#[test]
fn a_less_specific_entry_of_its_own_does_not_save_a_name() {
    let policy = open(r#""hide":["secret","sec*"],"tools":{"*":{},"Sec_long_*":{}}"#);
    assert_eq!(unknown(&policy, "Secret").as_deref(), Some("/hide/0"));
    assert_eq!(unknown(&policy, "Section").as_deref(), Some("/hide/1"));
    assert_eq!(unknown(&policy, "Sec_long_x"), None, "its own entry is the more specific one");
    assert_eq!(unknown(&policy, "other"), None);
}

#[test]
fn a_name_that_looks_like_a_known_one_is_hidden_whatever_the_policy_says() {
    let policy = open(r#""tools":{"get_*":{}}"#);
    assert_eq!(hidden_by(&policy, "get_Run", Identity::LookAlike).as_deref(), Some(""));
    assert_eq!(hidden_by(&policy, "get_Run", Identity::Unknown), None);
}

#[test]
fn what_is_only_watched_hides_nothing() {
    let policy =
        open(r#""tools":{"secret":{"action":"hide","mode":"shadow"},"pay*":{"action":"deny","mode":"shadow"}}"#);
    assert_eq!([unknown(&policy, "Secret"), unknown(&policy, "PAY_x")], [None, None]);
}

#[test]
fn what_is_denied_anyway_is_denied_for_its_own_reason() {
    let text = r#"{"version":"1","default":"deny","hide":["secret"],"tools":{"get_*":{},"Pay":{"action":"deny"}}}"#;
    let policy = CompiledPolicy::compile(text).unwrap();
    let (class, facts) = (RiskClass::Read, Facts::default());
    for identity in [Identity::Known, Identity::Unknown, Identity::LookAlike] {
        for (tool, code) in [("Get_run", Code::DefaultDeny), ("SECRET", Code::DefaultDeny), ("Pay", Code::Denied)] {
            let call = Call { tool, arguments: Some("{}"), class, facts, approved: Approval::None };
            let findings = Findings { identity, ..Findings::default() };
            let Verdict::Deny(denial) = judge_with(Some(&policy), &call, findings, Timestamp(0)) else {
                panic!("{tool} passes");
            };
            assert_eq!(denial.code, code, "{tool} {identity:?}");
            let is_listed = visibility_as(Some(&policy), (tool, identity), class) != Visibility::Hidden;
            assert_eq!(is_listed, identity != Identity::LookAlike, "{tool} {identity:?}");
        }
    }
}
