use std::time::Duration;

use bus::RedisConfig;
use domain::{
    AccountId, AccountSlug, Clock, ConnectorId, ConnectorSeen, Entropy, Event, EventEnvelope, GatewayId, Secret,
    ServerId, SignedSnapshot, Timestamp,
};

/// No test waits longer than this for anything, however busy the machine is.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A bus that takes no busy machine for an outage: what it was not answered in time it would send again.
pub fn patient(url: String) -> RedisConfig {
    RedisConfig { connect_within: PATIENCE, answer_within: PATIENCE / 3, ..RedisConfig::new(Secret::new(url)) }
}

/// Ids in a repeatable order.
pub struct Ids {
    clock: Clock,
    entropy: Entropy,
}

impl Ids {
    pub fn new() -> Self {
        Self { clock: Clock::fixed(Timestamp(1_700_000_000_000_000)), entropy: Entropy::seeded(7) }
    }

    pub fn account(&self) -> AccountId {
        AccountId::new(&self.clock, &self.entropy)
    }

    pub fn server(&self) -> ServerId {
        ServerId::new(&self.clock, &self.entropy)
    }

    pub fn gateway(&self) -> GatewayId {
        GatewayId::new(&self.clock, &self.entropy)
    }

    pub fn connector(&self) -> ConnectorId {
        ConnectorId::new(&self.clock, &self.entropy)
    }

    pub fn event(&self, gateway: GatewayId, sequence: u64, account: AccountId) -> EventEnvelope {
        let event = Event::Connector(ConnectorSeen {
            server: self.server(),
            connector: self.connector(),
            at: self.clock.now(),
            connected: true,
            about: format!("event {sequence}"),
        });
        EventEnvelope { gateway, sequence, account, event }
    }
}

pub fn slug(text: &str) -> AccountSlug {
    text.parse().expect("a slug")
}

/// The bus believes the version in front and reads nothing else.
pub fn snapshot(version: u64, content: &str) -> SignedSnapshot {
    SignedSnapshot::from_text(format!("s1.{version}.bWFj.{{\"content\":\"{content}\"}}"))
}

/// Awaits what must come; a test that waits for ever says so instead.
pub async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(done) => done,
        Err(_) => panic!("{what}: not within {} s", PATIENCE.as_secs()),
    }
}
