//! Finding `initdb` and `postgres`.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::ClusterError;

/// The oldest major version that has all that the migrations use.
const OLDEST: u32 = 15;

/// Where the server programs are looked for.
#[derive(Clone, Debug, Default)]
pub struct ProgramSearch {
    /// Only there, when given (`PG_BIN_DIR`).
    pub bin_dir: Option<PathBuf>,
    /// The search path (`PATH`); links in it are followed, because the server finds its other files from its real place.
    pub path: Option<OsString>,
    /// Folders with one folder per version, each with a `bin`: `/usr/lib/postgresql/15/bin`; the newest is taken first.
    pub version_folders: Vec<PathBuf>,
}

/// The programs of one version.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    pub(super) initdb: PathBuf,
    pub(super) postgres: PathBuf,
}

#[derive(Debug)]
struct Found {
    folder: PathBuf,
    major: u32,
}

impl ProgramSearch {
    /// As this process' environment says: `PG_BIN_DIR`, `PATH`, and where Linux distributions put them.
    #[must_use]
    pub fn from_environment() -> Self {
        Self {
            bin_dir: std::env::var_os("PG_BIN_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from),
            path: std::env::var_os("PATH"),
            version_folders: vec![PathBuf::from("/usr/lib/postgresql"), PathBuf::from("/usr")],
        }
    }
}

/// Finds programs; of the version of the cluster that is already there, when there is one.
pub(super) fn find(search: &ProgramSearch, cluster: Option<(u32, &Path)>) -> Result<Programs, ClusterError> {
    let found = match &search.bin_dir {
        Some(dir) => vec![inspect(dir).ok_or_else(|| ClusterError::NoProgramsInBinDir(dir.clone()))?],
        None => candidates(search).iter().filter_map(|dir| inspect(dir)).collect(),
    };
    let Some(first) = found.first() else { return Err(ClusterError::NoPrograms) };
    let fits = |one: &&Found| cluster.map_or(one.major >= OLDEST, |(major, _)| one.major == major);
    if let Some(fit) = found.iter().find(fits) {
        return Ok(Programs { initdb: fit.folder.join("initdb"), postgres: fit.folder.join("postgres") });
    }
    match cluster {
        Some((cluster, folder)) => {
            Err(ClusterError::OtherMajor { folder: folder.to_owned(), cluster, found: first.major })
        }
        None => Err(ClusterError::TooOld { folder: first.folder.clone(), found: first.major }),
    }
}

fn candidates(search: &ProgramSearch) -> Vec<PathBuf> {
    let from_path = search.path.iter().flat_map(std::env::split_paths).filter_map(|dir| {
        let real = fs::canonicalize(dir.join("postgres")).ok()?;
        real.parent().map(Path::to_owned)
    });
    let from_versions = search.version_folders.iter().flat_map(|root| versions_below(root));
    from_path.chain(from_versions).collect()
}

/// `15/bin` and `pgsql-15/bin` below `root`, newest first.
fn versions_below(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let major = name.strip_prefix("pgsql-").unwrap_or(&name).parse().ok()?;
            Some((major, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    versions.into_iter().map(|(_, dir)| dir).collect()
}

fn inspect(dir: &Path) -> Option<Found> {
    if !dir.join("initdb").is_file() {
        return None;
    }
    let output = Command::new(dir.join("postgres"))
        .arg("--version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let major = major(&String::from_utf8_lossy(&output.stdout))?;
    Some(Found { folder: dir.to_owned(), major })
}

/// From `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, `… 18beta1`.
fn major(version: &str) -> Option<u32> {
    let word = version.split_whitespace().nth(2)?;
    let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major("postgres"), None);
    }

    #[test]
    fn without_programs_the_error_says_what_to_install() {
        let error = find(&ProgramSearch::default(), None).unwrap_err().to_string();
        assert!(error.contains("apt-get install postgresql") && error.contains("DATABASE_URL"), "{error}");
        let search = ProgramSearch { bin_dir: Some("/nonexistent".into()), ..ProgramSearch::default() };
        assert!(find(&search, None).unwrap_err().to_string().contains("PG_BIN_DIR is /nonexistent"));
    }

    #[test]
    fn a_cluster_of_another_version_is_named() {
        let search = ProgramSearch::from_environment();
        let error = find(&search, Some((9, Path::new("/data")))).unwrap_err().to_string();
        assert!(error.contains("PostgreSQL 9") && error.contains("pg_dump"), "{error}");
    }
}
