//! Sound policies at random; now and then two patterns of one clash.

use super::{address, dice::Dice, json::Tree, values};

pub const TOOLS: [&str; 10] =
    ["a", "ab", "abc", "get_run", "get_metric", "delete_run", "Get_run", "x/y~z", "ünï", "pay"];
pub const CLASSES: [&str; 5] = ["read", "write", "execute", "destructive", "financial"];
const GLOBS: [&str; 16] = [
    "*", "?", "a*", "*b", "get_*", "*_run", "g?t_*", "a?c", "get_r*n", "?et_run", "x*", "x/*", "*~*", "pa?", "???",
    "**n",
];
const REGEXES: [&str; 8] = ["^src/", "a+b?$", "(?i)PROD", "^[a-z0-9_]*$", "\\.\\.", "é", "^.{3}$", "^(a|b)*$"];
pub const FACTS: [&str; 10] = [
    "grant.label",
    "member.email",
    "member.role",
    "client.name",
    "client.version",
    "client.ip",
    "session.id",
    "tool.class",
    "time.hour",
    "time.weekday",
];
pub const FACT_TEXTS: [&str; 14] = [
    "ci",
    "prod",
    "a@example.org",
    "viewer",
    "admin",
    "cursor",
    "1.2",
    "10.1.2.3",
    "s0",
    "s1",
    "write",
    "read",
    "mon",
    "thu",
];
const COUNTERS: [&str; 6] = ["a_minute", "shared", "spend", "a.b:c-d", "ab_60", "pay_rate"];
pub const WORDS: [&str; 6] = ["second", "minute", "hour", "day", "week", "month"];
pub const OPS: [&str; 21] = [
    "eq",
    "neq",
    "in",
    "not_in",
    "lt",
    "lte",
    "gt",
    "gte",
    "exists",
    "regex",
    "not_regex",
    "contains",
    "not_contains",
    "starts_with",
    "ends_with",
    "cidr",
    "not_cidr",
    "len_lte",
    "len_gte",
    "eq",
    "exists",
];

pub fn policy(dice: &mut Dice<'_>) -> Tree {
    let mut policy = Tree::object(vec![
        ("version", Tree::text("1")),
        ("default", Tree::text(if dice.percent(70) { "allow" } else { "deny" })),
    ]);
    let fitting = Fitting { hides: true, is_all_tools: false };
    let hide: Vec<Tree> = dice.some(2, |dice| Tree::text(pattern(dice)));
    if dice.percent(25) && (hide.len() < 2 || hide[0] != hide[1]) {
        *policy.slot("hide") = Tree::List(hide);
    }
    for _ in 0..dice.below(5) {
        let name = pattern(dice);
        *policy.slot("tools").slot(name) = rule(dice, &fitting);
    }
    if dice.percent(35) {
        for _ in 0..=dice.below(2) {
            let class = *dice.pick(&CLASSES);
            *policy.slot("classes").slot(class) = rule(dice, &fitting);
        }
    }
    if dice.percent(40) {
        *policy.slot("all_tools") = rule(dice, &Fitting { hides: false, is_all_tools: true });
    }
    if dice.percent(10) {
        *policy.slot("description") = Tree::text("for people");
    }
    values::shuffled(dice, &policy)
}

fn pattern(dice: &mut Dice<'_>) -> &'static str {
    if dice.percent(55) { dice.pick::<&str>(&TOOLS) } else { dice.pick::<&str>(&GLOBS) }
}

struct Fitting {
    hides: bool,
    is_all_tools: bool,
}

fn rule(dice: &mut Dice<'_>, fitting: &Fitting) -> Tree {
    let mut rule = Tree::Object(Vec::new());
    if !fitting.is_all_tools && dice.percent(40) {
        let all = ["allow", "allow", "require_approval", "require_approval", "deny", "hide"];
        let action = *dice.pick(if fitting.hides { &all } else { &all[..5] });
        *rule.slot("action") = Tree::text(action);
        if dice.percent(30) {
            *rule.slot("reason") = Tree::text("Because.");
        }
    }
    for (kind, percent) in [("require", 20), ("deny_if", 25), ("approve_if", 20)] {
        if dice.percent(percent) {
            *rule.slot(kind) = Tree::List(dice.some(2, check));
        }
    }
    if dice.percent(65) {
        *rule.slot("limits") = Tree::List(dice.some(3, limit));
    }
    if dice.percent(20) {
        *rule.slot("rate_limit") = rate_limit(dice);
    }
    if dice.percent(20) {
        *rule.slot("approval") = approval(dice);
    }
    if dice.percent(20) {
        *rule.slot("mode") = Tree::text(if dice.percent(80) { "shadow" } else { "enforce" });
    }
    rule
}

fn check(dice: &mut Dice<'_>) -> Tree {
    let mut check = Tree::object(vec![("conditions", Tree::List(dice.some(3, condition)))]);
    if dice.percent(20) {
        *check.slot("on_deny") = Tree::text("Not like that.");
        *check.slot("name") = Tree::text("a check");
    }
    check
}

pub fn condition(dice: &mut Dice<'_>) -> Tree {
    let is_fact = dice.percent(20);
    let path = if is_fact { (*dice.pick(&FACTS)).to_owned() } else { path(dice, 20) };
    let op = *dice.pick(&OPS);
    Tree::object(vec![("path", Tree::Text(path)), ("op", Tree::text(op)), ("value", operand(dice, op, is_fact))])
}

fn operand(dice: &mut Dice<'_>, op: &str, is_fact: bool) -> Tree {
    match op {
        "eq" | "neq" | "contains" | "not_contains" if !is_fact => values::value(dice, 2),
        "in" | "not_in" if !is_fact => Tree::List(dice.some(3, |dice| values::value(dice, 1))),
        "in" | "not_in" => Tree::List(dice.some(3, |dice| Tree::text(dice.pick(&FACT_TEXTS)))),
        "lt" | "lte" | "gt" | "gte" => values::number(dice),
        "exists" => Tree::Bool(dice.percent(60)),
        "regex" | "not_regex" => Tree::text(dice.pick(&REGEXES)),
        "cidr" | "not_cidr" if dice.percent(50) => Tree::text(dice.pick(&address::NETWORKS)),
        "cidr" | "not_cidr" => Tree::List(dice.some(3, |dice| Tree::text(dice.pick(&address::NETWORKS)))),
        "len_lte" | "len_gte" => Tree::number(dice.below(5)),
        _ if is_fact => Tree::text(dice.pick(&FACT_TEXTS)),
        _ => Tree::Text(values::text(dice)),
    }
}

/// A path under `args`; in so many of a hundred steps a wildcard.
fn path(dice: &mut Dice<'_>, wildcards: usize) -> String {
    let mut path = "args".to_owned();
    for step in 0..=[0, 0, 0, 1, 1, 2][dice.below(6)] {
        match dice.below(100) {
            n if step > 0 && n < wildcards => path.push_str("[*]"),
            n if step > 0 && n < wildcards + 15 => path.push_str(["[0]", "[1]"][dice.below(2)]),
            n => {
                let key = *dice.pick(&values::KEYS);
                let quoted = Tree::text(key).render();
                let plain = key.chars().all(|c| c.is_ascii_lowercase()) && n < 95;
                path.push_str(&if plain { format!(".{key}") } else { format!("[{quoted}]") });
            }
        }
    }
    path
}

fn limit(dice: &mut Dice<'_>) -> Tree {
    let mut limit = rate_limit(dice);
    if dice.percent(60) {
        *limit.slot("counter") = Tree::text(dice.pick(&COUNTERS));
    }
    if dice.percent(30) {
        *limit.slot("align") = Tree::text(if dice.percent(70) { "calendar" } else { "sliding" });
    }
    if dice.percent(25) {
        *limit.slot("amount") = Tree::Text(path(dice, 0));
        *limit.slot("max") = Tree::number(dice.pick(&["0", "0.3", "1", "2.5", "10", "100", "1e999", "1000.0001"]));
    }
    if dice.percent(30) {
        *limit.slot("count") = Tree::text(if dice.percent(80) { "successes" } else { "attempts" });
    }
    if dice.percent(10) {
        *limit.slot("on_unavailable") = Tree::text(if dice.percent(50) { "deny" } else { "allow" });
    }
    limit
}

fn rate_limit(dice: &mut Dice<'_>) -> Tree {
    let seconds = *dice.pick(&[1, 7, 60, 60, 90, 3_600, 86_400, 2_678_400]);
    let window = if dice.percent(65) { Tree::text(dice.pick(&WORDS)) } else { Tree::number(seconds) };
    let max = *dice.pick(&["0", "1", "1", "2", "2", "3", "4", "6"]);
    let mut limit = Tree::object(vec![("max", Tree::number(max)), ("window", window)]);
    if dice.percent(45) {
        *limit.slot("scope") = Tree::text(dice.pick(&["grant", "member", "session", "server", "account"]));
    }
    limit
}

fn approval(dice: &mut Dice<'_>) -> Tree {
    let mut terms = Tree::Object(Vec::new());
    if dice.percent(60) {
        *terms.slot("timeout") = Tree::number(dice.pick(&[60, 90, 1_800, 3_600]));
    }
    if dice.percent(50) {
        *terms.slot("approvers") = match dice.below(3) {
            0 => Tree::text("admin"),
            1 => Tree::text("policy_manager"),
            _ => Tree::object(vec![("team", Tree::text("owners"))]),
        };
    }
    if dice.percent(30) {
        *terms.slot("self") = Tree::Bool(dice.percent(50));
    }
    terms
}
