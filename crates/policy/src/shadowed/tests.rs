use super::*;
use crate::simulation::{Outcome, SimPayer, Simulation, Upstream};
use crate::{Approval, Call, Facts, Timestamp};
use proptest::prelude::*;

fn of(document: &str) -> String {
    shadowed(document).unwrap_or_else(|problems| panic!("{document}\n{problems}"))
}

#[test]
fn the_text_is_kept_but_for_what_changes() {
    let document = r#"{
  "version": "1",
  "default": "deny",
  "description": "Ours.",
  "hide": ["debug_*", "x\u0079"],
  "tools": {
    "pay": {
      "limits": [
        { "window": "day", "max": 5 }
      ]
    },
    "search": {},
    "drop": { "mode": "enforce", "action": "deny" },
    "seen": {"mode": "shadow"}
  },
  "tests": [],
  "all_tools": { "rate_limit": { "max": 9, "window": "hour" } }
}
"#;
    let expected = r#"{
  "version": "1",
  "default": "allow",
  "description": "Ours.",
  "tools": {
    "debug_*": {"action": "hide", "mode": "shadow"},
    "x\u0079": {"action": "hide", "mode": "shadow"},
    "pay": {
      "limits": [
        { "window": "day", "max": 5 }
      ],
      "mode": "shadow"
    },
    "search": {"mode": "shadow"},
    "drop": { "mode": "shadow", "action": "deny" },
    "seen": {"mode": "shadow"}
  },
  "all_tools": { "rate_limit": { "max": 9, "window": "hour" }, "mode": "shadow" },
  "classes": {
    "read": {"action": "deny", "mode": "shadow"},
    "write": {"action": "deny", "mode": "shadow"},
    "execute": {"action": "deny", "mode": "shadow"},
    "destructive": {"action": "deny", "mode": "shadow"},
    "financial": {"action": "deny", "mode": "shadow"}
  }
}
"#;
    assert_eq!(of(document), expected);
    assert_eq!(of(expected), expected, "a second time changes nothing");
}

#[test]
fn every_layout_is_kept() {
    for (document, expected) in [
        (
            r#"{"version":"1","default":"allow","hide":["a","b"]}"#,
            r#"{"version":"1","default":"allow","tools":{"a":{"action":"hide","mode":"shadow"},"b":{"action":"hide","mode":"shadow"}}}"#,
        ),
        (
            r#"{"hide": ["a"], "tests": [], "default": "allow", "version": "1", "tools": {}}"#,
            r#"{"default": "allow", "version": "1", "tools": {"a": {"action": "hide", "mode": "shadow"}}}"#,
        ),
        (
            "{\r\n\t\"version\": \"1\",\r\n\t\"default\": \"allow\",\r\n\t\"tools\": {\r\n\t\t\"a\": {}\r\n\t}\r\n}",
            "{\r\n\t\"version\": \"1\",\r\n\t\"default\": \"allow\",\r\n\t\"tools\": {\r\n\t\t\"a\": {\"mode\": \"shadow\"}\r\n\t}\r\n}",
        ),
        (
            r#"{"version": "1", "default": "deny", "classes": {"read": {}, "write": {}, "execute": {}, "destructive": {}}, "tests": []}"#,
            r#"{"version": "1", "default": "allow", "classes": {"read": {"mode": "shadow"}, "write": {"mode": "shadow"}, "execute": {"mode": "shadow"}, "destructive": {"mode": "shadow"}, "financial": {"action": "deny", "mode": "shadow"}}}"#,
        ),
    ] {
        assert_eq!(of(document), expected);
    }
}

#[test]
fn the_seed_watching_only() {
    let seed = "{\n  \"version\": \"1\",\n  \"default\": \"deny\",\n  \"tools\": {\n    \"set\": {\n      \"limits\": [\n        \
                { \"window\": \"minute\", \"max\": 30 }\n      ]\n    }\n  }\n}\n";
    let text = of(seed);
    assert!(
        text.starts_with("{\n  \"version\": \"1\",\n  \"default\": \"allow\",\n  \"tools\": {\n    \"set\": {\n"),
        "{text}"
    );
    assert!(
        text.contains("      ],\n      \"mode\": \"shadow\"\n    }\n  },\n  \"classes\": {\n    \"read\": {"),
        "{text}"
    );
}

#[test]
fn a_faulty_document_is_not_transformed() {
    let problems = shadowed(r#"{"version":"1","default":"no"}"#).unwrap_err();
    assert_eq!(problems.0[0].pointer, "/default");
    let full = format!(r#"{{"version":"1","default":"deny","description":"{}"}}"#, "x".repeat(256 * 1024 - 60));
    assert!(CompiledPolicy::compile(&full).is_ok());
    assert_eq!(shadowed(&full).unwrap_err().0.len(), 1, "no room for what is added");
}

fn rule() -> impl Strategy<Value = String> {
    let check = || {
        let condition = prop::sample::select(vec![
            r#"{"path":"args.n","op":"gt","value":1}"#,
            r#"{"path":"args.n","op":"exists","value":true}"#,
            r#"{"path":"args.n","op":"neq","value":2}"#,
        ]);
        prop::collection::vec(condition, 0..2).prop_map(|all| format!(r#"[{{"conditions":[{}]}}]"#, all.join(",")))
    };
    let part = prop_oneof![
        prop::sample::select(vec!["allow", "deny", "hide", "require_approval"])
            .prop_map(|a| ("action", format!("{a:?}"))),
        check().prop_map(|check| ("require", check)),
        check().prop_map(|check| ("deny_if", check)),
        check().prop_map(|check| ("approve_if", check)),
        (0..3u8, prop::sample::select(vec!["", r#","amount":"args.n""#, r#","count":"successes""#])).prop_map(
            |(max, more)| {
                ("limits", format!(r#"[{{"counter":"c","window":10,"max":{max}{more}}},{{"window":60,"max":2}}]"#))
            }
        ),
        (0..3u8).prop_map(|max| ("rate_limit", format!(r#"{{"window":60,"max":{max}}}"#))),
        Just(("mode", "\"enforce\"".to_owned())),
    ];
    prop::collection::vec(part, 0..4).prop_map(|parts| {
        let parts: std::collections::BTreeMap<&str, String> = parts.into_iter().collect();
        let members: Vec<String> = parts.iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
        format!("{{{}}}", members.join(","))
    })
}

fn object(keys: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::collection::btree_map(prop::sample::select(keys), rule(), 0..3).prop_map(|rules| {
        let rules: Vec<String> = rules.iter().map(|(key, rule)| format!("{key:?}:{rule}")).collect();
        format!("{{{}}}", rules.join(","))
    })
}

fn calls() -> impl Strategy<Value = Vec<(u8, &'static str, &'static str, RiskClass, Upstream)>> {
    let call = (
        0..30u8,
        prop::sample::select(vec!["a", "b", "ab", "ba"]),
        prop::sample::select(vec!["{}", r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":"x"}"#, r#"{"n":1e1000}"#]),
        prop::sample::select(RiskClass::ALL.to_vec()),
        prop::sample::select(vec![Upstream::Ok, Upstream::Error, Upstream::Unreachable, Upstream::Timeout]),
    );
    prop::collection::vec(call, 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_would_be_denied_is_told_and_nothing_is_denied(
        default in prop::sample::select(vec!["allow", "deny"]), hide in prop::option::of(prop::sample::select(vec!["b", "b*", "?a"])),
        tools in object(&["a", "a*", "ab"]), classes in object(&["read", "write", "financial"]), all in prop::option::of(rule()),
        pretty in any::<bool>(), calls in calls(),
    ) {
        let hide = hide.map_or_else(String::new, |pattern| format!(",\"hide\":[{pattern:?}]"));
        let all = all.filter(|rule| !rule.contains("action")).map_or_else(String::new, |rule| format!(",\"all_tools\":{rule}"));
        let mut document =
            format!(r#"{{"version":"1","default":"{default}"{hide},"tests":[],"tools":{tools},"classes":{classes}{all}}}"#);
        if pretty {
            let value: serde_json::Value = serde_json::from_str(&document).unwrap();
            document = serde_json::to_string_pretty(&value).unwrap();
        }
        let Ok(original) = CompiledPolicy::compile(&document) else { return Ok(()) };
        let shadow = CompiledPolicy::compile(&of(&document)).unwrap();
        prop_assert_eq!(of(&of(&document)), of(&document));
        let (mut enforcing, mut watching) = (Simulation::new(&original), Simulation::new(&shadow));
        let mut now = 0;
        for (wait, tool, arguments, class, upstream) in calls {
            now += i64::from(wait) * 1_000_000;
            let call = Call { tool, arguments: Some(arguments), class, facts: Facts::default(), approved: Approval::None };
            let enforced = enforcing.call(Timestamp(now), &call, SimPayer::default(), upstream);
            let watched = watching.call(Timestamp(now), &call, SimPayer::default(), upstream);
            prop_assert_eq!(watched.outcome, Outcome::Allow);
            prop_assert_eq!(watched.would_deny.is_some(), enforced.outcome != Outcome::Allow, "{}\n{:?}", document, call);
        }
    }
}
