use std::collections::BTreeSet;

use super::limits::MAX_NAMED_LATER;

/// What was delivered on one stream and is not acknowledged yet: by it, an acknowledgement of many becomes
/// one number.
///
/// Callers acknowledge in whatever order they get done, and the carrier is told how far everything is
/// acknowledged. Only what lies beyond something that is not is named.
#[derive(Debug, Default)]
pub(crate) struct Unacknowledged {
    epoch: u64,
    numbers: BTreeSet<u64>,
    /// There were too many. From then on everything is named: what is forgotten here is not to be
    /// acknowledged with what follows it.
    has_forgotten: bool,
}

impl Unacknowledged {
    /// Takes note of what was delivered in `epoch`.
    pub(crate) fn delivered(&mut self, epoch: u64, numbers: impl IntoIterator<Item = u64>) {
        // A stream has one epoch. With a carrier that says otherwise everything is named.
        self.has_forgotten |= !self.numbers.is_empty() && self.epoch != epoch;
        self.epoch = epoch;
        self.numbers.extend(numbers);
        self.has_forgotten |= self.numbers.len() > MAX_NAMED_LATER;
        if self.has_forgotten {
            self.numbers = BTreeSet::new();
        }
    }

    /// How to acknowledge `numbers` of `epoch`: through which number, 0 for none, and which besides.
    pub(crate) fn acknowledge(&mut self, epoch: u64, numbers: Vec<u64>) -> (u64, Vec<u64>) {
        if self.has_forgotten || self.epoch != epoch {
            return (0, numbers);
        }
        // What was not delivered here came on an earlier stream, or is acknowledged once more.
        let (delivered, mut named): (Vec<_>, Vec<_>) =
            numbers.into_iter().partition(|number| self.numbers.remove(number));
        let gap = self.numbers.first().copied().unwrap_or(u64::MAX);
        let (within, beyond): (Vec<_>, Vec<_>) = delivered.into_iter().partition(|number| *number < gap);
        named.extend(beyond);
        (within.into_iter().max().unwrap_or(0), named)
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::super::proto::{self, ClientFrame, client_frame};
    use super::*;
    use crate::MAX_DELIVERIES;

    const EPOCH: u64 = u64::MAX - 1;

    fn delivered(numbers: impl IntoIterator<Item = u64>) -> Unacknowledged {
        let mut waiting = Unacknowledged::default();
        waiting.delivered(EPOCH, numbers);
        waiting
    }

    #[test]
    fn in_order_one_number_says_it_all() {
        let mut waiting = delivered(1..=6);
        assert_eq!(waiting.acknowledge(EPOCH, vec![1, 2]), (2, vec![]));
        waiting.delivered(EPOCH, [9, 12]);
        assert_eq!(waiting.acknowledge(EPOCH, vec![3, 4, 5, 6, 9, 12]), (12, vec![]));
        assert!(waiting.numbers.is_empty());
    }

    #[test]
    fn what_lies_beyond_a_gap_is_named_and_not_again_when_it_closes() {
        let mut waiting = delivered(1..=5);
        assert_eq!(waiting.acknowledge(EPOCH, vec![5, 1, 4]), (1, vec![5, 4]));
        assert_eq!(waiting.acknowledge(EPOCH, vec![3]), (0, vec![3]));
        assert_eq!(waiting.acknowledge(EPOCH, vec![2]), (2, vec![]));
        waiting.delivered(EPOCH, [6]);
        assert_eq!(waiting.acknowledge(EPOCH, vec![6]), (6, vec![]));
    }

    #[test]
    fn what_came_on_another_stream_or_was_acknowledged_before_is_named() {
        let mut waiting = delivered([7, 8]);
        assert_eq!(waiting.acknowledge(EPOCH, vec![6, 7]), (7, vec![6]));
        assert_eq!(waiting.acknowledge(EPOCH, vec![7, 8]), (8, vec![7]));
        assert_eq!(waiting.acknowledge(EPOCH - 1, vec![8]), (0, vec![8]));
        waiting.delivered(EPOCH, [9]);
        waiting.delivered(EPOCH - 1, [1]);
        assert_eq!(waiting.acknowledge(EPOCH - 1, vec![1]), (0, vec![1]), "two epochs are one too many");
    }

    /// Else what was forgotten here was acknowledged with what follows it, and was lost.
    #[test]
    fn with_too_many_at_once_everything_is_named_from_then_on() {
        let most = MAX_NAMED_LATER as u64;
        let mut waiting = delivered(1..=most);
        assert_eq!(waiting.acknowledge(EPOCH, vec![1]), (1, vec![]));
        waiting.delivered(EPOCH, [most + 1, most + 2]);
        assert_eq!(waiting.acknowledge(EPOCH, vec![2, 4]), (0, vec![2, 4]));
        waiting.delivered(EPOCH, [most + 3]);
        assert!(waiting.numbers.is_empty(), "and nothing is remembered");
        assert_eq!(waiting.acknowledge(EPOCH, vec![3]), (0, vec![3]));
    }

    /// What a thousand deliveries take to be acknowledged, in frames as they are written.
    #[test]
    fn an_acknowledgement_of_a_full_batch_in_order_has_a_few_bytes() {
        let (mut waiting, mut bytes, mut frames) = (Unacknowledged::default(), 0, 0);
        let all: Vec<u64> = (1..=1000).collect();
        for (call, batch) in (1..).zip(all.chunks(MAX_DELIVERIES)) {
            waiting.delivered(EPOCH, batch.iter().copied());
            let frame = proto::Acknowledge::merged(call, EPOCH, waiting.acknowledge(EPOCH, batch.to_vec()));
            let frame = ClientFrame { frame: Some(client_frame::Frame::Acknowledge(frame)) };
            (bytes, frames) = (bytes + frame.encoded_len(), frames + 1);
            assert!(frame.encoded_len() <= 7, "{}", frame.encoded_len());
        }
        assert_eq!((frames, bytes), (16, 111));
    }

    /// What clients in other languages write: field 4 of a frame, with a call and a number in it.
    #[test]
    fn the_shortest_acknowledgement_is_as_documented() {
        let frame = proto::Acknowledge::merged(7, EPOCH, (64, vec![]));
        let frame = ClientFrame { frame: Some(client_frame::Frame::Acknowledge(frame)) };
        assert_eq!(frame.encode_to_vec(), [0x22, 0x04, 0x08, 0x07, 0x20, 0x40]);
    }
}
