//! How long is waited before the stream of an answer is taken up again: as long as the server asks for, and longer each time
//! that nothing comes of it but another place to go on from.

use std::time::Duration;

const SHORTEST: Duration = Duration::from_millis(20);
/// Nothing has come for a while: the server is asked this seldom, unless it wants to be asked more seldom still.
const SELDOM: Duration = Duration::from_secs(1);
/// Most that a server is waited for because it says so.
const LONGEST: Duration = Duration::from_secs(30);

/// The pauses between the streams that make up one answer.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    /// Streams in a row that brought no message.
    fruitless: u32,
}

impl Pauses {
    /// A message has come.
    pub(super) fn brought(&mut self) {
        self.fruitless = 0;
    }

    /// A stream has ended: the pause before the next. `wanted`: what the server asks for (2025-11-25 basic/transports:
    /// `retry` MUST be respected).
    pub(super) fn next(&mut self, wanted: Option<Duration>) -> Duration {
        let least = SELDOM.min(SHORTEST.saturating_mul(2_u32.saturating_pow(self.fruitless)));
        self.fruitless = self.fruitless.saturating_add(1);
        wanted.unwrap_or(least).clamp(least, LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses_ms(pauses: &mut Pauses, wanted_ms: Option<u64>) -> Vec<u128> {
        (0..8).map(|_| pauses.next(wanted_ms.map(Duration::from_millis)).as_millis()).collect()
    }

    #[test]
    fn a_server_that_says_nothing_is_asked_ever_more_seldom() {
        for wanted_ms in [None, Some(0), Some(20)] {
            let mut pauses = Pauses::default();
            assert_eq!(pauses_ms(&mut pauses, wanted_ms), [20, 40, 80, 160, 320, 640, 1_000, 1_000], "{wanted_ms:?}");
            pauses.brought();
            assert_eq!(pauses_ms(&mut pauses, wanted_ms)[..2], [20, 40], "it had something to say");
        }
        let mut endless = Pauses { fruitless: u32::MAX };
        assert_eq!(endless.next(None), SELDOM);
    }

    #[test]
    fn what_a_server_asks_for_is_waited_for() {
        for (wanted_ms, pause_ms) in [(100, [100, 100, 100, 160]), (7_000, [7_000; 4]), (3_600_000, [30_000; 4])] {
            assert_eq!(pauses_ms(&mut Pauses::default(), Some(wanted_ms))[..4], pause_ms);
        }
    }
}
