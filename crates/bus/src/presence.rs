//! Presence: which connectors are there now, said again and again by the gateways that hold them.

use domain::GatewayId;
use serde::{Deserialize, Serialize};

/// The connectors of one server at one gateway; as an answer, at all gateways together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// The gateway that says so; in an answer, the one that said so last.
    pub gateway: GatewayId,
    /// How many connectors are connected.
    pub connectors: u32,
    /// What the newest says of itself.
    pub about: String,
}

impl Presence {
    /// One answer of what several gateways say, oldest saying first; nothing when no connector is there.
    pub(crate) fn together(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        all.into_iter()
            .filter(|one| one.connectors > 0)
            .reduce(|before, now| Self { connectors: before.connectors.saturating_add(now.connectors), ..now })
    }
}

#[cfg(test)]
mod tests {
    use domain::{Clock, Entropy, Timestamp};

    use super::*;

    #[test]
    fn the_last_word_counts_and_the_numbers_add_up() {
        let (clock, entropy) = (Clock::fixed(Timestamp(0)), Entropy::seeded(1));
        let says = |connectors, about: &str| Presence {
            gateway: GatewayId::new(&clock, &entropy),
            connectors,
            about: about.to_owned(),
        };
        let (first, second) = (says(2, "first"), says(3, "second"));
        let together = Presence::together([first, says(0, "left"), second.clone(), says(0, "never came")]);
        assert_eq!(together, Some(Presence { connectors: 5, ..second }));
        assert_eq!(Presence::together([says(0, "")]), None);
    }
}
