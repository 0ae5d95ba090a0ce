use super::*;

fn alike(one: &str, other: &str) -> bool {
    let [forth, back] = [(one, other), (other, one)].map(|(a, b)| [a].into_iter().collect::<Likenesses>().has(b));
    assert_eq!(forth, back, "the same both ways: {one:?} {other:?}");
    forth
}

#[test]
fn names_that_are_taken_for_each_other() {
    for (one, other) in [
        ("delete_run", "delete_run"),
        ("delete_run", "Delete_Run"),
        ("delete_run", "DELETE_RUN"),
        // Cyrillic, small and capital.
        ("delete_run", "d\u{435}lete_run"),
        ("HIDE", "\u{41d}IDE"),
        // A capital I for a small l, a digit for a letter, two letters for one.
        ("delete_run", "deIete_run"),
        ("get_o", "get_0"),
        ("modern", "modem"),
        // Full width, a ligature, the Kelvin sign, a long s.
        ("secret", "\u{ff53}ecret"),
        ("file", "\u{fb01}le"),
        ("kill", "\u{212a}ill"),
        ("secret", "\u{17f}ecret"),
        // What is not seen.
        ("secret", "secret "),
        ("secret", "se\u{200b}cret"),
        ("secret", "secret\0"),
        ("\u{3c3}\u{3c2}", "\u{3a3}\u{3a3}"),
        ("strasse", "stra\u{df}e"),
    ] {
        assert!(alike(one, other), "{one:?} {other:?}");
    }
}

#[test]
fn names_that_nobody_confuses() {
    for (one, other) in [
        ("get_run", "get_runs"),
        ("get_run", "getrun"),
        ("get_run", "get-run"),
        ("get_run", "get.run"),
        ("list_i", "list_l"),
        ("v1", "v2"),
        ("resume", "r\u{e9}sum\u{e9}"),
        ("", "a"),
    ] {
        assert!(!alike(one, other), "{one:?} {other:?}");
    }
}

#[test]
fn what_cannot_be_compared_counts_as_alike() {
    let none = Likenesses::default();
    assert!(!none.has(&"x".repeat(MOST_BYTES)));
    assert!(none.has(&"x".repeat(MOST_BYTES + 1)));
}

#[test]
fn a_name_is_said_to_look_like_an_earlier_one() {
    let mut names = Likenesses::default();
    assert!(!names.insert("pay") && !names.insert("refund") && names.insert("Pay") && names.insert("pay"));
}

#[test]
fn ascii_takes_the_short_way_to_the_same() {
    for pair in (0..128_u8).flat_map(|a| (0..128_u8).map(move |b| [a, b])) {
        let name: String = pair.into_iter().map(char::from).collect();
        assert_eq!(small(&name), small_of_any(&name), "{name:?}");
        assert_eq!(written(&name), written_of_any(&name), "{name:?}");
        assert_eq!(folded(&name), fold(name.nfkc()), "{name:?}");
    }
}
