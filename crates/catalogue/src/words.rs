//! Words of tool names and descriptions, and what each says about risk.

use policy::RiskClass;

/// How much a word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strength {
    /// The server's own word that the tool is read-only outweighs it (`run_report`, `generate_summary`).
    Weak,
    /// Nothing the server says of itself outweighs it.
    Strong,
}

use RiskClass::{Destructive, Execute, Financial, Read, Write};
use Strength::{Strong, Weak};

/// Verbs, in the base form.
const VERBS: &[(RiskClass, Strength, &[&str])] = &[
    (Financial, Strong, &["pay", "refund", "payout", "withdraw", "reimburse", "disburse", "remit"]),
    (Financial, Weak, &["charge", "purchase", "buy", "sell", "trade", "donate"]),
    (
        Destructive,
        Strong,
        &[
            "delete",
            "remove",
            "drop",
            "destroy",
            "purge",
            "erase",
            "wipe",
            "truncate",
            "terminate",
            "kill",
            "revoke",
            "uninstall",
            "unregister",
            "deregister",
            "prune",
            "overwrite",
            "evict",
            "discard",
            "unpublish",
            "decommission",
            "nuke",
            "shred",
            "obliterate",
            "rm",
            "rmdir",
            "del",
            "deletion",
            "removal",
        ],
    ),
    (
        Destructive,
        Weak,
        &[
            "reset", "clear", "cancel", "flush", "ban", "expire", "detach", "unlink", "rollback", "cleanup", "clean",
            "trash", "empty",
        ],
    ),
    (
        Execute,
        Strong,
        &[
            "exec", "execute", "eval", "spawn", "shell", "bash", "deploy", "install", "launch", "invoke", "boot",
            "reboot", "serve",
        ],
    ),
    (
        Execute,
        Weak,
        &[
            "run",
            "trigger",
            "start",
            "build",
            "evaluate",
            "predict",
            "call",
            "restart",
            "compile",
            "script",
            "simulate",
            "rerun",
            "interpret",
            "test",
        ],
    ),
    (
        Write,
        Strong,
        &[
            "create",
            "set",
            "update",
            "add",
            "insert",
            "put",
            "post",
            "write",
            "save",
            "edit",
            "modify",
            "patch",
            "rename",
            "move",
            "copy",
            "register",
            "upload",
            "send",
            "publish",
            "import",
            "assign",
            "restore",
            "transition",
            "merge",
            "approve",
            "reject",
            "submit",
            "upsert",
            "push",
            "commit",
            "attach",
            "invite",
            "share",
            "enable",
            "disable",
            "promote",
            "append",
            "replace",
            "change",
            "reply",
            "comment",
            "archive",
            "unarchive",
            "close",
            "reopen",
            "subscribe",
            "unsubscribe",
            "grant",
            "store",
            "schedule",
            "book",
            "reserve",
            "claim",
            "rotate",
            "transfer",
            "stop",
            "pause",
            "resume",
            "fill",
            "click",
            "type",
            "press",
            "drag",
            "log",
            "record",
            "mark",
            "tag",
            "untag",
            "label",
            "link",
            "lock",
            "unlock",
            "apply",
            "duplicate",
            "clone",
            "fork",
            "star",
            "follow",
            "notify",
            "request",
            "ingest",
            "index",
            "migrate",
            "configure",
            "deactivate",
            "activate",
            "suspend",
            "kick",
            "dismiss",
            "scale",
            "finalize",
            "invalidate",
            "adjust",
            "increment",
        ],
    ),
    (
        Write,
        Weak,
        &[
            "generate",
            "prepare",
            "sync",
            "open",
            "convert",
            "draft",
            "annotate",
            "init",
            "initialize",
            "navigate",
            "select",
            "upgrade",
            "process",
            "export",
            "save",
            "refresh",
            "load",
            "make",
            "connect",
            "handle",
            "manage",
        ],
    ),
    (
        Read,
        Strong,
        &[
            "get",
            "list",
            "search",
            "query",
            "read",
            "fetch",
            "find",
            "show",
            "describe",
            "view",
            "count",
            "compare",
            "check",
            "health",
            "status",
            "ping",
            "lookup",
            "inspect",
            "explain",
            "download",
            "validate",
            "verify",
            "analyze",
            "analyse",
            "browse",
            "preview",
            "summarize",
            "summarise",
            "diff",
            "watch",
            "tail",
            "resolve",
            "display",
            "retrieve",
            "return",
            "look",
            "whoami",
            "snapshot",
            "screenshot",
            "is",
            "has",
            "can",
            "who",
            "what",
            "when",
            "where",
            "estimate",
            "calculate",
            "compute",
            "info",
            "version",
            "stats",
            "help",
            "history",
            "peek",
            "scan",
            "monitor",
            "enumerate",
            "discover",
            "locate",
            "render",
            "echo",
            "parse",
            "translate",
            "trace",
            "print",
        ],
    ),
];

/// Things whose change is a movement of money.
const MONEY: &[&str] = &[
    "payment",
    "payments",
    "refund",
    "refunds",
    "payout",
    "payouts",
    "invoice",
    "invoices",
    "wallet",
    "funds",
    "money",
    "charge",
    "charges",
    "disbursement",
    "reimbursement",
    "purchase",
    "checkout",
];

/// Verbs that are as often things (`tag_list`, `history_delete`): another verb in the same name goes before them.
const THINGS: &[&str] = &[
    "status",
    "health",
    "version",
    "info",
    "stats",
    "history",
    "help",
    "trace",
    "view",
    "log",
    "record",
    "tag",
    "label",
    "link",
    "comment",
    "index",
    "book",
    "type",
    "star",
    "request",
    "script",
    "test",
    "build",
    "charge",
    "trade",
    "purchase",
    "label",
    "lock",
    "share",
    "claim",
    "archive",
    "post",
    "watch",
    "press",
    "fork",
    "clone",
    "shell",
    "process",
    "draft",
    "call",
    "run",
    "query",
    "search",
    "snapshot",
    "screenshot",
];

/// Words behind which no verb stands: `link_traces_to_run`.
const PREPOSITIONS: &[&str] = &["to", "from", "of", "for", "with", "by", "in", "on", "as", "into", "at"];

/// Words behind which a second verb stands: `get_or_create`, `find_and_replace`.
const JOINTS: &[&str] = &["or", "and", "then"];

/// What a word says as a verb; also in the third person (`deletes`) and as an `-ing` form.
pub(crate) fn verb(word: &str) -> Option<(RiskClass, Strength)> {
    base_forms(word).into_iter().find_map(|form| {
        VERBS.iter().find(|(_, _, verbs)| verbs.contains(&form.as_str())).map(|&(class, strength, _)| (class, strength))
    })
}

pub(crate) fn is_money(word: &str) -> bool {
    MONEY.contains(&word)
}

/// Whether another verb in the same name goes before this one.
pub(crate) fn is_also_a_thing(word: &str) -> bool {
    word.ends_with("ing") || base_forms(word).iter().any(|form| THINGS.contains(&form.as_str()))
}

pub(crate) fn is_preposition(word: &str) -> bool {
    PREPOSITIONS.contains(&word)
}

pub(crate) fn is_joint(word: &str) -> bool {
    JOINTS.contains(&word)
}

/// The words of a name, lower case: split at everything but letters and digits and where a capital follows a small letter
/// (`deleteRun`, `HTTPServer` → `http`, `server`).
pub(crate) fn of_name(name: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let characters: Vec<char> = name.chars().collect();
    for (i, &c) in characters.iter().enumerate() {
        if !c.is_alphanumeric() {
            words.push(String::new());
            continue;
        }
        let after_small = i > 0 && (characters[i - 1].is_lowercase() || characters[i - 1].is_numeric());
        let before_small =
            i > 0 && characters[i - 1].is_uppercase() && characters.get(i + 1).is_some_and(|n| n.is_lowercase());
        if c.is_uppercase() && (after_small || before_small) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|w| !w.is_empty());
    words
}

fn base_forms(word: &str) -> Vec<String> {
    let mut forms = vec![word.to_owned()];
    if let Some(stem) = word.strip_suffix("ies") {
        forms.push(format!("{stem}y"));
    }
    if let Some(stem) = word.strip_suffix("es") {
        forms.push(stem.to_owned());
    }
    if let Some(stem) = word.strip_suffix('s') {
        forms.push(stem.to_owned());
    }
    if let Some(stem) = word.strip_suffix("ing") {
        forms.push(stem.to_owned());
        forms.push(format!("{stem}e"));
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_split_into_words() {
        for (name, words) in [
            ("set_model_alias", "set model alias"),
            ("deleteRun", "delete run"),
            ("HTTPServerStart", "http server start"),
            ("agentpact.request-refund", "agentpact request refund"),
            ("getV2Items", "get v2 items"),
            ("__x__", "x"),
        ] {
            assert_eq!(of_name(name).join(" "), words);
        }
    }

    #[test]
    fn verbs_are_known_in_their_forms() {
        for (word, class) in
            [("deletes", Destructive), ("deleting", Destructive), ("pushes", Write), ("copies", Write), ("gets", Read)]
        {
            assert_eq!(verb(word).map(|v| v.0), Some(class), "{word}");
        }
        assert_eq!(verb("model"), None);
    }
}
