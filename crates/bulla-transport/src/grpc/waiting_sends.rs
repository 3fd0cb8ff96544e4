//! What is to be sent on one stream: envelopes for one party that wait at the same time go in one frame.
//!
//! ```text
//!   send ──► waits ──┐
//!   send ──► waits ──┼─► one frame, when the stream can be written ──► one answer ──► each hears of its own
//!   send ──► waits ──┘
//! ```
//!
//! Nobody waits so that others come along: what is there when the stream is written goes. The carrier queues
//! what goes to one party in one record, so that a frame of many is a record, and a commit, of many.

use std::collections::VecDeque;

use bulla_base::Party;
use bytes::Bytes;
use tokio::sync::oneshot;

use super::client::another_answer;
use super::limits::{FRAMING_BYTES, MAX_FRAME_BYTES};
use super::proto::carrier_frame::Frame;
use super::proto::{self, Refusal};
use crate::{MAX_DELIVERIES, SendOutcome};

/// Sends that are not written yet, in the order in which they came.
#[derive(Default)]
pub(crate) struct WaitingSends(VecDeque<WaitingSend>);

/// Envelopes of one call, and who waits to hear what became of them.
struct WaitingSend {
    /// To whom all of them go. `None` if they go to several, or have to go alone.
    to: Option<Party>,
    envelopes: Vec<Bytes>,
    told: oneshot::Sender<SendOutcome>,
}

/// Sends that go in one frame.
pub(crate) struct SendBatch(Vec<WaitingSend>);

impl WaitingSends {
    /// Lets `envelopes`, which fit into a frame, wait with the others that go `to` the same party. What is
    /// returned tells what became of them.
    pub(crate) fn add(&mut self, to: Option<Party>, envelopes: Vec<Bytes>) -> oneshot::Receiver<SendOutcome> {
        let (told, outcome) = oneshot::channel();
        self.0.push_back(WaitingSend { to, envelopes, told });
        outcome
    }

    /// Lets those wait again, before all others, that were not looked at.
    pub(crate) fn add_again(&mut self, SendBatch(sends): SendBatch) {
        sends.into_iter().rev().for_each(|send| self.0.push_front(send));
    }

    /// Takes the first, and with it those to the same party for which there is room in its frame.
    pub(crate) fn take_batch(&mut self) -> Option<SendBatch> {
        self.0.retain(|send| !send.told.is_closed());
        let first = self.0.pop_front()?;
        let (mut count, mut bytes) = (first.envelopes.len(), first.bytes());
        let mut batch = vec![first];
        let Some(to) = batch.first().and_then(|first| first.to.clone()) else {
            return Some(SendBatch(batch));
        };
        let mut place = 0;
        while let Some(next) = self.0.get(place) {
            if next.to.as_ref() != Some(&to) {
                place += 1;
                continue;
            }
            (count, bytes) = (count + next.envelopes.len(), bytes + next.bytes());
            // What comes behind it stays behind it.
            if count > MAX_DELIVERIES || bytes > MAX_FRAME_BYTES - FRAMING_BYTES {
                break;
            }
            batch.extend(self.0.remove(place));
        }
        Some(SendBatch(batch))
    }
}

impl WaitingSend {
    /// How many bytes they take in a frame.
    fn bytes(&self) -> usize {
        self.envelopes.iter().map(|envelope| envelope.len() + FRAMING_BYTES).sum()
    }
}

impl SendBatch {
    /// All their envelopes, in their order.
    pub(crate) fn envelopes(&self) -> Vec<Bytes> {
        self.0.iter().flat_map(|send| &send.envelopes).cloned().collect()
    }

    /// Whether there are none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether nobody waits any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.0.iter().all(|send| send.told.is_closed())
    }

    /// Tells each what became of its envelopes. Returns those that the carrier did not look at, because one
    /// before them was refused: that is no fault of theirs, and they go again, each alone, so that no refused
    /// one takes others with it a second time.
    pub(crate) fn answered(self, answer: Frame) -> Self {
        let (mut taken, refusal) = match answer {
            Frame::Sent(proto::Sent { taken, refusal, .. }) => {
                (usize::try_from(taken).unwrap_or(usize::MAX), refusal)
            }
            Frame::Refused(refused) => (0, Some(refused.refusal.unwrap_or_default())),
            _ => (0, None),
        };
        let mut sends = self.0.into_iter();
        for send in sends.by_ref() {
            let count = send.envelopes.len();
            if taken >= count {
                taken -= count;
                let _ = send.told.send(SendOutcome { taken: count, error: None });
                continue;
            }
            // Who does not wait any more asks again, and finds it done.
            let error = refusal.map_or_else(another_answer, Refusal::into_error);
            let _ = send.told.send(SendOutcome { taken, error: Some(error) });
            break;
        }
        Self(sends.map(|send| WaitingSend { to: None, ..send }).collect())
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::{Number, PhoneNumberId};

    use super::*;
    use crate::TransportError;

    fn alice() -> Option<Party> {
        Some(Party::User(Number::parse("16505551234").unwrap()))
    }

    fn shop() -> Option<Party> {
        Some(Party::Business(PhoneNumberId::new(1)))
    }

    fn envelopes(numbers: &[u8]) -> Vec<Bytes> {
        numbers.iter().map(|number| Bytes::copy_from_slice(&[*number])).collect()
    }

    /// The envelopes that are in the next frame.
    fn next(waiting: &mut WaitingSends) -> Vec<u8> {
        let batch = waiting.take_batch().unwrap();
        batch.envelopes().iter().map(|envelope| envelope[0]).collect()
    }

    fn sent(taken: u32, refusal: Option<&TransportError>) -> Frame {
        Frame::Sent(proto::Sent { call: 1, taken, refusal: refusal.map(Refusal::of) })
    }

    #[test]
    fn what_goes_to_one_party_goes_together_in_its_order_and_nothing_else_does() {
        let mut waiting = WaitingSends::default();
        let _told: Vec<_> = [(alice(), 1), (shop(), 2), (None, 3), (alice(), 4), (None, 5), (shop(), 6)]
            .map(|(to, number)| waiting.add(to, envelopes(&[number])))
            .into();
        let left = waiting.add(alice(), envelopes(&[7]));
        drop(left);
        let frames: Vec<_> = (0..4).map(|_| next(&mut waiting)).collect();
        assert_eq!(frames, [vec![1, 4], vec![2, 6], vec![3], vec![5]], "nor what nobody waits for");
        assert!(waiting.take_batch().is_none());
    }

    #[test]
    fn a_frame_has_as_many_as_may_be_and_as_large() {
        let mut waiting = WaitingSends::default();
        let few = u8::try_from(MAX_DELIVERIES - 1).unwrap();
        let _first = waiting.add(alice(), envelopes(&(1..=few).collect::<Vec<_>>()));
        let _two = waiting.add(alice(), envelopes(&[100, 101]));
        let _one = waiting.add(alice(), envelopes(&[102]));
        assert_eq!(next(&mut waiting).len(), MAX_DELIVERIES - 1);
        assert_eq!(next(&mut waiting), [100, 101, 102], "none overtakes another");
        let large = |number| vec![vec![number; (MAX_FRAME_BYTES - FRAMING_BYTES) / 2 - FRAMING_BYTES].into()];
        let _told = [1, 2, 3].map(|number| waiting.add(alice(), large(number)));
        assert_eq!((next(&mut waiting), next(&mut waiting)), (vec![1, 2], vec![3]));
    }

    #[test]
    fn each_hears_of_its_own_and_who_came_behind_a_refused_one_goes_again_alone() {
        let mut waiting = WaitingSends::default();
        let mut told = [&[1, 2][..], &[3, 4], &[5], &[6]].map(|these| waiting.add(alice(), envelopes(these)));
        let batch = waiting.take_batch().unwrap();
        waiting.add_again(batch.answered(sent(3, Some(&TransportError::UnknownRecipient))));
        let [first, second, third, _] = &mut told;
        assert!(matches!(first.try_recv(), Ok(SendOutcome { taken: 2, error: None })));
        let refused = second.try_recv().unwrap();
        assert!(matches!(refused, SendOutcome { taken: 1, error: Some(TransportError::UnknownRecipient) }));
        assert!(third.try_recv().is_err(), "it was not looked at");
        let _later = waiting.add(alice(), envelopes(&[7]));
        assert_eq!([(); 3].map(|()| next(&mut waiting)), [[5], [6], [7]]);
    }

    #[test]
    fn an_answer_that_is_none_of_a_send_fails_one_and_not_all() {
        for answer in [Frame::Acknowledged(proto::Acknowledged { call: 1 }), sent(0, None)] {
            let mut waiting = WaitingSends::default();
            let mut told = [1, 2].map(|number| waiting.add(alice(), envelopes(&[number])));
            let batch = waiting.take_batch().unwrap();
            waiting.add_again(batch.answered(answer));
            let failed = told[0].try_recv().unwrap();
            assert!(matches!(failed, SendOutcome { taken: 0, error: Some(error) } if error.may_pass()));
            assert_eq!(next(&mut waiting), [2]);
        }
        let mut waiting = WaitingSends::default();
        let mut told = waiting.add(alice(), envelopes(&[1]));
        let refused = proto::Refused { call: 1, refusal: Some(Refusal::of(&TransportError::NotTheSender)) };
        let batch = waiting.take_batch().unwrap();
        assert!(batch.answered(Frame::Refused(refused)).is_empty());
        let failed = told.try_recv().unwrap();
        assert!(matches!(failed, SendOutcome { taken: 0, error: Some(TransportError::NotTheSender) }));
    }
}
