use bulla_envelope::Envelope;

/// The most envelopes one call to receive returns. The rest comes with the next call.
pub const MAX_DELIVERIES: usize = 64;

/// An envelope's place in its recipient's queue, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sequence(u64);

impl Sequence {
    /// Before the first envelope.
    pub const START: Self = Self(0);

    /// The place with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The place's number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// An envelope, and where it stands in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// Its place.
    pub sequence: Sequence,
    /// The place of the envelope before it, of those that were still queued when this was read.
    ///
    /// A receiver that has not yet seen `previous` has a gap before this envelope, whatever the network did, and asks again.
    pub previous: Sequence,
    /// The envelope.
    pub envelope: Envelope,
}

impl Delivery {
    /// The envelope at `sequence`, which follows the one at `previous`.
    #[must_use]
    pub const fn new(sequence: Sequence, previous: Sequence, envelope: Envelope) -> Self {
        Self { sequence, previous, envelope }
    }
}

/// What the carrier says to one who connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connected {
    /// How many of the caller's one-time keys it has left to give away.
    pub one_time_keys: usize,
}

impl Connected {
    /// Connected, with so many one-time keys left.
    #[must_use]
    pub const fn new(one_time_keys: usize) -> Self {
        Self { one_time_keys }
    }
}
