//! `connect`: a stdio server, or a private HTTP server, behind its gateway.

use anyhow::Context as _;
use connector::{ChildCommand, ConnectConfig, ConnectToken, Limits, Target, UpstreamUrl};
use domain::Entropy;

use crate::{cli::Connect, signals};

/// Carries the server until a signal asks to stop.
pub async fn run(args: Connect) -> anyhow::Result<()> {
    let token: ConnectToken = args.token.parse().context("the token cannot be used")?;
    let config = ConnectConfig {
        token,
        target: target(args.url.as_deref(), args.command)?,
        limits: Limits::default(),
        extra_roots_pem: Vec::new(),
    };
    let stop = signals::stop_token()?;
    connector::run(config, Entropy::System, stop, |report| eprintln!("portcullis: {report}")).await?;
    Ok(())
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
