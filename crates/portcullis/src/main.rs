#![doc = include_str!("../README.md")]

mod cli;
mod connect;
mod control;
mod data_plane;
mod health;
mod key;
mod listen;
mod mesh;
mod parts;
mod policy_files;
mod signals;
mod up;

use std::{io::IsTerminal as _, process::ExitCode};

use anyhow::anyhow;
use clap::Parser as _;
use connector::ConnectError;
use tracing_subscriber::EnvFilter;

use crate::cli::{Cli, Command, Policy};

/// A call makes and drops buffers of several KiB, which the C library's allocator does at a fifth of a call's whole CPU time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let command = Cli::parse().command;
    if let Command::Policy(policy) = &command {
        return match policy {
            Policy::Check { files } => policy_files::check(files),
            Policy::Test { files, counters } => policy_files::test(files, counters.as_deref()),
            Policy::Schema => policy_files::schema(),
        };
    }
    log_to_stderr();
    match start(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("portcullis: {}", sentence(&error));
            error.downcast_ref::<ConnectError>().map_or(ExitCode::FAILURE, |error| error.exit_code().into())
        }
    }
}

/// The error and its causes, each said once: some of them repeat what caused them.
fn sentence(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain().map(ToString::to_string).filter(|cause| !cause.is_empty()) {
        if said.is_empty() {
            said = cause;
        } else if !said.contains(&cause) {
            said = format!("{said}: {cause}");
        }
    }
    said
}

fn start(command: Command) -> anyhow::Result<()> {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow!("another crypto provider was installed first"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Up(args) => up::run(args).await,
            Command::Control(args) => control::run(args).await,
            Command::Gateway(args) => data_plane::run(args).await,
            Command::Connect(args) => connect::run(args).await,
            Command::Migrate(args) => parts::database(&args.database_url).await.map(|_| ()),
            // Done in main, without a runtime.
            Command::Policy(_) => Ok(()),
        }
    })
}

/// Text for a terminal, JSON lines for everything else; `RUST_LOG` chooses what is told.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,hyper=warn"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() { log.init() } else { log.json().init() }
}
