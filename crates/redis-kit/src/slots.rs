//! Which node of a cluster has a key.

use redis::{FromRedisValue as _, Value};

/// Slots of a cluster.
const SLOTS: u16 = 16_384;

/// The slot of a key: of what stands between the first `{` and the next `}`, if anything does.
pub(crate) fn slot_of(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    let hashed = tag.filter(|tag| !tag.is_empty()).unwrap_or(key);
    crc16(hashed.as_bytes()) % SLOTS
}

/// CRC-16/XMODEM, as the cluster specification says.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, byte| {
        let shifted = |crc: u16, _| if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
        (0..8).fold(crc ^ (u16::from(*byte) << 8), shifted)
    })
}

/// The primary of a range of slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) first: u16,
    pub(crate) last: u16,
    /// Empty where the cluster does not know its own name.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// The answer to `CLUSTER SLOTS`: `[[first, last, [host, port, …], replica…]…]`.
pub(crate) fn ranges(answer: Value) -> Option<Vec<Range>> {
    Vec::<Value>::from_redis_value(answer).ok()?.into_iter().map(range).collect()
}

fn range(value: Value) -> Option<Range> {
    let mut parts = Vec::<Value>::from_redis_value(value).ok()?.into_iter();
    let (first, last) = (number(parts.next()?)?, number(parts.next()?)?);
    let mut primary = Vec::<Value>::from_redis_value(parts.next()?).ok()?.into_iter();
    // `?` stands for a node whose name the cluster was told to announce and does not know.
    let host = Option::<String>::from_redis_value(primary.next()?).ok()?.filter(|host| host != "?").unwrap_or_default();
    let port = number(primary.next()?)?;
    Some(Range { first, last, host, port })
}

fn number(value: Value) -> Option<u16> {
    u16::from_redis_value(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        for (key, same) in [
            ("{user1000}.following", "user1000"),
            ("foo{bar}{zap}", "bar"),
            ("foo{{bar}}zap", "{bar"),
            ("pcl:{acc_1}:c:x{y}", "acc_1"),
        ] {
            assert_eq!(slot_of(key), slot_of(same), "{key}");
        }
        assert_eq!(slot_of("foo{}{bar}"), crc16(b"foo{}{bar}") % SLOTS, "an empty tag is none");
        assert_eq!(slot_of("foo"), 12_182);
        assert_eq!(slot_of("somekey"), 11_058);
    }

    #[test]
    fn ranges_are_read_and_nothing_else_is() {
        let node = |host: Value| Value::Array(vec![host, Value::Int(7000), Value::BulkString(b"id".to_vec())]);
        let range = |host| Value::Array(vec![Value::Int(0), Value::Int(99), node(host), node(Value::Nil)]);
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let read = |host| ranges(Value::Array(vec![range(host)])).map(|mut ranges| ranges.remove(0));
        let expected = |host: &str| Some(Range { first: 0, last: 99, host: host.to_owned(), port: 7000 });
        assert_eq!(read(text("a")), expected("a"));
        assert_eq!(read(Value::Nil), expected(""));
        assert_eq!(read(text("?")), expected(""));
        assert_eq!(ranges(Value::Array(vec![Value::Int(1)])), None);
    }
}
