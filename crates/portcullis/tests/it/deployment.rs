//! A deployment of separate processes: PostgreSQL, Redis, one control plane, two gateways, all real and on loopback.

use anyhow::Context as _;
use domain::{DeploymentKey, Entropy};
use storage::cluster::{Cluster, ClusterOptions, ProgramSearch, SyncToDisk};

use crate::process::{Folder, PORTCULLIS, Running, free_address, redis, wait_for};

/// The running deployment.
#[derive(Debug)]
pub struct Deployment {
    pub origin: String,
    pub gateways: Vec<String>,
    pub control: Option<Running>,
    /// None while it is stopped.
    cluster: Option<Cluster>,
    database_url: String,
    key: String,
    redis_url: String,
    gateway_processes: Vec<Running>,
    _redis: Running,
    folder: Folder,
}

impl Deployment {
    pub async fn start(name: &str) -> anyhow::Result<Self> {
        let folder = Folder::new(name)?;
        let cluster = start_cluster(&folder).await?;
        let (redis, redis_url) = redis()?;
        let control = free_address()?;
        let mut deployment = Self {
            origin: format!("http://{control}"),
            gateways: Vec::new(),
            control: None,
            database_url: format!("postgres://portcullis@localhost/portcullis?host={}", cluster.socket().display()),
            cluster: Some(cluster),
            key: DeploymentKey::new(&Entropy::System).expose(),
            redis_url,
            gateway_processes: Vec::new(),
            _redis: redis,
            folder,
        };
        for number in 0..2 {
            deployment.start_gateway(number)?;
        }
        deployment.start_control()?;
        Ok(deployment)
    }

    pub fn start_control(&mut self) -> anyhow::Result<()> {
        let listen = self.origin.trim_start_matches("http://").to_owned();
        let gateway = self.gateways.first().context("a gateway")?.clone();
        let env = [
            ("DATABASE_URL", self.database_url.as_str()),
            ("REDIS_URL", self.redis_url.as_str()),
            ("PORTCULLIS_KEY", self.key.as_str()),
            ("PORTCULLIS_ORIGIN", self.origin.as_str()),
            ("PORTCULLIS_GATEWAY_ORIGIN", gateway.as_str()),
        ];
        let control = Running::start(PORTCULLIS, &["control", "--listen", &listen, "--allow-private-upstreams"], &env)?;
        control.line_with("portcullis control:")?;
        self.control = Some(control);
        Ok(())
    }

    /// The process of a gateway, by its number.
    pub fn gateway_process(&self, number: usize) -> &Running {
        &self.gateway_processes[number]
    }

    /// Takes the database away.
    pub async fn stop_postgres(&mut self) -> anyhow::Result<()> {
        self.cluster.take().context("PostgreSQL runs")?.stop().await?;
        Ok(())
    }

    /// Brings it back, with what it held.
    pub async fn start_postgres(&mut self) -> anyhow::Result<()> {
        self.cluster = Some(start_cluster(&self.folder).await?);
        Ok(())
    }

    fn start_gateway(&mut self, number: usize) -> anyhow::Result<()> {
        let address = free_address()?;
        let (origin, listen) = (format!("http://{address}"), address.to_string());
        let spool = self.folder.path().join(format!("spool-{number}")).display().to_string();
        let env = [
            ("REDIS_URL", self.redis_url.as_str()),
            ("PORTCULLIS_KEY", self.key.as_str()),
            // The one address that clients know, as behind a balancer; the tests reach each gateway at its own.
            ("PORTCULLIS_GATEWAY_ORIGIN", self.gateways.first().unwrap_or(&origin).as_str()),
            ("PORTCULLIS_ORIGIN", self.origin.as_str()),
        ];
        let args = ["gateway", "--listen", &listen, "--spool", &spool, "--allow-private-upstreams"];
        self.gateway_processes.push(Running::start(PORTCULLIS, &args, &env)?);
        wait_for(address)?;
        self.gateways.push(origin);
        Ok(())
    }
}

async fn start_cluster(folder: &Folder) -> anyhow::Result<Cluster> {
    Ok(Cluster::start(ClusterOptions {
        folder: folder.path().join("postgres"),
        programs: ProgramSearch::from_environment(),
        sync: SyncToDisk::NeverForTests,
    })
    .await?)
}
