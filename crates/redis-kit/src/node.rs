//! One node: a multiplexed connection that mends itself and sends nothing twice.

use std::time::Duration;

use redis::{
    Client, Cmd, ConnectionInfo, FromRedisValue, Pipeline, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig, PubSub},
};

use crate::Settings;

/// Commands that may wait to be written; the next caller waits, too, within its time.
const QUEUE: usize = 1024;

#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) info: ConnectionInfo,
    client: Client,
    manager: ConnectionManager,
}

impl Node {
    /// Connects with the first command.
    pub(crate) fn new(info: ConnectionInfo, settings: Settings) -> RedisResult<Self> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(Duration::from_secs(1)))
            .set_response_timeout(Some(settings.answer_within))
            .set_number_of_retries(settings.reconnects)
            .set_min_delay(Duration::from_millis(20))
            .set_max_delay(Duration::from_millis(500))
            .set_pipeline_buffer_size(QUEUE);
        let client = Client::open(info.clone())?;
        let manager = ConnectionManager::new_lazy_with_config(client.clone(), config)?;
        Ok(Self { info, client, manager })
    }

    pub(crate) async fn run<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        command.query_async(&mut self.manager.clone()).await
    }

    pub(crate) async fn run_all<T: FromRedisValue>(&self, pipeline: &Pipeline) -> RedisResult<T> {
        pipeline.query_async(&mut self.manager.clone()).await
    }

    /// What it has only until a slot's move is complete.
    pub(crate) async fn run_asking<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("ASKING").ignore().add_command(command.clone());
        let (answer,): (T,) = self.run_all(&pipeline).await?;
        Ok(answer)
    }

    pub(crate) async fn subscription(&self) -> RedisResult<PubSub> {
        self.client.get_async_pubsub().await
    }
}
