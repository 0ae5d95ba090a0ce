//! Every SQL text of this crate by name, for the test that prepares each against the migrated schema.

/// Declares the SQL texts of a file as constants and lists them in its `STATEMENTS`.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)*) => {
        $($(#[$doc])* const $name: &str = $sql;)*
        /// The SQL texts of this file.
        pub(crate) const STATEMENTS: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

/// All files' SQL texts: file, name, text. A test compares the list of files with the sources.
#[must_use]
pub fn all() -> Vec<(&'static str, &'static str, &'static str)> {
    let mut all = Vec::new();
    for (file, statements) in crate::FILES_WITH_STATEMENTS {
        all.extend(statements.iter().map(|(name, sql)| (*file, *name, *sql)));
    }
    all
}
