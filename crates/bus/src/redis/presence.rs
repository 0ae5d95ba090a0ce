//! Presence: a hash per server, a field per gateway, each with its own end of validity by the store's clock; and a string per
//! gateway that can be reached by the others.

use std::{sync::LazyLock, time::Duration};

use domain::{AccountId, GatewayId, ServerId};
use redis_kit::{Script, Store};

use crate::{BusError, Presence};

/// KEYS: the hash. ARGV: gateway, time to live in ms, JSON (empty: take back). A value is `<until ms>|<said ms>|<JSON>`.
static SET: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        if ARGV[3] == '' then return redis.call('HDEL', KEYS[1], ARGV[1]) end
        local t = redis.call('TIME')
        local now, ttl = t[1] * 1000 + math.floor(t[2] / 1000), tonumber(ARGV[2])
        redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f|%.0f|%s', now + ttl, now, ARGV[3]))
        if redis.call('PTTL', KEYS[1]) < ttl then redis.call('PEXPIRE', KEYS[1], ttl) end
        return 1
        ",
    )
});

/// KEYS: the hash. Answers the JSON texts that still hold, oldest saying first, and forgets the others.
static GET: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local t = redis.call('TIME')
        local now = t[1] * 1000 + math.floor(t[2] / 1000)
        local all, alive = redis.call('HGETALL', KEYS[1]), {}
        for i = 1, #all, 2 do
            local till, said, json = string.match(all[i + 1], '^(%d+)|(%d+)|(.*)$')
            if till and tonumber(till) > now then
                alive[#alive + 1] = {tonumber(said), json}
            else
                redis.call('HDEL', KEYS[1], all[i])
            end
        end
        table.sort(alive, function(a, b) return a[1] < b[1] end)
        local texts = {}
        for i = 1, #alive do texts[i] = alive[i][2] end
        return texts
        ",
    )
});

pub(super) fn key(account: AccountId, server: ServerId) -> String {
    format!("pcl:{{{account}}}:presence:{server}")
}

pub(super) async fn set(store: &Store, key: &str, presence: &Presence, ttl: Duration) -> Result<(), BusError> {
    let json = if presence.tunnels.is_empty() { String::new() } else { to_json(presence)? };
    let mut call = SET.prepare();
    call.key(key).text(presence.gateway).arg(millis(ttl)).arg(json);
    Ok(store.script(&call).await?)
}

pub(super) async fn get(store: &Store, key: &str) -> Result<Vec<Presence>, BusError> {
    let mut call = GET.prepare();
    call.key(key);
    let texts: Vec<String> = store.script(&call).await?;
    Ok(texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect())
}

pub(super) async fn set_gateway(
    store: &Store,
    gateway: GatewayId,
    address: Option<&str>,
    ttl: Duration,
) -> Result<(), BusError> {
    let key = gateway_key(gateway);
    let command = match address {
        Some(address) => redis::cmd("SET").arg(&key).arg(address).arg("PX").arg(millis(ttl)).to_owned(),
        None => redis::cmd("DEL").arg(&key).to_owned(),
    };
    Ok(store.run(&key, &command).await?)
}

pub(super) async fn gateway(store: &Store, gateway: GatewayId) -> Result<Option<String>, BusError> {
    let key = gateway_key(gateway);
    Ok(store.run(&key, redis::cmd("GET").arg(&key)).await?)
}

fn gateway_key(gateway: GatewayId) -> String {
    format!("pcl:gateway:{gateway}")
}

fn millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).clamp(1, 86_400_000)
}

fn to_json(presence: &Presence) -> Result<String, BusError> {
    serde_json::to_string(presence).map_err(|error| BusError::Refused(error.to_string()))
}
