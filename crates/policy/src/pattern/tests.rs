use super::*;
use proptest::prelude::*;

fn glob(pattern: &str) -> Glob {
    Glob::parse(pattern).expect(pattern)
}

fn meet(a: &str, b: &str) -> bool {
    let found = glob(a).meets(&glob(b), &mut Effort::new()).expect("enough effort");
    assert_eq!(glob(b).meets(&glob(a), &mut Effort::new()), Some(found), "the same both ways: {a} {b}");
    found
}

#[test]
fn names_without_wildcards_are_exact() {
    for exact in ["", "get_run", "a[b]", "a.b", "naïve", "\\"] {
        assert!(Glob::parse(exact).is_none(), "{exact}");
    }
}

#[test]
fn matching() {
    for (pattern, yes, no) in [
        ("*", &["", "a", "é日"][..], &[][..]),
        ("get_*", &["get_", "get_run"], &["get", "Get_run", "xget_run"]),
        ("*_run", &["_run", "get_run"], &["run", "get_runs"]),
        ("?", &["a", "日"], &["", "ab"]),
        ("a?c", &["abc", "aéc"], &["ac", "abbc"]),
        ("a*b*c", &["abc", "aXbYc", "abcbc"], &["acb", "ab", "bc"]),
        ("*ab*ab", &["abab", "abXab", "aabab"], &["ab", "aab", "abaXb"]),
        ("a*?", &["ab", "abc"], &["a", "b"]),
        ("?*?", &["ab", "é日", "abc"], &["a", ""]),
        ("**", &["", "a"], &[]),
        ("*a?c*x", &["abcx", "aacabcx", "aabcx"], &["acx", "abc", "aXbcx"]),
        ("a*a", &["aa", "aba"], &["a"]),
    ] {
        for name in yes {
            assert!(glob(pattern).matches(name), "{pattern} should match {name:?}");
        }
        for name in no {
            assert!(!glob(pattern).matches(name), "{pattern} should not match {name:?}");
        }
    }
}

#[test]
fn specificity_counts_literal_characters() {
    assert_eq!(glob("*").literals(), 0);
    assert_eq!(glob("get_?*").literals(), 4);
    assert_eq!(glob("é日*").literals(), 2);
}

#[test]
fn meeting() {
    for (a, b) in [
        ("a*", "*b"),
        ("a*", "?*"),
        ("*a*", "*b*"),
        ("get_*", "get_*"),
        ("a?", "?b"),
        ("a?c*", "*b?d"),
        ("??", "*"),
        ("a*b", "a?b"),
        ("*ab*", "?a??"),
        ("a*", "a?"),
    ] {
        assert!(meet(a, b), "{a} {b}");
    }
    for (a, b) in [
        ("a*", "b*"),
        ("*a", "*b"),
        ("a?", "b?"),
        ("a?", "a??"),
        ("get_*", "set_*"),
        ("*abc*", "?b"),
        ("a*b", "??x"),
        ("ab*ba", "??a"),
    ] {
        assert!(!meet(a, b), "{a} {b}");
    }
}

#[test]
fn effort_is_bounded() {
    let long = glob(&format!("*{}b*", "a".repeat(2000)));
    let fixed = glob(&format!("?{}", "a".repeat(4000)));
    let mut effort = Effort::new();
    let answers: Vec<_> = (0..100).map(|_| long.meets(&fixed, &mut effort)).collect();
    assert_eq!(answers.first(), Some(&Some(false)));
    assert_eq!(answers.last(), Some(&None));
}

/// The definition, by recursion.
fn naive(pattern: &[char], name: &[char]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, _) => name.is_empty(),
        (Some((&'*', rest)), _) => (0..=name.len()).any(|skip| naive(rest, &name[skip..])),
        (Some((&'?', rest)), Some((_, tail))) => naive(rest, tail),
        (Some((want, rest)), Some((found, tail))) => want == found && naive(rest, tail),
        (Some(_), None) => false,
    }
}

/// Every name over `a`, `b` up to the length.
fn all_names(longest: usize) -> Vec<String> {
    let mut names = vec![String::new()];
    let mut from = 0;
    for _ in 0..longest {
        let until = names.len();
        for index in from..until {
            names.push(format!("{}a", names[index]));
            names.push(format!("{}b", names[index]));
        }
        from = until;
    }
    names
}

proptest! {
    #[test]
    fn matches_agrees_with_the_definition(pattern in "[ab*?é]{0,7}", name in "[abé]{0,8}") {
        prop_assume!(pattern.contains(['*', '?']));
        let (p, n): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
        prop_assert_eq!(glob(&pattern).matches(&name), naive(&p, &n));
        let first = glob(&pattern).first_char();
        prop_assert!(first.is_none() || !naive(&p, &n) || name.chars().next() == first);
    }

    #[test]
    fn meets_agrees_with_trying_every_name(a in "[ab*?]{1,4}", b in "[ab*?]{1,4}") {
        prop_assume!(a.contains(['*', '?']) && b.contains(['*', '?']));
        let found = all_names(8).iter().any(|name| glob(&a).matches(name) && glob(&b).matches(name));
        prop_assert_eq!(meet(&a, &b), found);
    }
}
