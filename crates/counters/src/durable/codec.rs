//! Counter keys, changes and whole counters as bytes.

use domain::{AccountId, ServerId};
use policy::{
    CalendarUnit, Decimal, Timestamp, Window,
    window::{Ring, Slot},
};
use uuid::Uuid;

use crate::{
    CounterKey, Shadow,
    memory::{Change, Counter},
};

const TOOK: u8 = 1;
const GAVE_BACK: u8 = 2;

/// A change as it is read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OwnedChange {
    Took { key: CounterKey, at: Timestamp, amount: Decimal },
    GaveBack { key: CounterKey, slot: Slot, amount: Decimal },
}

impl OwnedChange {
    pub(super) fn key(&self) -> &CounterKey {
        match self {
            Self::Took { key, .. } | Self::GaveBack { key, .. } => key,
        }
    }

    pub(super) fn as_change(&self) -> Change<'_> {
        match self {
            Self::Took { key, at, amount } => Change::Took { key, at: *at, amount },
            Self::GaveBack { key, slot, amount } => Change::GaveBack { key, slot: *slot, amount },
        }
    }
}

/// `[number][change]…`: the changes of one call.
pub(super) fn write_record(out: &mut Vec<u8>, number: u64, changes: &[Change<'_>]) {
    out.extend_from_slice(&number.to_le_bytes());
    for change in changes {
        let (kind, key, at, amount) = match change {
            Change::Took { key, at, amount } => (TOOK, key, at.0, amount),
            Change::GaveBack { key, slot, amount } => (GAVE_BACK, key, slot.0, amount),
        };
        out.push(kind);
        out.extend_from_slice(&at.to_le_bytes());
        write_text(out, &amount.to_string());
        write_key(out, key);
    }
}

pub(super) fn read_record(body: &[u8]) -> Option<(u64, Vec<OwnedChange>)> {
    let mut reader = Reader(body);
    let number = reader.u64()?;
    let mut changes = Vec::new();
    while !reader.0.is_empty() {
        let [kind] = reader.array()?;
        let at = i64::from_le_bytes(reader.array()?);
        let amount = reader.text()?.parse().ok()?;
        let key = reader.key()?;
        changes.push(match kind {
            TOOK => OwnedChange::Took { key, at: Timestamp(at), amount },
            GAVE_BACK => OwnedChange::GaveBack { key, slot: Slot(at), amount },
            _ => return None,
        });
    }
    Some((number, changes))
}

/// `[changed][key][ring as JSON]`
pub(super) fn write_counter(out: &mut Vec<u8>, key: &CounterKey, counter: &Counter) -> serde_json::Result<()> {
    let ring = serde_json::to_string(&counter.ring)?;
    out.extend_from_slice(&counter.changed.to_le_bytes());
    write_key(out, key);
    write_text(out, &ring);
    Ok(())
}

pub(super) fn read_counter(body: &[u8]) -> Option<(CounterKey, Counter)> {
    let mut reader = Reader(body);
    let changed = reader.u64()?;
    let key = reader.key()?;
    let ring: Ring = serde_json::from_str(reader.text()?).ok()?;
    reader.0.is_empty().then_some((key, Counter { ring, changed }))
}

/// The first record of a snapshot: `[format][generation][number][how many counters follow]`.
pub(super) struct Head {
    pub(super) generation: u64,
    pub(super) number: u64,
    pub(super) counters: u64,
}

const FORMAT: &[u8; 8] = b"pclcnt1\n";

impl Head {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(FORMAT);
        for value in [self.generation, self.number, self.counters] {
            out.extend_from_slice(&value.to_le_bytes());
        }
    }

    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let mut reader = Reader(body.strip_prefix(FORMAT)?);
        Some(Self { generation: reader.u64()?, number: reader.u64()?, counters: reader.u64()? })
    }
}

fn write_key(out: &mut Vec<u8>, key: &CounterKey) {
    let (kind, seconds) = match key.window {
        Window::Sliding { seconds } => (b's', seconds),
        Window::Calendar(CalendarUnit::Seconds(seconds)) => (b'c', seconds),
        Window::Calendar(CalendarUnit::Month) => (b'm', 0),
    };
    out.extend_from_slice(key.account.uuid().as_bytes());
    out.extend_from_slice(key.server.uuid().as_bytes());
    out.push(u8::from(key.shadow == Shadow::Yes));
    out.push(kind);
    out.extend_from_slice(&seconds.to_le_bytes());
    write_text(out, &key.subject);
    write_text(out, &key.counter);
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(u32::from_le_bytes(self.array()?)).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn key(&mut self) -> Option<CounterKey> {
        let account = AccountId::from_uuid(Uuid::from_bytes(self.array()?));
        let server = ServerId::from_uuid(Uuid::from_bytes(self.array()?));
        let shadow = match self.array()? {
            [0] => Shadow::No,
            [1] => Shadow::Yes,
            _ => return None,
        };
        let [kind] = self.array()?;
        let seconds = u32::from_le_bytes(self.array()?);
        let window = match kind {
            b's' => Window::Sliding { seconds },
            b'c' => Window::Calendar(CalendarUnit::Seconds(seconds)),
            b'm' => Window::Calendar(CalendarUnit::Month),
            _ => return None,
        };
        let subject = self.text()?.to_owned();
        let counter = self.text()?.into();
        Some(CounterKey { account, server, subject, counter, window, shadow })
    }
}
