//! The next wait of a row that doubles.

use std::time::Duration;

use domain::Entropy;

use crate::config::Waits;

/// Gives the waits one after another.
#[derive(Debug)]
pub(crate) struct Backoff {
    waits: Waits,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(waits: Waits) -> Self {
        Self { waits, next: waits.first }
    }

    /// The next wait.
    pub(crate) fn wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(self.waits.longest);
        wait
    }

    /// The next wait, shortened by up to half, so that many who lost the same peer do not come back at once.
    pub(crate) fn scattered_wait(&mut self, entropy: &Entropy) -> Duration {
        let share = f64::from(u16::from_le_bytes(entropy.bytes::<2>())) / f64::from(u16::MAX);
        self.wait().mul_f64(0.5 + share / 2.0)
    }

    /// Starts over: things went well for a while.
    pub(crate) fn reset(&mut self) {
        self.next = self.waits.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits() -> Waits {
        Waits { first: Duration::from_millis(500), longest: Duration::from_secs(30) }
    }

    #[test]
    fn doubles_up_to_the_longest_and_starts_over() {
        let mut backoff = Backoff::new(waits());
        let millis: Vec<u128> = (0..8).map(|_| backoff.wait().as_millis()).collect();
        assert_eq!(millis, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        backoff.reset();
        assert_eq!(backoff.wait().as_millis(), 500);
    }

    #[test]
    fn scattered_waits_stay_between_half_and_whole() {
        let entropy = Entropy::seeded(9);
        for _ in 0..200 {
            let wait = Backoff::new(waits()).scattered_wait(&entropy).as_millis();
            assert!((250..=500).contains(&wait), "{wait}");
        }
    }
}
