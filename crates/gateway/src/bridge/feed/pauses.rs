//! How long is waited before a server's own stream is opened again: a second, and longer each time that this comes to
//! nothing. An answer that ends at once has come to nothing, however well it began.

use std::time::Duration;

use tokio::time::Instant;

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// A stream that was open for so long was one, also if nothing was said on it.
const LIVED: Duration = Duration::from_secs(60);

/// The pauses between the streams of one server.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    /// Streams in a row that came to nothing.
    failures: u32,
    opened: Option<Instant>,
    /// What the server asked for (2025-11-25 basic/transports: `retry` MUST be respected).
    wanted: Option<Duration>,
}

impl Pauses {
    /// A stream is open.
    pub(super) fn opened(&mut self, now: Instant) {
        (self.opened, self.wanted) = (Some(now), None);
    }

    /// A message has come on it.
    pub(super) fn brought(&mut self) {
        self.failures = 0;
    }

    /// A stream has ended, or could not be opened. `wanted`: when the server wants it to be opened again.
    pub(super) fn ended(&mut self, now: Instant, wanted: Option<Duration>) {
        let lived = self.opened.take().is_some_and(|opened| now.duration_since(opened) >= LIVED);
        self.failures = if lived { 1 } else { self.failures.saturating_add(1) };
        self.wanted = wanted;
    }

    /// What is wanted has changed: the next stream is opened at once.
    pub(super) fn skip(&mut self) {
        (self.failures, self.opened, self.wanted) = (0, None, None);
    }

    /// The pause before the next stream.
    pub(super) fn length(&self) -> Duration {
        match (self.failures, self.wanted) {
            (0, _) => Duration::ZERO,
            (_, Some(wanted)) => wanted.clamp(SHORTEST, LONGEST),
            (failures, None) => LONGEST.min(SHORTEST * 2_u32.saturating_pow(failures - 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_that_come_to_nothing_are_opened_ever_more_seldom() {
        let (mut pauses, mut now) = (Pauses::default(), Instant::now());
        assert_eq!(pauses.length(), Duration::ZERO);
        let mut lengths = Vec::new();
        for _ in 0..8 {
            pauses.opened(now);
            now += Duration::from_millis(5);
            pauses.ended(now, None);
            lengths.push(pauses.length().as_secs());
        }
        assert_eq!(lengths, [1, 2, 4, 8, 16, 32, 60, 60], "though each was opened");
        pauses.opened(now);
        pauses.brought();
        pauses.ended(now, None);
        assert_eq!(pauses.length(), SHORTEST, "it had something to say");
        pauses.ended(now, None);
        pauses.opened(now);
        now += LIVED;
        pauses.ended(now, None);
        assert_eq!(pauses.length(), SHORTEST, "it lived");
        pauses.ended(now, None);
        assert_eq!(pauses.length(), 2 * SHORTEST, "it could not be opened");
    }

    #[test]
    fn a_server_says_when_it_wants_to_be_asked_again_and_not_at_once() {
        let (mut pauses, now) = (Pauses::default(), Instant::now());
        for (wanted_ms, length_ms) in [(0, 1_000), (7_000, 7_000), (3_600_000, 60_000)] {
            for _ in 0..3 {
                pauses.opened(now);
                pauses.ended(now, Some(Duration::from_millis(wanted_ms)));
                assert_eq!(pauses.length(), Duration::from_millis(length_ms));
            }
        }
        pauses.skip();
        assert_eq!(pauses.length(), Duration::ZERO);
    }
}
