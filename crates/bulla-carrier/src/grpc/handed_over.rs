use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bulla_base::Timestamp;
use bulla_envelope::InvalidEnvelope;
use bulla_transport::grpc::MAX_UNACKNOWLEDGED;
use bulla_transport::{Delivery, Sequence};

use super::limits::{FREE_REREADS, REREAD_DOUBLINGS, REREAD_INTERVAL};

/// What was handed over on one stream and is not acknowledged, so that one number acknowledges those before
/// it.
///
/// Not everything that stands before it in the queue: what was handed over on an earlier stream, its receiver
/// may have left out.
#[derive(Debug, Default)]
pub(crate) struct HandedOver(Mutex<Places>);

#[derive(Debug, Default)]
struct Places {
    waiting: BTreeSet<Sequence>,
    last: u64,
    epoch: u64,
    /// How often what was handed over on this stream was handed over on it once more since something was
    /// acknowledged, and when it may be next.
    rereads: u32,
    again: Timestamp,
}

impl HandedOver {
    /// Takes note of `deliveries`, which are about to be written.
    pub(crate) fn add(&self, deliveries: &[Delivery]) {
        let mut places = self.places();
        for Delivery { sequence, .. } in deliveries {
            places.waiting.insert(*sequence);
            places.last = places.last.max(sequence.number());
            places.epoch = sequence.epoch();
        }
        while places.waiting.len() > MAX_UNACKNOWLEDGED {
            places.waiting.pop_first();
        }
    }

    /// What waits to be acknowledged up to the place `number`, 0 for nothing.
    pub(crate) fn through(&self, number: u64) -> Result<Vec<Sequence>, InvalidEnvelope> {
        let places = self.places();
        if number > places.last {
            let [actual, limit] =
                [number, places.last].map(|number| usize::try_from(number).unwrap_or(usize::MAX));
            return Err(InvalidEnvelope::TooLarge { field: "number acknowledged through", actual, limit });
        }
        Ok(places.waiting.iter().take_while(|place| place.number() <= number).copied().collect())
    }

    /// How long who receives after `after` waits first: nothing, unless they have had on this stream what
    /// comes then, and more than [`FREE_REREADS`] times.
    pub(crate) fn wait(&self, after: Sequence, now: Timestamp) -> Duration {
        let places = self.places();
        match places.is_read_again(after) {
            true => places.again.since(now),
            false => Duration::ZERO,
        }
    }

    /// Takes note that what comes after `after` is handed over at `now`.
    pub(crate) fn reads(&self, after: Sequence, now: Timestamp) {
        let mut places = self.places();
        if places.is_read_again(after) {
            places.rereads = places.rereads.saturating_add(1);
            if let Some(beyond) = places.rereads.checked_sub(FREE_REREADS) {
                let interval = REREAD_INTERVAL * (1 << beyond.min(REREAD_DOUBLINGS));
                places.again = now.after(interval);
            }
        }
    }

    /// Forgets what is acknowledged.
    pub(crate) fn acknowledged(&self, sequences: &[Sequence]) {
        let mut places = self.places();
        for sequence in sequences {
            if places.waiting.remove(sequence) {
                // Who gets on may look at the rest again.
                (places.rereads, places.again) = (0, Timestamp::from_millis(0));
            }
        }
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    /// Whether some of what comes after `after` was handed over on this stream. Places of another epoch count
    /// from the beginning.
    const fn is_read_again(&self, after: Sequence) -> bool {
        self.last > 0 && !(after.epoch() == self.epoch && after.number() >= self.last)
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::{Address, Category, MessageId, Number, PhoneNumberId, SeededRng, Timestamp};
    use bulla_envelope::{Envelope, Form, FrankingTag, Kind};

    use super::*;

    fn deliveries(numbers: std::ops::RangeInclusive<u64>) -> Vec<Delivery> {
        let at = |number| Sequence::new(5, number);
        let envelope = Envelope::new(
            MessageId::new(Timestamp::from_millis(1), &SeededRng::new(1)),
            Address::business(PhoneNumberId::new(1)),
            Address::user(Number::parse("1").unwrap()),
            Kind::Message(Category::Service),
            FrankingTag::from_bytes([0; 32]),
            Form::Signal,
            vec![1],
        )
        .unwrap();
        numbers.map(|number| Delivery::new(at(number), at(number - 1), envelope.clone())).collect()
    }

    fn through(handed_over: &HandedOver, number: u64) -> Vec<u64> {
        handed_over.through(number).unwrap().iter().map(|place| place.number()).collect()
    }

    #[test]
    fn a_number_stands_for_what_was_handed_over_before_it_and_not_for_more() {
        let handed_over = HandedOver::default();
        handed_over.add(&deliveries(41..=43));
        assert_eq!(through(&handed_over, 42), [41, 42], "what was handed over elsewhere is not its own");
        assert_eq!(through(&handed_over, 42), [41, 42], "nor is it forgotten before it is acknowledged");
        handed_over.acknowledged(&[Sequence::new(5, 41), Sequence::new(5, 43), Sequence::new(4, 42)]);
        assert_eq!(through(&handed_over, 43), [42]);
        assert_eq!(through(&handed_over, 0), [0; 0]);
        let refused = handed_over.through(44).unwrap_err();
        let field = "number acknowledged through";
        assert!(
            matches!(refused, InvalidEnvelope::TooLarge { field: of, actual: 44, limit: 43 } if of == field)
        );
    }

    #[test]
    fn no_more_is_remembered_than_may_be_and_the_oldest_goes_first() {
        let (handed_over, most) = (HandedOver::default(), MAX_UNACKNOWLEDGED as u64);
        handed_over.add(&deliveries(1..=most));
        assert_eq!(through(&handed_over, most).len(), MAX_UNACKNOWLEDGED);
        handed_over.add(&deliveries(most + 1..=most + 2));
        assert_eq!(through(&handed_over, most + 2), (3..=most + 2).collect::<Vec<_>>());
    }

    #[test]
    fn what_was_handed_over_is_read_again_a_few_times_at_once_and_then_ever_less_often_until_some_is_acknowledged()
     {
        let (handed_over, now) = (HandedOver::default(), Timestamp::from_millis(5));
        let at = |epoch, number| Sequence::new(epoch, number);
        let wait = |after, now| handed_over.wait(after, now);
        handed_over.reads(Sequence::START, now);
        assert_eq!(wait(Sequence::START, now), Duration::ZERO, "nothing was handed over");
        handed_over.add(&deliveries(1..=3));
        for time in 1..=FREE_REREADS {
            assert_eq!(wait(Sequence::START, now), Duration::ZERO, "{time}");
            handed_over.reads(Sequence::START, now);
        }
        for again in [Sequence::START, at(5, 2), at(4, 9)] {
            assert_eq!(wait(again, now), REREAD_INTERVAL, "{again:?}");
            assert_eq!(wait(again, now.after(REREAD_INTERVAL)), Duration::ZERO);
        }
        assert_eq!(wait(at(5, 3), now), Duration::ZERO, "what follows is new");
        for seconds in [2, 4, 8, 16, 32, 64, 64, 64] {
            handed_over.reads(Sequence::START, now);
            assert_eq!(wait(Sequence::START, now), Duration::from_secs(seconds));
        }
        let later = now.after(Duration::from_secs(64));
        handed_over.acknowledged(&[at(5, 9)]);
        handed_over.reads(Sequence::START, later);
        assert_eq!(wait(Sequence::START, later), Duration::from_secs(64), "it was not handed over");
        handed_over.acknowledged(&[at(5, 1)]);
        assert_eq!(wait(Sequence::START, later), Duration::ZERO, "it begins anew");
    }
}
