//! `connect`: a stdio server, or a private HTTP server, behind its gateway.

use std::path::PathBuf;

use anyhow::Context as _;
use connector::{AllowList, ChildCommand, ConnectConfig, Limits, Target, TokenSource, UpstreamUrl};
use domain::Entropy;

use crate::{cli::Connect, signals};

/// Carries the server until a signal asks to stop.
pub async fn run(args: Connect) -> anyhow::Result<()> {
    let config = ConnectConfig {
        token: token(args.token.as_deref(), args.token_file)?,
        allow: AllowList::new(args.allow),
        target: target(args.url.as_deref(), args.command)?,
        limits: Limits::default(),
        extra_roots_pem: Vec::new(),
    };
    let stop = signals::stop_token()?;
    connector::run(config, Entropy::System, stop, |report| eprintln!("portcullis: {report}")).await?;
    Ok(())
}

fn token(given: Option<&str>, file: Option<PathBuf>) -> anyhow::Result<TokenSource> {
    if let Some(file) = file {
        return Ok(TokenSource::File(file));
    }
    let text = given.context("no token: copy the connect line from the server's page")?;
    Ok(TokenSource::Given(text.parse().context("the token cannot be used")?))
}

fn target(url: Option<&str>, command: Vec<String>) -> anyhow::Result<Target> {
    if let Some(url) = url {
        return Ok(Target::Url(UpstreamUrl::parse(url).with_context(|| format!("cannot use --url {url}"))?));
    }
    let mut words = command.into_iter();
    let program = words.next().context("no command: end the line with `-- program arguments…`")?;
    let args = words.map(Into::into).collect();
    Ok(Target::Child(ChildCommand { program: program.into(), args, env: Vec::new() }))
}
