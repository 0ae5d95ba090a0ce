//! Short names for what is too long for one: digests over parts. Each part goes in with its length, and one that is not there
//! is told from an empty one, so that no two lists of parts are one text.

use aws_lc_rs::digest::{Context, SHA256};

/// SHA-256 over these parts.
pub(crate) fn of_parts(parts: &[Option<&str>]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        match part {
            Some(text) => {
                context.update(&[1]);
                context.update(&(text.len() as u64).to_be_bytes());
                context.update(text.as_bytes());
            }
            None => context.update(&[0]),
        }
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_lists_of_parts_have_one_name() {
        let lists: [&[Option<&str>]; 6] =
            [&[], &[None], &[Some("")], &[Some("ab"), Some("c")], &[Some("a"), Some("bc")], &[Some("abc")]];
        let names: std::collections::HashSet<_> = lists.iter().map(|parts| of_parts(parts)).collect();
        assert_eq!(names.len(), lists.len());
    }
}
