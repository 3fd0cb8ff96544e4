//! What must hold of every run, whatever happens to the system.

use std::fmt;

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Invariant {
    /// What was accepted or sent arrives, or is reported as failed.
    Kept,
    /// A message has one id, however often it is told.
    OneId,
    /// What was said first in a conversation is shown first.
    Order,
    /// What was taken or finished is not told again without a reason.
    ToldOnce,
    /// A message only comes further, and ends once.
    Statuses,
    /// Relay, carrier and model count the same.
    Counts,
    /// Relay and carrier count each delivered message once, and as the same.
    Ledgers,
    /// A rule on what a business sends is held, and nothing is refused or fails for one that is off or kept.
    Rules,
    /// The carrier lets a business write to so many users first in a day, and a user get so many promotions.
    Limits,
    /// An event is set aside when it was tried often enough, which is told of, and nothing waits for it.
    SetAside,
    /// A ratchet step seals one message.
    Steps,
    /// A one-time key is given away once.
    OneTimeKeys,
    /// Who was replaced is not heard.
    Fences,
    /// Of two relays on a store one acts, for as long as it lives.
    OneActs,
    /// Another takes over from one that is gone, soon.
    TakesOver,
    /// The carrier shows everybody one history of its log of keys.
    OneHistory,
    /// Nobody but the two ends sees what is said.
    Sealed,
    /// What an effect is based on is durable before anybody sees the effect.
    Durable,
    /// What was erased is gone.
    Erased,
    /// Nothing outlives its time.
    Forgotten,
    /// Retries and calls have an end.
    Bounded,
    /// Nothing stops without a cause.
    Alive,
    /// Once all is well again, everything drains.
    Drains,
    /// The same seed does the same.
    Replays,
}

impl Invariant {
    /// That it does not hold, and how.
    #[must_use]
    pub fn broken(self, what: impl fmt::Display) -> Violation {
        Violation { invariant: self, what: what.to_string() }
    }
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// How.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.invariant, self.what)
    }
}
