use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla_envelope::InvalidEnvelope;
use bulla_transport::grpc::MAX_UNACKNOWLEDGED;
use bulla_transport::{Delivery, Sequence};

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
}

impl HandedOver {
    /// Takes note of `deliveries`, which are about to be written.
    pub(crate) fn add(&self, deliveries: &[Delivery]) {
        let mut places = self.places();
        for Delivery { sequence, .. } in deliveries {
            places.waiting.insert(*sequence);
            places.last = places.last.max(sequence.number());
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

    /// Forgets what is acknowledged.
    pub(crate) fn acknowledged(&self, sequences: &[Sequence]) {
        let mut places = self.places();
        for sequence in sequences {
            places.waiting.remove(sequence);
        }
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
}
