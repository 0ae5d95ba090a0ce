//! A slug made from a name, for who left the field empty; `page.js` suggests the same while one types.

/// The longest a slug may be.
const MAX: usize = 40;

/// Letters and digits of the name in lower case, everything else as single hyphens.
pub(crate) fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.chars().flat_map(char::to_lowercase).map(plain) {
        match letter {
            Some(letter) => slug.push(letter),
            None if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            None => {}
        }
    }
    slug.truncate(MAX);
    slug.trim_end_matches('-').to_owned()
}

/// The letter without its accent, for the letters of western Europe; `None` for what no slug holds.
fn plain(letter: char) -> Option<char> {
    match letter {
        'a'..='z' | '0'..='9' => Some(letter),
        'à'..='å' => Some('a'),
        'ç' => Some('c'),
        'è'..='ë' => Some('e'),
        'ì'..='ï' => Some('i'),
        'ñ' => Some('n'),
        'ò'..='ö' | 'ø' => Some('o'),
        'ù'..='ü' => Some('u'),
        'ý' | 'ÿ' => Some('y'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_slugs() {
        for (name, slug) in [
            ("Acme, Inc.", "acme-inc"),
            ("  Über   Größe ", "uber-gro-e"),
            ("data_science 2", "data-science-2"),
            ("日本", ""),
            ("-a-", "a"),
        ] {
            assert_eq!(slug_of(name), slug);
        }
        assert_eq!(slug_of(&"a ".repeat(30)).len(), 40 - 1, "no hyphen at the end of the cut");
    }
}
