//! The recorder's side of the event streams: read from the front, deleted once stored.

use domain::AccountId;
use redis::streams::{StreamId, StreamRangeReply};
use redis_kit::{Store, StoreError};

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

pub(super) async fn take(store: &Store, accounts: &[AccountId], max: usize) -> Result<Batch, BusError> {
    let (mut taken, mut more) = (Vec::new(), false);
    for accounts in accounts.chunks(ACCOUNTS_AT_ONCE) {
        if taken.len() >= max {
            more = true;
            break;
        }
        // A fair share each, so that one busy account does not make the others wait.
        let each = (max - taken.len()).div_ceil(accounts.len()).max(16);
        let range = |account: &AccountId| {
            let stream = event_stream_key(*account);
            let command = redis::cmd("XRANGE").arg(&stream).arg("-").arg("+").arg("COUNT").arg(each).to_owned();
            (stream, command)
        };
        let replies: Vec<StreamRangeReply> = store.each(accounts.iter().map(range).collect()).await?;
        for (account, reply) in accounts.iter().zip(replies) {
            more |= reply.ids.len() >= each;
            for entry in reply.ids {
                taken.extend(read(store, *account, entry).await?);
            }
        }
    }
    Ok(Batch { taken, more })
}

/// An entry that does not read (of another version of the product) is moved aside, so that it does not block the others.
async fn read(store: &Store, account: AccountId, entry: StreamId) -> Result<Option<Taken>, BusError> {
    let json: Option<Vec<u8>> = entry.get(EVENT_FIELD);
    match json.as_deref().map(serde_json::from_slice).transpose() {
        Ok(Some(envelope)) => Ok(Some(Taken { envelope, ack: Ack(AckPlace::Stream { account, id: entry.id }) })),
        unreadable => {
            let error = unreadable.err().map(|error| error.to_string());
            tracing::error!(%account, entry = %entry.id, error, "an event does not read; it is moved to the `unread` stream");
            let stream = event_stream_key(account);
            let aside = redis::cmd("XADD")
                .arg(unread(&stream))
                .arg("*")
                .arg(EVENT_FIELD)
                .arg(json.unwrap_or_default())
                .to_owned();
            let away = redis::cmd("XDEL").arg(&stream).arg(&entry.id).to_owned();
            let done = store.transact(vec![(stream, vec![aside, away])], None).await;
            done.into_iter().collect::<Result<(), StoreError>>()?;
            Ok(None)
        }
    }
}

pub(super) async fn ack(store: &Store, acks: &[Ack]) -> Result<(), BusError> {
    let mut by_account: std::collections::BTreeMap<AccountId, Vec<&str>> = std::collections::BTreeMap::new();
    for ack in acks {
        if let AckPlace::Stream { account, id } = &ack.0 {
            by_account.entry(*account).or_default().push(id);
        }
    }
    let delete = |(account, ids): (AccountId, Vec<&str>)| {
        let stream = event_stream_key(account);
        let command = redis::cmd("XDEL").arg(&stream).arg(ids).to_owned();
        (stream, command)
    };
    store.each::<u64>(by_account.into_iter().map(delete).collect()).await?;
    Ok(())
}

/// Presence ends by itself within its time to live.
pub(super) async fn forget(store: &Store, account: AccountId) -> Result<(), BusError> {
    let stream = event_stream_key(account);
    Ok(store.run(&stream, redis::cmd("DEL").arg(unread(&stream)).arg(&stream)).await?)
}

/// Where entries are moved that do not read; of the same account, so of the same slot.
fn unread(stream: &str) -> String {
    format!("{stream}:unread")
}
