//! `up`: everything in one process, with a private PostgreSQL and counters in process unless URLs say otherwise.

use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};
use bus::Bus;
use counters::Counters;
use domain::{Clock, Entropy};
use storage::{
    Db,
    cluster::{Cluster, ClusterOptions, ProgramSearch, SyncToDisk},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use upstream::Egress;

use crate::{
    cli::Up,
    health, key,
    listen::{self, Connections},
    parts::{self, Addresses, Base, HotState},
    signals,
};

/// The stores, and what has to be stopped after them.
struct Stores {
    db: Db,
    hot: HotState,
    cluster: Option<Cluster>,
}

/// Serves everything on one port until a signal asks to stop.
pub async fn run(args: Up) -> anyhow::Result<()> {
    let stop = signals::stop_token()?;
    let listener = listen::bind(args.listen)?;
    let data = data_folder(args.data.as_deref())?;
    let base = Base::new(key::kept(&data, &Entropy::System)?);
    let stores = open_stores(&args, &data).await?;
    let served = serve(&args, &base, &stores, listener, stop).await;
    stores.close().await?;
    served
}

async fn serve(
    args: &Up,
    base: &Base,
    stores: &Stores,
    listener: std::net::TcpListener,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let origin = args.origin.clone().unwrap_or_else(|| format!("http://{}", args.listen));
    let addresses = Addresses {
        origin: origin.clone(),
        gateway_origin: origin.clone(),
        gateway_internal: format!("http://{}", reachable(args.listen)),
    };
    let egress = if args.refuse_private_upstreams { Egress::PUBLIC_ONLY } else { Egress::PRIVATE_ALLOWED };
    let dialer = parts::dialer(egress)?;
    let config = addresses.config(args.keep.retention());
    let accounts = base.accounts(stores.db.clone(), stores.hot.clone(), dialer.clone(), config);
    let faces = base.faces(&accounts, &origin)?;
    // A bus in process begins empty: without this, keys would be unknown for a moment after each start.
    accounts.publish_missing().await.context("cannot publish the accounts to the gateway")?;
    let mut config = gateway::Config::new(&origin);
    args.answers.apply(&mut config);
    let gateway = base.gateway(stores.hot.clone(), dialer, config);

    let (jobs, stop_jobs) = (TaskTracker::new(), CancellationToken::new());
    let (background, gateway_stop, accounts_stop) = (gateway.clone(), stop_jobs.clone(), stop_jobs.clone());
    jobs.spawn(async move { background.run_background(gateway_stop).await });
    jobs.spawn(async move { accounts.run_background(accounts_stop).await });
    println!("Portcullis is up: {origin}");
    println!("Stop it with Ctrl-C.");

    let app = faces.merge(gateway.routes()).merge(health::of_database(stores.db.clone()));
    let connections = Connections::new(args.connections_per_address, &args.trusted_proxies);
    let served = listen::serve(listener, app, connections, stop).await;
    gateway.close().await;
    stop_jobs.cancel();
    jobs.close();
    jobs.wait().await;
    served
}

async fn open_stores(args: &Up, data: &Path) -> anyhow::Result<Stores> {
    let (db, cluster) = match &args.database_url {
        Some(url) => (parts::database(url).await?, None),
        None => {
            let cluster = Cluster::start(ClusterOptions {
                folder: data.join("postgres"),
                programs: ProgramSearch::from_environment(),
                sync: SyncToDisk::Always,
            })
            .await?;
            let db = Db::of_cluster(&cluster, parts::POOL).await?;
            db.migrate().await?;
            (db, Some(cluster))
        }
    };
    let spool = data.join("spool");
    let hot = match &args.redis_url {
        Some(url) => parts::redis(url, Some(&spool)).await?,
        None => {
            let folder = data.join("counters");
            let counters = tokio::task::spawn_blocking(move || Counters::durable(&folder, Clock::System))
                .await?
                .context("cannot open the counters")?;
            HotState { bus: Bus::memory(&spool, Clock::System)?, counters }
        }
    };
    Ok(Stores { db, hot, cluster })
}

impl Stores {
    async fn close(self) -> anyhow::Result<()> {
        self.hot.close().await;
        self.db.close().await;
        if let Some(cluster) = self.cluster {
            cluster.stop().await?;
        }
        Ok(())
    }
}

/// The folder for all data, made if it is not there.
fn data_folder(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    let folder = match given {
        Some(folder) => folder.to_owned(),
        None => default_folder()?,
    };
    fs::create_dir_all(&folder).map_err(|error| {
        anyhow!(
            "cannot create the data folder {} ({error}): choose one you may write with --data FOLDER",
            folder.display()
        )
    })?;
    let probe = folder.join(".writable");
    fs::write(&probe, b"").and_then(|()| fs::remove_file(&probe)).map_err(|error| {
        anyhow!(
            "cannot write the data folder {} ({error}): choose one you may write with --data FOLDER",
            folder.display()
        )
    })?;
    fs::canonicalize(&folder).with_context(|| format!("cannot find {}", folder.display()))
}

/// Root's data must be where the user that PostgreSQL runs as can reach it.
fn default_folder() -> anyhow::Result<PathBuf> {
    if rustix::process::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/portcullis"));
    }
    if let Some(folder) = env::var_os("XDG_DATA_HOME") {
        return Ok(PathBuf::from(folder).join("portcullis"));
    }
    let home = env::var_os("HOME").context("no data folder: set HOME, or choose one with --data FOLDER")?;
    Ok(PathBuf::from(home).join(".local/share/portcullis"))
}

/// An address that this very machine reaches the listener at.
fn reachable(listen: SocketAddr) -> SocketAddr {
    match (listen.ip().is_unspecified(), listen) {
        (false, _) => listen,
        (true, SocketAddr::V4(_)) => SocketAddr::from(([127, 0, 0, 1], listen.port())),
        (true, SocketAddr::V6(_)) => SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, listen.port())),
    }
}
