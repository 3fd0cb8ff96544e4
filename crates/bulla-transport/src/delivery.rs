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

/// Of what one call received, that which follows `after` without a gap, in order and each once, whatever the network did to it.
///
/// What is left out comes again when it is asked for after the last one that is here.
#[must_use]
pub fn in_order(mut deliveries: Vec<Delivery>, after: Sequence) -> Vec<Delivery> {
    deliveries.sort_by_key(|delivery| delivery.sequence);
    let (mut seen, mut gap) = (after, false);
    deliveries.retain(|delivery| {
        if delivery.sequence <= seen || gap {
            return false;
        }
        gap = delivery.previous > seen;
        if !gap {
            seen = delivery.sequence;
        }
        !gap
    });
    deliveries
}

/// What the carrier says to one who connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connected {
    /// How many of the caller's one-time keys it has left to give away.
    pub one_time_keys: usize,
    /// The highest id of a one-time key the caller has ever left, 0 before the first: new ones need higher ids.
    pub highest_one_time: u32,
}

impl Connected {
    /// Connected, with so many one-time keys left, and the highest id of one there ever was.
    #[must_use]
    pub const fn new(one_time_keys: usize, highest_one_time: u32) -> Self {
        Self { one_time_keys, highest_one_time }
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::{Address, Category, MessageId, Number, PhoneNumberId, SeededRng, Timestamp};
    use bulla_envelope::{Form, FrankingTag, Kind};

    use super::*;

    fn delivery(sequence: u64, previous: u64) -> Delivery {
        let envelope = Envelope::new(
            MessageId::new(Timestamp::from_millis(1), &SeededRng::new(sequence)),
            Address::business(PhoneNumberId::new(1)),
            Address::user(Number::parse("1").unwrap()),
            Kind::Message(Category::Service),
            FrankingTag::from_bytes([0; 32]),
            Form::Signal,
            vec![1],
        );
        Delivery::new(Sequence::new(sequence), Sequence::new(previous), envelope.unwrap())
    }

    fn ordered(deliveries: &[(u64, u64)], after: u64) -> Vec<u64> {
        let deliveries =
            deliveries.iter().map(|(sequence, previous)| delivery(*sequence, *previous)).collect();
        in_order(deliveries, Sequence::new(after)).iter().map(|delivery| delivery.sequence.number()).collect()
    }

    #[test]
    fn what_was_shuffled_and_doubled_comes_out_in_order_once() {
        assert_eq!(ordered(&[(3, 2), (1, 0), (2, 1), (3, 2)], 0), [1, 2, 3]);
        assert_eq!(ordered(&[(3, 2), (1, 0), (2, 1)], 2), [3]);
    }

    #[test]
    fn nothing_passes_a_gap_but_what_was_forgotten_is_none() {
        assert_eq!(ordered(&[(1, 0), (3, 2), (4, 3)], 0), [1], "2 is missing");
        assert_eq!(ordered(&[(3, 2), (4, 3)], 0), [0; 0]);
        assert_eq!(ordered(&[(5, 0), (9, 5)], 0), [5, 9], "the carrier holds none in between");
    }
}
