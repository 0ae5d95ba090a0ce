//! Room in memory for messages that are held: of all that a gateway holds, each takes its part as long as any of it is kept.

use bytes::{Bytes, BytesMut};
use domain::AccountId;
use http_body::Body;
use http_body_util::BodyExt as _;

use crate::{
    failure::Failure,
    pot::{Full, Portion, Pot},
};

/// Up to this size a message is held without asking for room, and what is larger takes it in steps of this size: what
/// comes byte by byte is not to ask for each.
pub(crate) const STEP: usize = 64 << 10;

/// The room of one message that grows. Small ones have none.
#[derive(Debug)]
pub(crate) struct Space(Portion<AccountId>);

/// A message, with the room that it takes.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub bytes: Bytes,
    space: Option<Space>,
}

/// Bytes that take room as long as any part of them is kept.
struct Roomy {
    bytes: Bytes,
    _space: Space,
}

impl Space {
    /// For a message of this account, of which nothing is here yet.
    pub(crate) fn new(pot: &Pot<AccountId>, account: AccountId) -> Self {
        Self(pot.nothing(account))
    }

    /// Takes room for a message that has so many bytes now.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), Full> {
        let wanted = if bytes > STEP { bytes.next_multiple_of(STEP) } else { 0 };
        match wanted.saturating_sub(self.0.units()) {
            0 => Ok(()),
            more => self.0.grow(more),
        }
    }

    /// Takes a whole body of a request in, of so many bytes at most.
    pub(crate) async fn fill(mut self, body: impl Body<Data = Bytes>, limit: usize) -> Result<Held, Failure> {
        let mut body = std::pin::pin!(body);
        let (mut first, mut more) = (Bytes::new(), BytesMut::new());
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Failure::BodyBroken)?.into_data() else { continue };
            let size = first.len() + more.len() + data.len();
            if size > limit {
                return Err(Failure::TooLarge { limit });
            }
            self.hold(size)?;
            if size == data.len() {
                first = data;
            } else {
                more.extend_from_slice(&std::mem::take(&mut first));
                more.extend_from_slice(&data);
            }
        }
        let bytes = if more.is_empty() { first } else { more.freeze() };
        Ok(Held::new(bytes, self))
    }
}

impl Held {
    /// A message for which room was taken while it came.
    pub(crate) fn new(bytes: Bytes, space: Space) -> Self {
        Self { bytes, space: Some(space).filter(|space| space.0.units() > 0) }
    }

    /// A message of this account that was put together here.
    pub(crate) fn made(pot: &Pot<AccountId>, account: AccountId, bytes: Bytes) -> Result<Self, Full> {
        let mut space = Space::new(pot, account);
        space.hold(bytes.len())?;
        Ok(Self::new(bytes, space))
    }

    /// What was made of the message, in its room.
    pub(crate) fn edited(self, bytes: Bytes) -> Self {
        Self { bytes, ..self }
    }

    /// The message; its room comes back with the last part of it.
    pub(crate) fn into_bytes(self) -> Bytes {
        match self.space {
            Some(space) => Bytes::from_owner(Roomy { bytes: self.bytes, _space: space }),
            None => self.bytes,
        }
    }
}

/// A small message, or one whose room is taken elsewhere.
impl From<Bytes> for Held {
    fn from(bytes: Bytes) -> Self {
        Self { bytes, space: None }
    }
}

impl AsRef<[u8]> for Roomy {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use domain::{Clock, Entropy, Timestamp};

    use super::*;

    #[test]
    fn room_comes_back_with_the_last_part() {
        let account = AccountId::new(&Clock::fixed(Timestamp(0)), &Entropy::seeded(1));
        let pot = Pot::new(4 * STEP, 2 * STEP);
        let mut space = Space::new(&pot, account);
        for bytes in [1, STEP] {
            space.hold(bytes).unwrap();
            assert_eq!(space.0.units(), 0, "{bytes}");
        }
        for bytes in [STEP + 1, 2 * STEP] {
            space.hold(bytes).unwrap();
            assert_eq!(space.0.units(), 2 * STEP, "{bytes}");
        }
        assert_eq!(space.hold(2 * STEP + 1), Err(Full::Share));
        let mut bytes = Held::new(Bytes::from(vec![7; 2 * STEP]), space).into_bytes();
        let part = bytes.split_to(9);
        drop(bytes);
        assert!(pot.one(account).is_err(), "some of it is kept");
        drop(part);
        assert!(pot.one(account).is_ok());
        assert!(Held::made(&pot, account, Bytes::from(vec![0; 3 * STEP])).is_err());
    }
}
