//! Published snapshots: one string per account. The version stands at the front of the text (`s1.<version>.…`), so
//! versions are compared and listed without moving snapshots.

use std::sync::LazyLock;

use domain::{AccountSlug, SignedSnapshot};
use redis::Script;

use super::{connection::Connection, listener::NOTICES};
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

pub(super) async fn publish(
    connection: &Connection,
    slug: &AccountSlug,
    snapshot: &SignedSnapshot,
) -> Result<(), BusError> {
    let version = snapshot.claimed_version().unwrap_or(0);
    let notice = Notice { slug: slug.clone(), version: Some(version) };
    let mut call = PUBLISH.prepare_invoke();
    call.key(key(slug)).arg(version).arg(snapshot.as_str()).arg(NOTICES).arg(notice.to_text());
    connection.script(&call).await
}

pub(super) async fn withdraw(connection: &Connection, slug: &AccountSlug) -> Result<(), BusError> {
    let notice = Notice { slug: slug.clone(), version: None };
    let mut pipeline = redis::pipe();
    pipeline.del(key(slug)).ignore().publish(NOTICES, notice.to_text()).ignore();
    connection.run_all(&pipeline).await
}

pub(super) async fn versions(connection: &Connection, slugs: &[AccountSlug]) -> Result<Vec<Option<u64>>, BusError> {
    if slugs.is_empty() {
        return Ok(Vec::new());
    }
    let mut pipeline = redis::pipe();
    for slug in slugs {
        pipeline.getrange(key(slug), 0, HEAD_BYTES - 1);
    }
    let heads: Vec<String> = connection.run_all(&pipeline).await?;
    Ok(heads.into_iter().map(|head| SignedSnapshot::from_text(head).claimed_version()).collect())
}

pub(super) async fn load(connection: &Connection, slug: &AccountSlug) -> Result<Option<SignedSnapshot>, BusError> {
    let text: Option<String> = connection.run(redis::cmd("GET").arg(key(slug))).await?;
    Ok(text.map(SignedSnapshot::from_text))
}

fn key(slug: &AccountSlug) -> String {
    format!("pcl:snap:{slug}")
}
