use bulla_base::{BusinessAccountId, PhoneNumberId, Timestamp};

use crate::{MessageTag, Traits};

/// That something happened to a message: what the two sides count from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// To which message.
    pub tag: MessageTag,
    /// What it is billed by. The same in every event of a message; what differs is a conflict.
    pub facts: Facts,
    /// What happened.
    pub step: Step,
    /// When it did.
    pub at: Timestamp,
    /// When this side learned of it. What comes more than the grace later is counted as late.
    pub known: Timestamp,
}

impl Event {
    /// That `step` was taken at `at`, and is known since then.
    #[must_use]
    pub const fn new(tag: MessageTag, facts: Facts, step: Step, at: Timestamp) -> Self {
        Self { tag, facts, step, at, known: at }
    }

    /// The same, learned of at `known`.
    #[must_use]
    pub const fn known_at(self, known: Timestamp) -> Self {
        Self { known, ..self }
    }
}

/// What a message is billed by.
///
/// ```text
///   account  u64, big-endian    number  u64    traits  market u16, category u8, states u8    units  u32
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Facts {
    /// Whose bill it stands in.
    pub account: BusinessAccountId,
    /// Which number sent it.
    pub number: PhoneNumberId,
    /// What it is.
    pub traits: Traits,
    /// How many units it is: 1 for a message.
    pub units: u32,
}

impl Facts {
    /// How many bytes the encoded form has.
    pub const BYTES: usize = 24;

    /// Those of so many units.
    #[must_use]
    pub const fn new(account: BusinessAccountId, number: PhoneNumberId, traits: Traits, units: u32) -> Self {
        Self { account, number, traits, units }
    }

    /// Reads the encoded form, if it is one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let (account, rest) = bytes.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (traits, units) = rest.split_first_chunk()?;
        Some(Self {
            account: BusinessAccountId::new(u64::from_be_bytes(*account)),
            number: PhoneNumberId::new(u64::from_be_bytes(*number)),
            traits: Traits::from_word(u32::from_be_bytes(*traits))?,
            units: u32::from_be_bytes(units.try_into().ok()?),
        })
    }

    /// The encoded form.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.account.number().to_be_bytes());
        bytes[8..16].copy_from_slice(&self.number.number().to_be_bytes());
        bytes[16..20].copy_from_slice(&self.traits.to_word().to_be_bytes());
        bytes[20..].copy_from_slice(&self.units.to_be_bytes());
        bytes
    }
}

/// What happens to a message of a business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// It was taken, and will be sent.
    Accepted,
    /// It was handed on.
    Sent,
    /// It is on the user's device. Whichever is first, this or [`Step::Read`], is what is billed.
    Delivered,
    /// The user has read it. Sometimes all that is heard of the delivery.
    Read,
    /// It did not arrive in its time.
    Failed,
    /// It was bid for, and a unit came to so many micro-units.
    Charged(u64),
}

impl Step {
    /// Which of the times of an entry it is; a charge is none.
    pub(crate) const fn place(self) -> Option<usize> {
        match self {
            Self::Accepted => Some(0),
            Self::Sent => Some(1),
            Self::Delivered => Some(2),
            Self::Read => Some(3),
            Self::Failed => Some(4),
            Self::Charged(_) => None,
        }
    }
}
