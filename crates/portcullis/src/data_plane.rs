//! `gateway`: the data plane alone.

use std::time::Duration;

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use upstream::Egress;

use crate::{
    cli::{Answers, Gateway},
    key,
    listen::{self, Connections},
    mesh,
    parts::{self, Base},
    signals,
};

/// Serves gateway URLs and tunnels until a signal asks to stop.
pub async fn run(args: Gateway) -> anyhow::Result<()> {
    let stop = signals::stop_token()?;
    let base = Base::new(key::given(&args.shared)?);
    let listener = listen::bind(args.listen)?;
    let egress = if args.shared.allow_private_upstreams { Egress::PRIVATE_ALLOWED } else { Egress::PUBLIC_ONLY };

    let mesh = mesh::open(&args)?;
    let hot = parts::redis(&args.shared.redis_url, Some(&args.spool)).await?;
    let mut config = gateway::Config::new(&args.gateway_origin);
    if let Some(origin) = args.origin {
        config.issuer = origin.trim_end_matches('/').to_owned();
        config.allowed_origins.push(origin);
    }
    // Behind a proxy the Host may be anything; the Origin header is still checked.
    config.hosts = gateway::Hosts::Any;
    config.mesh_address = mesh.as_ref().map(|mesh| mesh.address.clone());
    args.answers.apply(&mut config);
    let gateway = base.gateway(hot.clone(), parts::dialer(egress)?, config);

    let (jobs, stop_jobs) = (TaskTracker::new(), CancellationToken::new());
    let (background, job_stop) = (gateway.clone(), stop_jobs.clone());
    jobs.spawn(async move { background.run_background(job_stop).await });
    if let Some(mesh::Mesh { listener, address }) = mesh {
        let gateway = gateway.clone();
        tracing::info!(address, "other gateways reach this one");
        jobs.spawn(async move { gateway.serve_mesh(listener).await });
    }
    println!("portcullis gateway: {} (listening on {})", args.gateway_origin, args.listen);

    let connections = Connections::new(args.connections_per_address, &args.trusted_proxies);
    let served = listen::serve(listener, gateway.router(), connections, stop).await;
    gateway.close().await;
    stop_jobs.cancel();
    jobs.close();
    jobs.wait().await;
    hot.close().await;
    served
}

impl Answers {
    /// Sets what a gateway waits for and lets pass.
    pub fn apply(&self, config: &mut gateway::Config) {
        config.times.upstream_silence = Duration::from_secs(self.answer_silence);
        config.times.upstream_whole = Duration::from_secs(self.answer_within);
        config.limits.streamed_bytes = mebibytes(self.largest_answer);
        config.limits.request_bytes = mebibytes(self.largest_request);
    }
}

fn mebibytes(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(1 << 20)
}
