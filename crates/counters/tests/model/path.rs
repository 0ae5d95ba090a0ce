//! Paths into arguments and facts.

use super::json::Tree;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Key(String),
    Index(usize),
    Every,
}

/// The steps after `args`, or none when the path is a fact.
pub fn steps(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.strip_prefix("args")?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            steps.push(Step::Key(after[..end].to_owned()));
            rest = &after[end..];
        } else if rest.starts_with("[\"") {
            let mut quoted = serde_json::Deserializer::from_str(&rest[1..]).into_iter::<String>();
            steps.push(Step::Key(quoted.next()?.ok()?));
            rest = rest[1 + quoted.byte_offset()..].strip_prefix(']')?;
        } else {
            let (inside, after) = rest.strip_prefix('[')?.split_once(']')?;
            steps.push(if inside == "*" { Step::Every } else { Step::Index(inside.parse().ok()?) });
            rest = after;
        }
    }
    Some(steps)
}

/// What stands at a path: one place for each element a wildcard visits, `None` where nothing stands.
pub fn find<'t>(tree: Option<&'t Tree>, steps: &[Step]) -> Vec<Option<&'t Tree>> {
    let Some((step, rest)) = steps.split_first() else { return vec![tree] };
    match (step, tree) {
        (Step::Key(key), Some(object)) => find(object.get(key), rest),
        (Step::Index(index), Some(list)) => find(list.items().get(*index), rest),
        (Step::Every, Some(Tree::List(items))) => items.iter().flat_map(|item| find(Some(item), rest)).collect(),
        _ => vec![None],
    }
}
