//! Counter keys, changes and whole counters as bytes.

use domain::{AccountId, ApprovalBinding, ApprovalId, GrantId, ServerId};
use policy::{
    CalendarUnit, Decimal, Timestamp, Window,
    window::{Ring, Slot},
};
use uuid::Uuid;

use crate::{
    CounterKey, Shadow,
    approval::{Request, Stands},
    memory::{Change, Counter, Part, Place, Stored},
};

const TOOK: u8 = 1;
const GAVE_BACK: u8 = 2;
const STANDS: u8 = 3;
const GONE: u8 = 4;

/// A change as it is read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OwnedChange {
    Took { key: CounterKey, at: Timestamp, amount: Decimal },
    GaveBack { key: CounterKey, slot: Slot, amount: Decimal },
    Stands { place: Place, request: Request },
    Gone { place: Place },
}

impl OwnedChange {
    pub(super) fn account(&self) -> AccountId {
        match self {
            Self::Took { key, .. } | Self::GaveBack { key, .. } => key.account,
            Self::Stands { place, .. } | Self::Gone { place } => place.account,
        }
    }

    /// The number of the last change to the same thing, as far as it is known.
    pub(super) fn last_change(&self, part: &Part) -> Option<u64> {
        match self {
            Self::Took { key, .. } | Self::GaveBack { key, .. } => {
                part.counters.get(key).map(|counter| counter.changed)
            }
            Self::Stands { place, .. } | Self::Gone { place } => part.requests.get(*place).map(|stored| stored.changed),
        }
    }

    pub(super) fn as_change(&self) -> Change<'_> {
        match self {
            Self::Took { key, at, amount } => Change::Took { key, at: *at, amount },
            Self::GaveBack { key, slot, amount } => Change::GaveBack { key, slot: *slot, amount },
            Self::Stands { place, request } => Change::Stands { place: *place, request: *request },
            Self::Gone { place } => Change::Gone { place: *place },
        }
    }
}

/// `[number][change]…`: the changes of one call.
pub(super) fn write_record(out: &mut Vec<u8>, number: u64, changes: &[Change<'_>]) {
    out.extend_from_slice(&number.to_le_bytes());
    for change in changes {
        match change {
            Change::Took { key, at, amount } => write_count(out, TOOK, at.0, amount, key),
            Change::GaveBack { key, slot, amount } => write_count(out, GAVE_BACK, slot.0, amount, key),
            Change::Stands { place, request } => {
                out.push(STANDS);
                write_place(out, *place);
                write_request(out, request);
            }
            Change::Gone { place } => {
                out.push(GONE);
                write_place(out, *place);
            }
        }
    }
}

fn write_count(out: &mut Vec<u8>, kind: u8, at: i64, amount: &Decimal, key: &CounterKey) {
    out.push(kind);
    out.extend_from_slice(&at.to_le_bytes());
    write_text(out, &amount.to_string());
    write_key(out, key);
}

pub(super) fn read_record(body: &[u8]) -> Option<(u64, Vec<OwnedChange>)> {
    let mut reader = Reader(body);
    let number = reader.u64()?;
    let mut changes = Vec::new();
    while !reader.0.is_empty() {
        let [kind] = reader.array()?;
        changes.push(match kind {
            TOOK => {
                let (at, amount, key) = reader.count()?;
                OwnedChange::Took { key, at: Timestamp(at), amount }
            }
            GAVE_BACK => {
                let (slot, amount, key) = reader.count()?;
                OwnedChange::GaveBack { key, slot: Slot(slot), amount }
            }
            STANDS => OwnedChange::Stands { place: reader.place()?, request: reader.request()? },
            GONE => OwnedChange::Gone { place: reader.place()? },
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

/// `[changed][place][request]`
pub(super) fn write_stored(out: &mut Vec<u8>, place: Place, stored: &Stored) {
    out.extend_from_slice(&stored.changed.to_le_bytes());
    write_place(out, place);
    write_request(out, &stored.request);
}

pub(super) fn read_stored(body: &[u8]) -> Option<(Place, Stored)> {
    let mut reader = Reader(body);
    let changed = reader.u64()?;
    let (place, request) = (reader.place()?, reader.request()?);
    reader.0.is_empty().then_some((place, Stored { request, changed }))
}

/// The first record of a snapshot: `[format][generation][number][how many counters follow][how many requests then]`.
pub(super) struct Head {
    pub(super) generation: u64,
    pub(super) number: u64,
    pub(super) counters: u64,
    pub(super) requests: u64,
}

const FORMAT: &[u8; 8] = b"pclcnt2\n";
/// Before there were requests.
const FORMAT_1: &[u8; 8] = b"pclcnt1\n";

impl Head {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(FORMAT);
        for value in [self.generation, self.number, self.counters, self.requests] {
            out.extend_from_slice(&value.to_le_bytes());
        }
    }

    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let (format, rest) = body.split_first_chunk()?;
        let mut reader = Reader(rest);
        let (generation, number, counters) = (reader.u64()?, reader.u64()?, reader.u64()?);
        let requests = match format {
            FORMAT => reader.u64()?,
            FORMAT_1 => 0,
            _ => return None,
        };
        Some(Self { generation, number, counters, requests })
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

fn write_place(out: &mut Vec<u8>, place: Place) {
    out.extend_from_slice(place.account.uuid().as_bytes());
    out.extend_from_slice(place.binding.as_bytes());
}

fn write_request(out: &mut Vec<u8>, request: &Request) {
    out.extend_from_slice(request.id.uuid().as_bytes());
    out.extend_from_slice(request.grant.uuid().as_bytes());
    out.push(match request.stands {
        Stands::Pending => b'p',
        Stands::Approved => b'a',
        Stands::Refused => b'r',
    });
    out.extend_from_slice(&request.expires_at.0.to_le_bytes());
    out.extend_from_slice(&request.told_at.0.to_le_bytes());
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

    fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    fn uuid(&mut self) -> Option<Uuid> {
        self.array().map(Uuid::from_bytes)
    }

    fn count(&mut self) -> Option<(i64, Decimal, CounterKey)> {
        let at = self.i64()?;
        let amount = self.text()?.parse().ok()?;
        Some((at, amount, self.key()?))
    }

    fn place(&mut self) -> Option<Place> {
        let account = AccountId::from_uuid(self.uuid()?);
        Some(Place { account, binding: ApprovalBinding::from_bytes(self.array()?) })
    }

    fn request(&mut self) -> Option<Request> {
        let id = ApprovalId::from_uuid(self.uuid()?);
        let grant = GrantId::from_uuid(self.uuid()?);
        let stands = match self.array()? {
            [b'p'] => Stands::Pending,
            [b'a'] => Stands::Approved,
            [b'r'] => Stands::Refused,
            _ => return None,
        };
        let expires_at = domain::Timestamp(self.i64()?);
        let told_at = domain::Timestamp(self.i64()?);
        Some(Request { id, grant, stands, expires_at, told_at })
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(u32::from_le_bytes(self.array()?)).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn key(&mut self) -> Option<CounterKey> {
        let account = AccountId::from_uuid(self.uuid()?);
        let server = ServerId::from_uuid(self.uuid()?);
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
