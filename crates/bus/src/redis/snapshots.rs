//! Published snapshots: one string per account. The version stands at the front of the text (`s1.<version>.…`), so
//! versions are compared and listed without moving snapshots.

use std::sync::LazyLock;

use domain::{AccountSlug, SignedSnapshot};
use redis_kit::{Publish, Script, Store, StoreError};

use super::listener::NOTICES;
use crate::{BusError, Notice};

/// Enough for `s1.`, 20 digits and the dot.
const HEAD_BYTES: isize = 40;

/// KEYS: the snapshot. ARGV: version, text, channel, notice. An older version changes nothing; the same one is written
/// again, as it may be signed anew. Versions are compared as digit strings: they may exceed what a Lua number holds.
static PUBLISH: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local head = redis.call('GETRANGE', KEYS[1], 0, 39)
        local old, new = string.match(head, '^%w+%.(%d+)%.'), ARGV[1]
        if old and (#old > #new or (#old == #new and old > new)) then return 0 end
        redis.call('SET', KEYS[1], ARGV[2])
        redis.call('PUBLISH', ARGV[3], ARGV[4])
        return 1
        ",
    )
});

pub(super) async fn publish(store: &Store, slug: &AccountSlug, snapshot: &SignedSnapshot) -> Result<(), BusError> {
    let version = snapshot.claimed_version().unwrap_or(0);
    let notice = Notice { slug: slug.clone(), version: Some(version) };
    let mut call = PUBLISH.prepare();
    call.key(key(slug)).arg(version).arg(snapshot.as_str()).arg(NOTICES).arg(notice.to_text());
    Ok(store.script(&call).await?)
}

pub(super) async fn withdraw(store: &Store, slug: &AccountSlug) -> Result<(), BusError> {
    let notice = Notice { slug: slug.clone(), version: None };
    let key = key(slug);
    let text = notice.to_text();
    let delete = redis::cmd("DEL").arg(&key).to_owned();
    let publish = Publish { channel: NOTICES, text: &text };
    let done = store.transact(vec![(key, vec![delete])], Some(publish)).await;
    Ok(done.into_iter().collect::<Result<(), StoreError>>()?)
}

pub(super) async fn versions(store: &Store, slugs: &[AccountSlug]) -> Result<Vec<Option<u64>>, BusError> {
    let head = |slug: &AccountSlug| {
        let key = key(slug);
        let command = redis::cmd("GETRANGE").arg(&key).arg(0).arg(HEAD_BYTES - 1).to_owned();
        (key, command)
    };
    let heads: Vec<String> = store.each(slugs.iter().map(head).collect()).await?;
    Ok(heads.into_iter().map(|head| SignedSnapshot::from_text(head).claimed_version()).collect())
}

pub(super) async fn load(store: &Store, slug: &AccountSlug) -> Result<Option<SignedSnapshot>, BusError> {
    let key = key(slug);
    let text: Option<String> = store.run(&key, redis::cmd("GET").arg(&key)).await?;
    Ok(text.map(SignedSnapshot::from_text))
}

fn key(slug: &AccountSlug) -> String {
    format!("pcl:snap:{slug}")
}
