//! Paths into arguments, as a valid policy writes them (POLICY.md §1), compared by where they lead and not by how they are
//! written.

/// Where a path leads, step by step from `args`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ArgumentPath(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Key(String),
    Index(String),
    Each,
}

impl ArgumentPath {
    /// None for what is no path into arguments.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix("args")?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = match rest.strip_prefix('.') {
                Some(name) => bare_key(name),
                None => bracket(rest.strip_prefix('[')?)?,
            };
            steps.push(step);
            rest = after;
        }
        Some(Self(steps))
    }

    /// The top-level argument that it leads into; none for all of them.
    pub(super) fn argument(&self) -> Option<&str> {
        match self.0.first() {
            Some(Step::Key(key)) => Some(key),
            _ => None,
        }
    }

    /// Whether keeping what is at and below this path keeps what is at the other.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let covers =
            |(own, step): (&Step, &Step)| own == step || (*own == Step::Each && matches!(step, Step::Index(_)));
        self.0.len() <= other.0.len() && self.0.iter().zip(&other.0).all(covers)
    }
}

fn bare_key(text: &str) -> (Step, &str) {
    let (key, after) = text.split_at(text.find(['.', '[']).unwrap_or(text.len()));
    (Step::Key(key.to_owned()), after)
}

fn bracket(inner: &str) -> Option<(Step, &str)> {
    if !inner.starts_with('"') {
        let (index, after) = inner.split_once(']')?;
        let step = if index == "*" { Step::Each } else { Step::Index(index.to_owned()) };
        return Some((step, after));
    }
    let mut literals = serde_json::Deserializer::from_str(inner).into_iter::<String>();
    let key = literals.next()?.ok()?;
    let after = inner.get(literals.byte_offset()..)?.strip_prefix(']')?;
    Some((Step::Key(key), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ArgumentPath {
        ArgumentPath::read(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn paths_are_the_same_however_they_are_written() {
        assert_eq!(read("args.a.b"), read(r#"args["a"]["b"]"#));
        assert_eq!(read(r#"args["\u00e9"][0]"#), read("args.é[0]"));
        assert_ne!(read("args.a[0]"), read("args.a.0"));
        assert_eq!(read(r#"args["x.y]"].z"#).argument(), Some("x.y]"));
        for odd in ["member.email", "args[", "args[\"a", "args.a[\"b\"x"] {
            assert_eq!(ArgumentPath::read(odd), None, "{odd}");
        }
    }

    #[test]
    fn what_is_kept_covers_what_is_below_it() {
        for (kept, needed) in [
            ("args.a", "args.a"),
            ("args.a", "args.a.b[3]"),
            ("args.files[*].path", "args.files[0].path"),
            ("args.files[*]", "args.files[*].path"),
        ] {
            assert!(read(kept).covers(&read(needed)), "{kept} {needed}");
        }
        for (kept, needed) in [
            ("args.a", "args.ab"),
            ("args.a.b", "args.a"),
            ("args.files[0].path", "args.files[*].path"),
            ("args.files[0]", "args.files[1]"),
        ] {
            assert!(!read(kept).covers(&read(needed)), "{kept} {needed}");
        }
    }
}
