//! Which known word somebody meant who wrote an unknown one.

/// The word that a slip of the pen would have made this of: at most two letters off, and fewer than half.
pub(super) fn nearest<'w>(found: &str, words: &[&'w str]) -> Option<&'w str> {
    let alike = words.iter().filter(|word| word.len().abs_diff(found.len()) <= 2 && found.is_ascii());
    let by_distance = alike.map(|word| (distance(found.as_bytes(), word.as_bytes()), *word));
    by_distance.filter(|(distance, word)| *distance <= 2 && distance * 2 < word.len()).min().map(|(_, word)| word)
}

/// How many letters have to be added, taken away, replaced, or exchanged with the next (optimal string alignment).
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(!a[i - 1].eq_ignore_ascii_case(&b[j - 1]));
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_pen_are_known() {
        let words = ["default", "tools", "limits", "hide", "self", "at"];
        for (found, meant) in [
            ("defualt", Some("default")),
            ("Default", Some("default")),
            ("limit", Some("limits")),
            ("hidden", None),
            ("tols", Some("tools")),
            ("selv", Some("self")),
            ("it", None),
            ("", None),
            ("zzz", None),
            ("d\u{e9}faut", None),
        ] {
            assert_eq!(nearest(found, &words), meant, "{found}");
        }
    }
}
