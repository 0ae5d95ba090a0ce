//! As which operating-system user the server runs: ourselves, or, when we are root, `postgres` or `nobody`.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
};

use super::ClusterError;

/// A user with its number and main group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OsUser {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Whether it is the user of this process.
    oneself: bool,
    /// The name of the user of this process, which connects.
    pub(super) client: String,
}

impl OsUser {
    /// Makes `path` this user's, when it is another than ourselves.
    pub(super) fn own(&self, path: &Path) -> Result<(), ClusterError> {
        if self.oneself {
            return Ok(());
        }
        chown(path, Some(self.uid), Some(self.gid)).map_err(ClusterError::folder("change the owner of", path))
    }

    /// A command that runs as this user, with an empty environment.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin").current_dir("/");
        if !self.oneself {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// The arguments by which `setpriv` becomes this user.
    pub(super) fn setpriv_arguments(&self) -> Vec<String> {
        if self.oneself {
            return Vec::new();
        }
        vec![format!("--reuid={}", self.uid), format!("--regid={}", self.gid), "--clear-groups".to_owned()]
    }
}

/// Chooses the user for a cluster in `folder`.
pub(super) fn choose(folder: &Path) -> Result<OsUser, ClusterError> {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let uid = rustix::process::geteuid().as_raw();
    let oneself = by_uid(&passwd, uid).ok_or(ClusterError::NamelessUser(uid))?;
    if uid != 0 {
        return Ok(oneself);
    }
    let folder = std::path::absolute(folder).map_err(ClusterError::folder("find", folder))?;
    let owner = fs::metadata(folder.join("data")).ok().map(|meta| meta.uid());
    let mut blocked = None;
    for user in candidates(&passwd, owner, &oneself.name) {
        match closed_folder(&user, &folder) {
            None => return Ok(user),
            Some(path) => blocked = blocked.or(Some((user.name, path))),
        }
    }
    Err(blocked.map_or(ClusterError::NoUser, |(user, blocked)| ClusterError::CannotEnter { user, blocked }))
}

/// Whom root may run the server as: first whoever owns the cluster that is there, because no other may open it.
fn candidates(passwd: &str, owner: Option<u32>, client: &str) -> Vec<OsUser> {
    let owner = owner.filter(|uid| *uid != 0).and_then(|uid| by_uid(passwd, uid));
    let usual = ["postgres", "nobody"].iter().filter_map(|name| by_name(passwd, name));
    let named = |user: OsUser| OsUser { oneself: false, client: client.to_owned(), ..user };
    match owner {
        Some(owner) => vec![named(owner)],
        None => usual.map(named).collect(),
    }
}

/// The first folder above `folder` that `user` may not enter. Folders that are not there yet will be open.
fn closed_folder(user: &OsUser, folder: &Path) -> Option<PathBuf> {
    let above: Vec<&Path> = folder.ancestors().skip(1).collect();
    let closed = |path: &&&Path| fs::metadata(path).is_ok_and(|meta| !may_enter(user, &meta));
    above.iter().rev().find(closed).map(|path| path.to_path_buf())
}

fn may_enter(user: &OsUser, meta: &fs::Metadata) -> bool {
    let bit = if meta.uid() == user.uid {
        0o100
    } else if meta.gid() == user.gid {
        0o010
    } else {
        0o001
    };
    meta.mode() & bit != 0
}

fn by_uid(passwd: &str, uid: u32) -> Option<OsUser> {
    passwd.lines().filter_map(entry).find(|user| user.uid == uid)
}

fn by_name(passwd: &str, name: &str) -> Option<OsUser> {
    passwd.lines().filter_map(entry).find(|user| user.name == name)
}

fn entry(line: &str) -> Option<OsUser> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, uid, gid, ..] = fields.as_slice() else { return None };
    Some(OsUser {
        name: (*name).to_owned(),
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        oneself: true,
        client: (*name).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/bash\npostgres:x:101:104:admin:/var/lib/postgresql:/bin/bash\nodd line\n";

    #[test]
    fn users_are_read() {
        assert_eq!(by_uid(PASSWD, 0).unwrap().name, "root");
        assert_eq!(by_name(PASSWD, "postgres").map(|u| (u.uid, u.gid)), Some((101, 104)));
        assert_eq!(by_name(PASSWD, "nobody"), None);
    }

    #[test]
    fn a_cluster_keeps_its_owner() {
        let passwd = format!("{PASSWD}nobody:x:65534:65534::/:/bin/false\nann:x:1000:1000::/home/ann:/bin/sh\n");
        let names = |owner| -> Vec<String> { candidates(&passwd, owner, "root").into_iter().map(|u| u.name).collect() };
        assert_eq!(names(None), ["postgres", "nobody"]);
        assert_eq!(names(Some(1000)), ["ann"]);
        assert_eq!(names(Some(0)), ["postgres", "nobody"]);
        assert_eq!(names(Some(4711)), ["postgres", "nobody"], "an owner without a name cannot run it");
        assert_eq!(candidates(&passwd, Some(1000), "root")[0].client, "root");
    }

    #[test]
    fn a_closed_folder_on_the_way_is_named() {
        let user = OsUser { oneself: false, ..by_name(PASSWD, "postgres").unwrap() };
        assert_eq!(closed_folder(&user, Path::new("/usr/lib/nothing/here")), None);
        let closed = fs::metadata("/root").is_ok_and(|meta| meta.mode() & 0o001 == 0);
        let expected = closed.then(|| PathBuf::from("/root"));
        assert_eq!(closed_folder(&user, Path::new("/root/data/postgres")), expected);
    }
}
