//! The product's own facts (classes, outcomes, times taken) as pages show them: always a word, and beside it a sign; never colour alone.

use accounts::{GrantStanding, RiskCounts};
use domain::{Outcome, Settlement};
use policy::RiskClass;

/// A short word with its look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Badge {
    /// The look: a class of the style sheet.
    pub(crate) class: &'static str,
    /// The sign before the word; nothing for screen readers, who have the word.
    pub(crate) sign: &'static str,
    /// The word.
    pub(crate) word: &'static str,
}

/// How many tools there are of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClassCount {
    pub(crate) badge: Badge,
    pub(crate) count: usize,
}

/// A risk class.
pub(crate) fn class(class: RiskClass) -> Badge {
    let (sign, word) = match class {
        RiskClass::Read => ("○", "Read"),
        RiskClass::Write => ("◐", "Write"),
        RiskClass::Execute => ("▶", "Execute"),
        RiskClass::Destructive => ("✕", "Destructive"),
        RiskClass::Financial => ("¤", "Financial"),
    };
    Badge { class: class.as_str(), sign, word }
}

/// What a risk class means, in a sentence.
pub(crate) fn class_says(class: RiskClass) -> &'static str {
    match class {
        RiskClass::Read => "It looks and changes nothing.",
        RiskClass::Write => "It creates or changes things, in a way that can be changed back.",
        RiskClass::Execute => "It runs code or commands.",
        RiskClass::Destructive => "It deletes, or overwrites for good.",
        RiskClass::Financial => "It moves money.",
    }
}

/// How many of each class there are, mildest first, without the classes that have none.
pub(crate) fn counted(counts: &RiskCounts) -> Vec<ClassCount> {
    let each = RiskClass::ALL.into_iter().map(|of| ClassCount { badge: class(of), count: counts.get(of) });
    each.filter(|of| of.count > 0).collect()
}

/// The same, counting them.
pub(crate) fn split(classes: impl IntoIterator<Item = RiskClass>) -> Vec<ClassCount> {
    let mut counts = [0_usize; RiskClass::ALL.len()];
    classes.into_iter().for_each(|class| counts[class as usize] += 1);
    let each = RiskClass::ALL.into_iter().zip(counts).filter(|(_, count)| *count > 0);
    each.map(|(of, count)| ClassCount { badge: class(of), count }).collect()
}

/// The decision on a call.
pub(crate) fn outcome(outcome: Outcome) -> Badge {
    match outcome {
        Outcome::Allow => Badge { class: "allowed", sign: "✓", word: "Allowed" },
        Outcome::Deny => Badge { class: "denied", sign: "✕", word: "Denied" },
        Outcome::ApprovalRequired => Badge { class: "warn", sign: "‖", word: "Needs approval" },
        Outcome::Refused => Badge { class: "warn", sign: "!", word: "Refused" },
    }
}

/// The stored word of an outcome, as filters in addresses have it.
pub(crate) fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allow => "allow",
        Outcome::Deny => "deny",
        Outcome::ApprovalRequired => "approval_required",
        Outcome::Refused => "refused",
    }
}

/// All outcomes, in the order in which filters offer them.
pub(crate) const OUTCOMES: [Outcome; 4] = [Outcome::Allow, Outcome::Deny, Outcome::ApprovalRequired, Outcome::Refused];

/// How a forwarded call ended.
pub(crate) fn settlement(settlement: Settlement) -> &'static str {
    match settlement {
        Settlement::Ok => "answered",
        Settlement::IsError => "answered with a tool error",
        Settlement::Error => "answered with an error",
        Settlement::Unreachable => "never delivered: the server could not be reached",
        Settlement::Timeout => "no answer in time",
        Settlement::Broken => "the answer broke off",
        Settlement::Cancelled => "the client went away",
    }
}

/// Where a grant stands.
pub(crate) fn standing(standing: GrantStanding) -> Badge {
    match standing {
        GrantStanding::Active => Badge { class: "active", sign: "✓", word: "In force" },
        GrantStanding::Suspended => Badge { class: "suspended", sign: "‖", word: "Suspended" },
        GrantStanding::Expired => Badge { class: "revoked", sign: "✕", word: "Ended" },
    }
}

/// A time taken, from microseconds: "0.31 ms", "12 ms", "3.4 s".
pub(crate) fn taken(us: u64) -> String {
    let (whole, tenths) = (us / 1_000, us % 1_000 / 100);
    match us {
        0..1_000 => format!("0.{:02} ms", us / 10),
        1_000..10_000 => format!("{whole}.{tenths} ms"),
        10_000..1_000_000 => format!("{whole} ms"),
        _ => format!("{}.{} s", us / 1_000_000, us % 1_000_000 / 100_000),
    }
}

/// A wait, from milliseconds: whole seconds, rounded up, minutes from two on.
pub(crate) fn wait(ms: u64) -> String {
    match ms.div_ceil(1_000) {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

/// A JSON Pointer in parts between which a line may break: each begins with its slash.
pub(crate) fn pointer(pointer: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for letter in visible(pointer).chars() {
        match parts.last_mut() {
            Some(part) if letter != '/' => part.push(letter),
            _ => parts.push(letter.to_string()),
        }
    }
    parts
}

/// A text of an upstream with the characters that would hide or turn something made visible: controls, and those that change the
/// direction or the look of what follows (Trojan Source, CVE-2021-42574; invisible tags, U+E0000…).
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if hides(c) {
            shown.push_str(&format!("⟨U+{:04X}⟩", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    shown
}

fn hides(c: char) -> bool {
    let plain_space = matches!(c, '\n' | '\t');
    let invisible = matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        // All but the last variation selector, which stands in usual emoji.
        | '\u{fe00}'..='\u{fe0e}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}');
    invisible || (c.is_control() && !plain_space)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_taken_keep_two_or_three_digits() {
        for (us, text) in [(0, "0.00 ms"), (312, "0.31 ms"), (1_234, "1.2 ms"), (48_900, "48 ms"), (3_460_000, "3.4 s")]
        {
            assert_eq!(taken(us), text);
        }
        for (ms, text) in [(0, "0 s"), (1, "1 s"), (11_200, "12 s"), (120_000, "2 min"), (121_000, "3 min")] {
            assert_eq!(wait(ms), text);
        }
    }

    #[test]
    fn a_pointer_breaks_before_its_slashes() {
        assert_eq!(pointer("/tools/a~1b/limits/0"), ["/tools", "/a~1b", "/limits", "/0"]);
        assert_eq!(pointer(""), Vec::<String>::new());
        assert_eq!(pointer("/tools//x").concat(), "/tools//x");
    }

    #[test]
    fn what_hides_is_shown() {
        assert_eq!(visible("a\u{202e}b\u{0}\u{200b}\n\té🙂"), "a⟨U+202E⟩b⟨U+0000⟩⟨U+200B⟩\n\té🙂");
        assert_eq!(visible("\u{e0041}\r"), "⟨U+E0041⟩⟨U+000D⟩");
        for hidden in "\u{fe00}\u{fe0e}\u{e0100}\u{34f}\u{17b4}\u{180b}\u{2800}\u{fff0}\u{1d173}".chars() {
            assert_eq!(visible(&hidden.to_string()), format!("⟨U+{:04X}⟩", u32::from(hidden)));
        }
        assert_eq!(visible("❤\u{fe0f}"), "❤\u{fe0f}");
    }

    #[test]
    fn a_split_leaves_out_what_is_not_there() {
        let counted = split([RiskClass::Write, RiskClass::Read, RiskClass::Write]);
        assert_eq!(counted.iter().map(|c| (c.badge.word, c.count)).collect::<Vec<_>>(), [("Read", 1), ("Write", 2)]);
    }
}
