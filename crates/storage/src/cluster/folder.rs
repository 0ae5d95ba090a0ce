//! The cluster's folder: its lock, its owner, `initdb` in it, the place of the socket.

use std::{
    fs::{self, File, Permissions},
    hash::{DefaultHasher, Hash, Hasher},
    io,
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};

use super::{ClusterError, SUPERUSER, os_user::OsUser, postmaster::PORT, programs::Programs};

/// The kernel takes 107 bytes; some room is left.
const LONGEST_SOCKET_PATH: usize = 100;

#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
}

/// Held as long as it lives; the kernel gives it up when the process dies, however it dies.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Folder {
    /// Makes the folder, for its user alone.
    pub(super) fn prepare(root: &Path, user: &OsUser) -> Result<Self, ClusterError> {
        let root = std::path::absolute(root).map_err(ClusterError::folder("find", root))?;
        fs::create_dir_all(&root).map_err(ClusterError::folder("make the data folder", &root))?;
        private(&root, user)?;
        Ok(Self { root })
    }

    /// Takes the lock, or says who has it.
    pub(super) fn lock(&self) -> Result<Lock, ClusterError> {
        let path = self.root.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(ClusterError::folder("write to", &path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Lock { file }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(ClusterError::InUse(self.root.clone())),
            Err(error) => Err(ClusterError::folder("lock", path)(error.into())),
        }
    }

    pub(super) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.root.join("server.log")
    }

    /// The major version of the cluster that is here, with the folder to name in a message.
    pub(super) fn cluster_major(&self) -> Result<Option<(u32, &Path)>, ClusterError> {
        let path = self.data().join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.trim().parse().ok().map(|major| (major, self.root.as_path()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ClusterError::folder("read", path)(error)),
        }
    }

    /// Makes the cluster when there is none. It is made aside and moved into place, so that a process killed meanwhile
    /// leaves no half a cluster; who may connect is written anew at every start, since our user may have changed.
    pub(super) fn init(&self, programs: &Programs, user: &OsUser) -> Result<(), ClusterError> {
        if self.cluster_major()?.is_none() {
            let partial = self.root.join("data.partial");
            remove_folder(&partial)?;
            run_initdb(programs, user, &partial)?;
            fs::rename(&partial, self.data()).map_err(ClusterError::folder("move", &partial))?;
            let root = File::open(&self.root).and_then(|dir| dir.sync_all());
            root.map_err(ClusterError::folder("write to", &self.root))?;
        }
        self.write("pg_hba.conf", "local all all peer map=portcullis\n")?;
        let mut names = vec![user.name.as_str(), user.client.as_str(), "root"];
        names.sort_unstable();
        names.dedup();
        let map: String = names
            .iter()
            .map(|name| format!("portcullis \"{name}\" portcullis\nportcullis \"{name}\" {SUPERUSER}\n"))
            .collect();
        self.write("pg_ident.conf", &map)
    }

    /// The folder of the socket: in here, or, when the path is too long for the kernel, below /tmp.
    pub(super) fn socket(&self, user: &OsUser) -> Result<PathBuf, ClusterError> {
        let here = self.root.join("socket");
        let name_bytes = format!("/.s.PGSQL.{PORT}").len();
        let folder = if here.as_os_str().as_bytes().len() + name_bytes <= LONGEST_SOCKET_PATH {
            here
        } else {
            let mut hasher = DefaultHasher::new();
            self.root.hash(&mut hasher);
            PathBuf::from(format!("/tmp/portcullis-{:016x}", hasher.finish()))
        };
        match fs::create_dir(&folder) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => own_folder(&folder, user)?,
            Err(error) => return Err(ClusterError::folder("make", folder)(error)),
        }
        private(&folder, user)?;
        Ok(folder)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), ClusterError> {
        let path = self.data().join(name);
        fs::write(&path, text).map_err(ClusterError::folder("write to", path))
    }
}

/// Given up by name: a child process that another thread is just starting has a copy of the file until it runs its program,
/// and would keep the lock that long.
impl Drop for Lock {
    fn drop(&mut self) {
        // An error would mean that it is not held.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// A folder that was there before must be a folder, and ours or the server's: below /tmp anybody may have made it.
fn own_folder(folder: &Path, user: &OsUser) -> Result<(), ClusterError> {
    let meta = fs::symlink_metadata(folder).map_err(ClusterError::folder("read", folder))?;
    let owners = [user.uid, rustix::process::geteuid().as_raw()];
    if meta.is_dir() && owners.contains(&meta.uid()) {
        return Ok(());
    }
    let reason = io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to another user");
    Err(ClusterError::folder("use", folder)(reason))
}

fn private(folder: &Path, user: &OsUser) -> Result<(), ClusterError> {
    fs::set_permissions(folder, Permissions::from_mode(0o700))
        .map_err(ClusterError::folder("change the mode of", folder))?;
    user.own(folder)
}

fn remove_folder(folder: &Path) -> Result<(), ClusterError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ClusterError::folder("remove", folder)(error)),
        _ => Ok(()),
    }
}

fn run_initdb(programs: &Programs, user: &OsUser, data: &Path) -> Result<(), ClusterError> {
    let output = user
        .command(&programs.initdb)
        .args(["--username", SUPERUSER, "--auth-local=peer", "--auth-host=reject", "--encoding=UTF8", "--locale=C"])
        .args(["--data-checksums", "--no-instructions", "--pgdata"])
        .arg(data)
        .output()
        .map_err(|error| ClusterError::Init(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let words: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    Err(ClusterError::Init(words.join("; ")))
}
