//! The recorder's side of the event streams: read from the front, deleted once stored.

use domain::AccountId;
use redis::streams::{StreamId, StreamRangeReply};

use super::connection::Connection;
use crate::{
    BusError,
    event::{Ack, AckPlace, EVENT_FIELD, Taken, event_stream_key},
};

/// Accounts asked about in one round trip.
const ACCOUNTS_AT_ONCE: usize = 256;

/// What was taken.
pub(super) struct Batch {
    pub(super) taken: Vec<Taken>,
    /// Probably not all there was.
    pub(super) more: bool,
}

pub(super) async fn take(connection: &Connection, accounts: &[AccountId], max: usize) -> Result<Batch, BusError> {
    let (mut taken, mut more) = (Vec::new(), false);
    for accounts in accounts.chunks(ACCOUNTS_AT_ONCE) {
        if taken.len() >= max {
            more = true;
            break;
        }
        // A fair share each, so that one busy account does not make the others wait.
        let each = (max - taken.len()).div_ceil(accounts.len()).max(16);
        let mut pipeline = redis::pipe();
        for account in accounts {
            pipeline.xrange_count(event_stream_key(*account), "-", "+", each);
        }
        let replies: Vec<StreamRangeReply> = connection.run_all(&pipeline).await?;
        for (account, reply) in accounts.iter().zip(replies) {
            more |= reply.ids.len() >= each;
            for entry in reply.ids {
                taken.extend(read(connection, *account, entry).await?);
            }
        }
    }
    Ok(Batch { taken, more })
}

/// An entry that does not read (of another version of the product) is moved aside, so that it does not block the others.
async fn read(connection: &Connection, account: AccountId, entry: StreamId) -> Result<Option<Taken>, BusError> {
    let json: Option<Vec<u8>> = entry.get(EVENT_FIELD);
    match json.as_deref().map(serde_json::from_slice).transpose() {
        Ok(Some(envelope)) => Ok(Some(Taken { envelope, ack: Ack(AckPlace::Stream { account, id: entry.id }) })),
        unreadable => {
            let error = unreadable.err().map(|error| error.to_string());
            tracing::error!(%account, entry = %entry.id, error, "an event does not read; it is moved to the `unread` stream");
            let stream = event_stream_key(account);
            let mut pipeline = redis::pipe();
            pipeline.atomic();
            pipeline.xadd(format!("{stream}:unread"), "*", &[(EVENT_FIELD, json.unwrap_or_default())]).ignore();
            pipeline.xdel(&stream, &[&entry.id]).ignore();
            connection.run_all::<()>(&pipeline).await?;
            Ok(None)
        }
    }
}

pub(super) async fn ack(connection: &Connection, acks: &[Ack]) -> Result<(), BusError> {
    let mut by_account: std::collections::BTreeMap<AccountId, Vec<&str>> = std::collections::BTreeMap::new();
    for ack in acks {
        if let AckPlace::Stream { account, id } = &ack.0 {
            by_account.entry(*account).or_default().push(id);
        }
    }
    if by_account.is_empty() {
        return Ok(());
    }
    let mut pipeline = redis::pipe();
    for (account, ids) in by_account {
        pipeline.xdel(event_stream_key(account), &ids).ignore();
    }
    connection.run_all(&pipeline).await
}

/// Presence ends by itself within its time to live.
pub(super) async fn forget(connection: &Connection, account: AccountId) -> Result<(), BusError> {
    let stream = event_stream_key(account);
    connection.run(redis::cmd("DEL").arg(format!("{stream}:unread")).arg(stream)).await
}
