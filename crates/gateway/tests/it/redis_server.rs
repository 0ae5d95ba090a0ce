//! Gateways on a private Redis.

use std::{sync::Arc, time::Duration};

use bus::Bus;
use counters::Counters;
use domain::{Clock, Entropy, Secret};
use test_support::RedisServer;

use crate::world::{PATIENCE, Parts, World};

/// How long the stores may take: what is tested is what they say, not how fast a busy machine is.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

pub fn patient_bus(url: Secret<String>) -> bus::RedisConfig {
    bus::RedisConfig { connect_within: PATIENCE, answer_within: ANSWER_WITHIN, ..bus::RedisConfig::new(url) }
}

pub fn patient_counters(url: Secret<String>) -> counters::RedisConfig {
    counters::RedisConfig { connect_within: PATIENCE, answer_within: ANSWER_WITHIN, ..counters::RedisConfig::new(url) }
}

impl World {
    /// One more gateway process, as it were.
    pub async fn on(redis: &RedisServer) -> Self {
        let (url, dir) = (Secret::new(redis.url()), Arc::new(tempfile::tempdir().unwrap()));
        let bus = Bus::redis(patient_bus(url.clone()).with_spool(dir.path().join("spool"))).await.unwrap();
        let counters = Counters::redis(patient_counters(url)).await.unwrap();
        // Ids of two processes must differ, so their randomness does.
        let parts = Parts { dir, clock: Clock::System, entropy: Entropy::System, bus, counters };
        Self::of(parts, |_| {}).await
    }
}
