//! One multiplexed connection that mends itself. Every operation has a time-out of its own, reconnecting included.

use std::time::Duration;

use redis::{
    Client, Cmd, ConnectionAddr, FromRedisValue, IntoConnectionInfo as _, ScriptInvocation,
    aio::{ConnectionManager, ConnectionManagerConfig},
    io::tcp::TcpSettings,
};

use super::RedisConfig;
use crate::CountersUnavailable;

pub(super) struct Connection {
    manager: ConnectionManager,
    answer_within: Duration,
}

/// After so long without an acknowledgement of what was sent, a silent peer counts as gone.
const SILENT_PEER: Duration = Duration::from_secs(5);
/// Commands that may wait to be written; the next caller waits, too, within its time.
const QUEUE: usize = 1024;

impl Connection {
    pub(super) async fn open(config: &RedisConfig) -> Result<Self, CountersUnavailable> {
        let settings = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(Duration::from_secs(1)))
            .set_response_timeout(Some(config.answer_within))
            .set_number_of_retries(1)
            .set_min_delay(Duration::from_millis(10))
            .set_max_delay(Duration::from_millis(100))
            .set_pipeline_buffer_size(QUEUE);
        let manager = ConnectionManager::new_lazy_with_config(client(config.url.expose())?, settings)?;
        let connection = Self { manager, answer_within: config.answer_within };
        connection.first_answer(config.connect_within).await?;
        Ok(connection)
    }

    /// Waits for Redis to come up; a wrong password or database is told at once.
    async fn first_answer(&self, within: Duration) -> Result<(), CountersUnavailable> {
        let mut last = None;
        let answered = tokio::time::timeout(within, async {
            loop {
                match self.eviction_policy().await {
                    Ok(policy) => return Ok(policy),
                    Err(CountersUnavailable::Away(why)) => last = Some(why),
                    Err(other) => return Err(other),
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        let no_answer = || CountersUnavailable::Away(format!("no answer within {} s", within.as_secs()));
        let policy = answered.await.unwrap_or_else(|_| Err(last.map_or_else(no_answer, CountersUnavailable::Away)))?;
        warn_of_eviction(policy.as_deref());
        Ok(())
    }

    async fn eviction_policy(&self) -> Result<Option<String>, CountersUnavailable> {
        let info: String = self.run(redis::cmd("INFO").arg("memory")).await?;
        Ok(info.lines().find_map(|line| line.strip_prefix("maxmemory_policy:")).map(str::to_owned))
    }

    pub(super) async fn script<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, CountersUnavailable> {
        let mut manager = self.manager.clone();
        self.in_time(script.invoke_async(&mut manager)).await
    }

    pub(super) async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, CountersUnavailable> {
        let mut manager = self.manager.clone();
        self.in_time(command.query_async(&mut manager)).await
    }

    async fn in_time<T>(&self, work: impl Future<Output = redis::RedisResult<T>>) -> Result<T, CountersUnavailable> {
        match tokio::time::timeout(self.answer_within, work).await {
            Ok(answer) => Ok(answer?),
            Err(_) => {
                let waited = self.answer_within.as_millis();
                Err(CountersUnavailable::Away(format!("no answer within {waited} ms")))
            }
        }
    }
}

fn warn_of_eviction(policy: Option<&str>) {
    if let Some(policy) = policy.filter(|policy| *policy != "noeviction") {
        tracing::warn!(policy, "Redis may evict counters, which forgets limits: set maxmemory-policy to noeviction");
    }
}

fn client(url: &str) -> Result<Client, CountersUnavailable> {
    let address = |error: redis::RedisError| CountersUnavailable::Address(error.to_string());
    let info = url.into_connection_info().map_err(address)?;
    let info = match info.addr() {
        ConnectionAddr::Unix(_) => info,
        _ => info.set_tcp_settings(TcpSettings::default().set_nodelay(true).set_user_timeout(SILENT_PEER)),
    };
    Client::open(info).map_err(address)
}
