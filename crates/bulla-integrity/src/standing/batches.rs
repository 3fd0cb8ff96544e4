//! Whom a business has reached in each of the last hours, and what became of it.
//!
//! A complaint comes some time after what it is about, and belongs to that: a newsletter goes to thousands in
//! some minutes, of whom a few complain in the hours after. Weighed as they come, it would look as if
//! everybody complained.

use bulla_base::Timestamp;

use crate::byte_reader::ByteReader;
use crate::limits::{BATCHES, REACTION_HOURS};
use crate::{Evidence, InvalidForm, Signal};

const HOUR: u64 = 3_600_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Batch {
    /// New users reached.
    reached: u32,
    /// How many of them complained, and how many of those about the category.
    complaints: u32,
    category: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Batches {
    /// What is settled and all but this hour's say together: to work it out for each message takes too long.
    before: [Evidence; 4],
    /// The hour that runs, since the Unix epoch.
    hour: u64,
    /// This hour's, the last one's and so on.
    batches: [Batch; BATCHES],
}

impl Default for Batches {
    fn default() -> Self {
        Self { before: [Evidence::default(); 4], hour: 0, batches: [Batch::default(); BATCHES] }
    }
}

impl Batches {
    pub(super) fn read(reader: &mut ByteReader<'_>) -> Result<Self, InvalidForm> {
        let mut read = Self { hour: reader.u64()?, ..Self::default() };
        for Batch { reached, complaints, category } in &mut read.batches {
            (*reached, *complaints, *category) = (reader.u32()?, reader.u32()?, reader.u32()?);
        }
        Ok(read)
    }

    /// Goes on to `now`. What is too old to be complained of is settled: `settled` goes on by it. Returns how
    /// many users were reached in the busiest of the hours to which there was time to react.
    pub(super) fn go_on(&mut self, now: Timestamp, settled: &mut [Evidence; 4]) -> u32 {
        let hour = now.as_millis() / HOUR;
        let over = usize::try_from(hour.saturating_sub(self.hour)).unwrap_or(usize::MAX).min(BATCHES);
        self.hour = self.hour.max(hour);
        let mut busiest = 0;
        for _ in 0..over {
            for (signal, evidence) in Signal::STRONG.into_iter().zip(settled.iter_mut()) {
                if let Some((bad, good)) = self.batches.last().and_then(|oldest| oldest.of(signal)) {
                    evidence.settle(signal, bad, good);
                }
            }
            self.batches.rotate_right(1);
            if let Some(newest) = self.batches.first_mut() {
                *newest = Batch::default();
            }
            busiest = busiest.max(self.batches.get(REACTION_HOURS).map_or(0, |batch| batch.reached));
        }
        if over > 0 {
            self.work_out(settled);
        }
        busiest
    }

    /// To be called when `settled` or a batch but for this hour's has changed.
    pub(super) fn work_out(&mut self, settled: &[Evidence; 4]) {
        self.before = *settled;
        for (signal, evidence) in Signal::STRONG.into_iter().zip(self.before.iter_mut()) {
            for (bad, good) in self.batches.iter().skip(1).rev().filter_map(|batch| batch.of(signal)) {
                evidence.settle(signal, bad, good);
            }
        }
    }

    /// The same was noted of what is settled, of a signal that has no batches.
    pub(super) fn note_settled(&mut self, signal: Signal, is_bad: bool) {
        let place = Signal::STRONG.iter().position(|strong| *strong == signal);
        if let Some(evidence) = place.and_then(|place| self.before.get_mut(place)) {
            evidence.note(signal, is_bad);
        }
    }

    pub(super) fn note_reached(&mut self) {
        if let Some(newest) = self.batches.first_mut() {
            newest.reached = newest.reached.saturating_add(1);
        }
    }

    /// Somebody complains who was reached at `reached`. Returns whether that is not settled yet.
    pub(super) fn note_complaint(&mut self, signal: Signal, reached: Timestamp) -> bool {
        let ago = self.hour.saturating_sub(reached.as_millis() / HOUR);
        let batch = usize::try_from(ago).ok().and_then(|ago| self.batches.get_mut(ago));
        if let Some(batch) = batch {
            let count = if signal == Signal::Category { &mut batch.category } else { &mut batch.complaints };
            *count = count.saturating_add(1);
            return true;
        }
        false
    }

    /// What is settled and all that is not say together.
    pub(super) fn evidence(&self) -> impl Iterator<Item = (Signal, Evidence)> {
        Signal::STRONG.into_iter().zip(self.before).map(|(signal, mut evidence)| {
            if let Some((bad, good)) = self.batches.first().and_then(|newest| newest.of(signal)) {
                evidence.settle(signal, bad, good);
            }
            (signal, evidence)
        })
    }

    pub(super) fn new_this_hour(&self) -> u32 {
        self.batches.first().map_or(0, |newest| newest.reached)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches == [Batch::default(); BATCHES]
    }

    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.hour.to_be_bytes());
        for Batch { reached, complaints, category } in &self.batches {
            [reached, complaints, category]
                .iter()
                .for_each(|count| bytes.extend_from_slice(&count.to_be_bytes()));
        }
    }
}

impl Batch {
    /// How many bad and good observations it has of `signal`, if it has any.
    fn of(&self, signal: Signal) -> Option<(u32, u32)> {
        let bad = match signal {
            Signal::Feedback => self.complaints,
            Signal::Category => self.category,
            _ => return None,
        };
        Some((bad, self.reached.saturating_sub(bad)))
    }
}
