//! Gateways on a private Redis.

use std::sync::Arc;

use bus::Bus;
use counters::Counters;
use domain::{Clock, Entropy, Secret};
use test_support::RedisServer;

use crate::world::{PATIENCE, Parts, World};

impl World {
    /// One more gateway process, as it were.
    pub async fn on(redis: &RedisServer) -> Self {
        let (url, dir) = (Secret::new(redis.url()), Arc::new(tempfile::tempdir().unwrap()));
        let bus = bus::RedisConfig::new(url.clone()).with_spool(dir.path().join("spool"));
        let bus = Bus::redis(bus).await.unwrap();
        // What is tested is the count, not how fast a busy machine is.
        let patient = counters::RedisConfig { answer_within: PATIENCE, ..counters::RedisConfig::new(url) };
        let counters = Counters::redis(patient).await.unwrap();
        // Ids of two processes must differ, so their randomness does.
        let parts = Parts { dir, clock: Clock::System, entropy: Entropy::System, bus, counters };
        Self::of(parts, |_| {}).await
    }
}
