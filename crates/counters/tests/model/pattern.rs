//! Tool patterns by their definition.

pub fn is_glob(pattern: &str) -> bool {
    pattern.contains(['*', '?'])
}

pub fn literals(pattern: &str) -> usize {
    pattern.chars().filter(|c| !"*?".contains(*c)).count()
}

pub fn matches(pattern: &str, name: &str) -> bool {
    fn go(pattern: &[char], name: &[char]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, _) => name.is_empty(),
            (Some(('*', rest)), None) => go(rest, name),
            (Some(('*', rest)), Some((_, after))) => go(rest, name) || go(pattern, after),
            (Some(_), None) => false,
            (Some((p, rest)), Some((c, after))) => (*p == '?' || p == c) && go(rest, after),
        }
    }
    go(&chars(pattern), &chars(name))
}

/// Whether some name matches both.
pub fn meet(a: &str, b: &str) -> bool {
    fn go(a: &[char], b: &[char]) -> bool {
        match (a.split_first(), b.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), _) if go(rest, b) => true,
            (_, Some(('*', rest))) if go(a, rest) => true,
            (Some(('*', _)), Some((_, after))) => go(a, after),
            (Some((_, after)), Some(('*', _))) => go(after, b),
            (Some((x, rest)), Some((y, after))) => (x == y || *x == '?' || *y == '?') && go(rest, after),
            _ => false,
        }
    }
    go(&chars(a), &chars(b))
}

fn chars(text: &str) -> Vec<char> {
    text.chars().collect()
}
