use bulla_envelope::Envelope;

use crate::BusinessStanding;

/// An envelope's place in its recipient's queue, from 1, as the carrier counts since it was opened.
///
/// A carrier that was opened anew, perhaps on a store that was put back from a backup, begins another epoch:
/// whoever has come as far as some place in an earlier one is given everything that is still queued, and
/// knows by their ids what it has had before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sequence {
    epoch: u64,
    number: u64,
}

impl Sequence {
    /// Before the first envelope, in whatever epoch.
    pub const START: Self = Self { epoch: 0, number: 0 };

    /// The place with this number, in this epoch of the carrier.
    #[must_use]
    pub const fn new(epoch: u64, number: u64) -> Self {
        Self { epoch, number }
    }

    /// The place's number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.number
    }

    /// The carrier's epoch.
    #[must_use]
    pub const fn epoch(self) -> u64 {
        self.epoch
    }

    /// The number of this place if it is one of `epoch`, else 0, before the first.
    #[must_use]
    pub const fn number_in(self, epoch: u64) -> u64 {
        if self.epoch == epoch { self.number } else { 0 }
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
    /// A receiver that has not yet seen `previous` has a gap before this envelope, whatever the network did,
    /// and asks again.
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

/// Of what one call received, that which follows `after` without a gap, in order and each once, whatever the
/// network did to it.
///
/// What is left out comes again when it is asked for after the last one that is here.
#[must_use]
pub fn in_order(mut deliveries: Vec<Delivery>, after: Sequence) -> Vec<Delivery> {
    deliveries.sort_by_key(|delivery| delivery.sequence);
    let Some(epoch) = deliveries.first().map(|delivery| delivery.sequence.epoch) else { return deliveries };
    let (mut seen, mut gap) = (after.number_in(epoch), false);
    deliveries.retain(|Delivery { sequence, previous, .. }| {
        if sequence.epoch != epoch || sequence.number <= seen || gap {
            return false;
        }
        gap = previous.number > seen;
        if !gap {
            seen = sequence.number;
        }
        !gap
    });
    deliveries
}

/// What the carrier says to one who connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connected {
    /// How many of the caller's one-time keys it has left to give away. A carrier need not count further than
    /// to tell a low stock from a full one.
    pub one_time_keys: usize,
    /// The highest id of a one-time key the caller has ever left: new ones need higher ids. 0 before the
    /// first, and when the keys that last are not there (any more): then all are to be left anew.
    pub highest_one_time: u32,
    /// The generation of the carrier's store: another number after each time it was put back from a backup, 0
    /// before the first. Only [`register`](crate::Transport::register) and
    /// [`connect`](crate::Transport::connect) tell it.
    ///
    /// What the carrier had taken after the backup is gone with an earlier generation. Who finds another than
    /// the last time hands over again whatever its receivers have not confirmed.
    pub generation: u64,
    /// The version of the caller's list of devices that the carrier has: 0 if it has none of the caller's
    /// identity, and it is to be left. Nothing from calls that do not tell, and for all but a user's first
    /// device.
    pub device_list: Option<u64>,
    /// How the caller stands, if it is a business and the carrier protects users. Nothing from
    /// [`publish`](crate::Transport::publish), and from [`low_stock`](crate::Transport::low_stock) when it
    /// is as that has told the caller last.
    pub standing: Option<BusinessStanding>,
}

impl Connected {
    /// Connected, with so many one-time keys left, and the highest id of one there ever was.
    #[must_use]
    pub const fn new(one_time_keys: usize, highest_one_time: u32) -> Self {
        Self { one_time_keys, highest_one_time, generation: 0, device_list: None, standing: None }
    }

    /// The same, with a carrier whose store is of this generation.
    #[must_use]
    pub const fn in_generation(mut self, generation: u64) -> Self {
        self.generation = generation;
        self
    }

    /// The same, of a caller of whose list of devices the carrier has this version.
    #[must_use]
    pub const fn keeping(mut self, device_list: Option<u64>) -> Self {
        self.device_list = device_list;
        self
    }

    /// The same, of a business that stands so.
    #[must_use]
    pub const fn standing(mut self, standing: Option<BusinessStanding>) -> Self {
        self.standing = standing;
        self
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::{Address, Category, MessageId, Number, PhoneNumberId, SeededRng, Timestamp};
    use bulla_envelope::{Form, FrankingTag, Kind};

    use super::*;

    const EPOCH: u64 = 7;

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
        Delivery::new(Sequence::new(EPOCH, sequence), Sequence::new(EPOCH, previous), envelope.unwrap())
    }

    fn ordered(deliveries: &[(u64, u64)], after: u64) -> Vec<u64> {
        ordered_after(deliveries, Sequence::new(EPOCH, after))
    }

    fn ordered_after(deliveries: &[(u64, u64)], after: Sequence) -> Vec<u64> {
        let deliveries =
            deliveries.iter().map(|(sequence, previous)| delivery(*sequence, *previous)).collect();
        in_order(deliveries, after).iter().map(|delivery| delivery.sequence.number()).collect()
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

    #[test]
    fn how_far_somebody_has_come_in_another_epoch_does_not_count() {
        for after in [Sequence::new(EPOCH - 1, 100), Sequence::new(EPOCH + 1, 100), Sequence::START] {
            assert_eq!(ordered_after(&[(4, 2), (2, 0)], after), [2, 4]);
        }
        let mut deliveries = vec![delivery(1, 0), delivery(2, 1)];
        deliveries[1].sequence = Sequence::new(EPOCH + 1, 2);
        assert_eq!(in_order(deliveries, Sequence::START).len(), 1, "of two epochs the one comes again");
    }
}
