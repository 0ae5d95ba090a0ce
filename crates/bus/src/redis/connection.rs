//! One multiplexed connection that mends itself. Every operation has a time-out of its own, reconnecting included.

use std::time::Duration;

use redis::{
    Client, Cmd, ConnectionAddr, ConnectionInfo, FromRedisValue, IntoConnectionInfo as _, Pipeline, ScriptInvocation,
    aio::{ConnectionManager, ConnectionManagerConfig, PubSub},
    io::tcp::TcpSettings,
};

use super::RedisConfig;
use crate::BusError;

#[derive(Clone)]
pub(super) struct Connection {
    client: Client,
    manager: ConnectionManager,
    answer_within: Duration,
}

/// After so long without an acknowledgement of what was sent, a silent peer counts as gone.
const SILENT_PEER: Duration = Duration::from_secs(5);

impl Connection {
    pub(super) async fn open(config: &RedisConfig) -> Result<Self, BusError> {
        let client = client(config.url.expose())?;
        let settings = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(Duration::from_secs(1)))
            .set_response_timeout(Some(config.answer_within))
            .set_number_of_retries(3)
            .set_min_delay(Duration::from_millis(20))
            .set_max_delay(Duration::from_millis(500))
            .set_pipeline_buffer_size(1024);
        let manager = ConnectionManager::new_lazy_with_config(client.clone(), settings)?;
        let connection = Self { client, manager, answer_within: config.answer_within };
        connection.first_answer(config.connect_within).await?;
        Ok(connection)
    }

    /// Waits for Redis to come up; a wrong password or database is told at once.
    async fn first_answer(&self, within: Duration) -> Result<(), BusError> {
        let mut last = None;
        let answered = tokio::time::timeout(within, async {
            loop {
                match self.run::<()>(&redis::cmd("PING")).await {
                    Err(BusError::Away(why)) => last = Some(why),
                    other => return other,
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        match answered.await {
            Ok(answer) => answer,
            Err(_) => Err(BusError::Away(last.unwrap_or_else(|| format!("no answer within {} s", within.as_secs())))),
        }
    }

    pub(super) async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, BusError> {
        let mut manager = self.manager.clone();
        self.in_time(command.query_async(&mut manager)).await
    }

    pub(super) async fn run_all<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, BusError> {
        let mut manager = self.manager.clone();
        self.in_time(pipeline.query_async(&mut manager)).await
    }

    pub(super) async fn script<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, BusError> {
        let mut manager = self.manager.clone();
        self.in_time(script.invoke_async(&mut manager)).await
    }

    pub(super) async fn subscription(&self) -> Result<PubSub, BusError> {
        self.in_time(self.client.get_async_pubsub()).await
    }

    /// Gives up on work that takes longer than an operation may.
    pub(super) async fn in_time<T>(&self, work: impl Future<Output = redis::RedisResult<T>>) -> Result<T, BusError> {
        match tokio::time::timeout(self.answer_within, work).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(BusError::Away(format!("no answer within {} ms", self.answer_within.as_millis()))),
        }
    }
}

fn client(url: &str) -> Result<Client, BusError> {
    let address = |error: redis::RedisError| BusError::Address(error.to_string());
    let info: ConnectionInfo = url.into_connection_info().map_err(address)?;
    let info = match info.addr() {
        ConnectionAddr::Unix(_) => info,
        _ => info.set_tcp_settings(TcpSettings::default().set_nodelay(true).set_user_timeout(SILENT_PEER)),
    };
    Client::open(info).map_err(address)
}
