//! `control`: the control plane alone.

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use upstream::Egress;

use crate::{
    cli::Control,
    key,
    listen::{self, Connections},
    parts::{self, Addresses, Base},
    signals,
};

/// Serves the pages and runs the background jobs until a signal asks to stop.
pub async fn run(args: Control) -> anyhow::Result<()> {
    let stop = signals::stop_token()?;
    let base = Base::new(key::given(&args.shared)?);
    let listener = listen::bind(args.listen)?;
    let gateway_origin = args.gateway_origin.unwrap_or_else(|| args.origin.clone());
    let addresses = Addresses {
        gateway_internal: args.gateway_internal.unwrap_or_else(|| gateway_origin.clone()),
        gateway_origin,
        origin: args.origin,
    };
    let egress = if args.shared.allow_private_upstreams { Egress::PRIVATE_ALLOWED } else { Egress::PUBLIC_ONLY };

    let db = parts::database(&args.database.database_url).await?;
    let hot = parts::redis(&args.shared.redis_url, None).await?;
    let accounts =
        base.accounts(db.clone(), hot.clone(), parts::dialer(egress)?, addresses.config(args.keep.retention()));
    let connections = Connections::new(args.connections_per_address, &args.trusted_proxies);
    let faces = base.faces(&accounts, &addresses.origin)?;

    let (jobs, stop_jobs) = (TaskTracker::new(), CancellationToken::new());
    let job_stop = stop_jobs.clone();
    jobs.spawn(async move { accounts.run_background(job_stop).await });
    println!("portcullis control: {} (listening on {})", addresses.origin, args.listen);

    let app = faces.merge(crate::health::of_database(db.clone()));
    let served = listen::serve(listener, app, connections, stop).await;
    stop_jobs.cancel();
    jobs.close();
    jobs.wait().await;
    hot.close().await;
    db.close().await;
    served
}
