//! The deployment key: given, or made once and kept in the data folder.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use anyhow::{Context as _, anyhow, bail};
use domain::{DeploymentKey, Entropy};

use crate::cli::Shared;

/// The key given on the command line, in the environment or in a file.
pub fn given(shared: &Shared) -> anyhow::Result<DeploymentKey> {
    let text = match (&shared.key, &shared.key_file) {
        (Some(key), _) => key.clone(),
        (None, Some(file)) => fs::read_to_string(file)
            .with_context(|| format!("cannot read the deployment key from {}", file.display()))?,
        (None, None) => bail!("no deployment key: set PORTCULLIS_KEY or PORTCULLIS_KEY_FILE"),
    };
    DeploymentKey::parse(&text).map_err(|error| anyhow!("{error}"))
}

/// The key kept in `<data>/secrets`, made at the first start.
pub fn kept(data: &Path, entropy: &Entropy) -> anyhow::Result<DeploymentKey> {
    let folder = data.join("secrets");
    let file = folder.join("deployment.key");
    match fs::read_to_string(&file) {
        Ok(text) => DeploymentKey::parse(&text).map_err(|_| {
            anyhow!("{} is damaged: put the original back; without it stored credentials do not open", file.display())
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(&folder, &file, entropy),
        Err(error) => bail!("cannot read {}: {error}", file.display()),
    }
}

fn make(folder: &Path, file: &Path, entropy: &Entropy) -> anyhow::Result<DeploymentKey> {
    let key = DeploymentKey::new(entropy);
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let mut out = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .with_context(|| format!("cannot create {}", file.display()))?;
    writeln!(out, "{}", key.expose())?;
    out.sync_all()?;
    Ok(key)
}
