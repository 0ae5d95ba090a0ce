//! Tool names on the account's URL: `{server}__{tool}`, at most 64 characters, as several clients demand.
//!
//! A name that would be longer ends in a part of its own hash
//! instead; the same tool always gets the same name.

use aws_lc_rs::digest;

/// Most characters of a name (Claude and OpenAI APIs).
const MOST_CHARS: usize = 64;
/// Hexadecimal digits of the hash in a shortened name.
const HASH_DIGITS: usize = 8;

/// The name that clients see.
pub(crate) fn public_name(server: &str, tool: &str) -> String {
    let whole = mcp::qualified_name(server, tool);
    if whole.chars().count() <= MOST_CHARS {
        return whole;
    }
    let hash = digest::digest(&digest::SHA256, whole.as_bytes());
    let digits: String = hash.as_ref().iter().take(HASH_DIGITS / 2).map(|byte| format!("{byte:02x}")).collect();
    let start: String = whole.chars().take(MOST_CHARS - HASH_DIGITS - 1).collect();
    format!("{start}_{digits}")
}

/// The server's own name of the tool behind a public name, given the names it is known to have.
pub(crate) fn own_name<'a>(public: &'a str, rest: &'a str, known: impl Iterator<Item = &'a str>) -> &'a str {
    if public.chars().count() < MOST_CHARS {
        return rest;
    }
    let Some((server, _)) = mcp::split_qualified(public) else { return rest };
    known.into_iter().find(|tool| public_name(server, tool) == public).unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_stay_whole() {
        assert_eq!(public_name("mlflow", "get__run"), "mlflow__get__run");
        assert_eq!(own_name("mlflow__get__run", "get__run", std::iter::empty()), "get__run");
    }

    #[test]
    fn long_names_are_shortened_and_found_again() {
        let server = "a".repeat(40);
        let tools =
            [format!("{}1", "t".repeat(60)), format!("{}2", "t".repeat(60)), "é".repeat(64), "short".to_owned()];
        let public: Vec<String> = tools.iter().map(|tool| public_name(&server, tool)).collect();
        assert_eq!(public.iter().collect::<std::collections::HashSet<_>>().len(), tools.len());
        for (name, tool) in public.iter().zip(&tools) {
            assert!(name.chars().count() <= MOST_CHARS, "{name}");
            let (slug, rest) = mcp::split_qualified(name).unwrap();
            assert_eq!(slug, server);
            assert_eq!(own_name(name, rest, tools.iter().map(String::as_str)), tool);
        }
        let exact = public_name("s", &"x".repeat(61));
        assert_eq!(exact.len(), MOST_CHARS);
        assert_eq!(own_name(&exact, mcp::split_qualified(&exact).unwrap().1, std::iter::empty()), "x".repeat(61));
    }
}
