use bulla_base::{Partition, Rng, Timestamp};
use bulla_integrity::{EnforcementEvent, Observation, Recipients, Refused, Standing};
use bulla_store::{Batch, MAX_VALUE_BYTES, StoreError};
use bytes::Bytes;

use super::tag;
use crate::store_layout::{enforcement, met, standing};

/// A message that a business is about to send.
pub(super) struct Sent {
    pub(super) user: Partition,
    pub(super) is_template: bool,
    pub(super) neighbourhood: u64,
}

/// A business of which something was seen lately.
pub(super) struct Watched {
    pub(super) partition: Partition,
    pub(super) standing: Standing,
    /// Who has written to it or was written to in the last 24 hours, by keyed tags: to everybody else it
    /// writes for the first time.
    met: Recipients,
    /// In how many rows of the store they stand.
    met_rows: u8,
    /// What was done about it and is not in the store yet, and the number of the first of these.
    events: Vec<EnforcementEvent>,
    next_event: u32,
    last_seen: Timestamp,
    pub(super) is_changed: bool,
}

impl Watched {
    pub(super) fn new(partition: Partition, now: Timestamp, rng: &dyn Rng) -> Self {
        Self {
            partition,
            standing: Standing::new(now),
            met: Recipients::new(now, rng),
            met_rows: 0,
            events: Vec::new(),
            next_event: 0,
            last_seen: now,
            is_changed: true,
        }
    }

    /// Reads what was [put](Self::put), and in `rows` whom it has met.
    pub(super) fn read(
        partition: Partition,
        stored: &[u8],
        rows: &[Bytes],
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<Self, StoreError> {
        const DAMAGED: StoreError = StoreError::Damaged { what: "standing of a business" };
        let (next_event, standing) = stored.split_first_chunk().ok_or(DAMAGED)?;
        let met = match rows {
            [] => Recipients::new(now, rng),
            rows => Recipients::from_bytes(&rows.concat()).map_err(|_| DAMAGED)?,
        };
        Ok(Self {
            standing: Standing::from_bytes(standing).map_err(|_| DAMAGED)?,
            met,
            met_rows: u8::try_from(rows.len()).unwrap_or(u8::MAX),
            next_event: u32::from_be_bytes(*next_event),
            is_changed: false,
            ..Self::new(partition, now, rng)
        })
    }

    /// Whether the business may write now; then it does.
    pub(super) fn business_writes(
        &mut self,
        sent: &Sent,
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<(), Refused> {
        let user = sent.user.as_bytes();
        // Of one more than can be counted nobody knows whether it was met.
        let reserved = self.met.reserve(user, None, now, rng).ok();
        let to_new_user = reserved.as_ref().is_none_or(|reservation| reservation.is_new());
        let admitted = self.standing.admit(to_new_user, now);
        match (reserved, admitted) {
            (Some(reservation), Ok(())) => {
                self.met.commit(user, reservation, now, rng);
            }
            (Some(reservation), Err(_)) => self.met.release(reservation, now, rng),
            (None, _) => {}
        }
        admitted?;
        let Sent { is_template, neighbourhood, .. } = *sent;
        self.note(Observation::Sent { to_new_user, is_template, neighbourhood }, now);
        Ok(())
    }

    /// Whether a user may write to the business now; then they have met.
    pub(super) fn user_writes(
        &mut self,
        user: Partition,
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<(), Refused> {
        self.standing.admit_from_user(now)?;
        self.meet(user, now, rng);
        self.note(Observation::Replied, now);
        Ok(())
    }

    /// Takes note that a user whom the business has written to is not there; once a day of each.
    pub(super) fn note_unreachable(&mut self, user: Partition, now: Timestamp, rng: &dyn Rng) {
        if self.meet(user, now, rng) {
            self.note(Observation::Unreachable, now);
        }
    }

    /// Whether they had not met.
    fn meet(&mut self, user: Partition, now: Timestamp, rng: &dyn Rng) -> bool {
        match self.met.reserve(user.as_bytes(), None, now, rng) {
            Ok(reservation) => {
                let is_new = reservation.is_new();
                self.met.commit(user.as_bytes(), reservation, now, rng);
                self.is_changed = true;
                is_new
            }
            Err(_) => true,
        }
    }

    pub(super) fn note(&mut self, seen: Observation, now: Timestamp) {
        (self.last_seen, self.is_changed) = (now, true);
        let event = self.standing.note(seen, now);
        self.events.extend(event);
    }

    /// Takes note of what was done about it otherwise.
    pub(super) fn enforce(&mut self, event: Option<EnforcementEvent>) -> bool {
        let has_come = event.is_some();
        self.events.extend(event);
        has_come
    }

    /// Whether anything was known of them.
    pub(super) fn forget_user(&mut self, user: Partition, now: Timestamp, rng: &dyn Rng) -> bool {
        let has_met = self.met.contains(user.as_bytes(), now, rng);
        self.met.erase(user.as_bytes(), now, rng);
        let is_known = self.standing.forget_user(tag(user)) || has_met;
        self.is_changed |= is_known;
        is_known
    }

    /// Lets go of what says nothing any more, and rates the quality.
    pub(super) fn sweep(&mut self, now: Timestamp, rng: &dyn Rng) {
        self.met.sweep(now, rng);
        let was = self.standing.quality();
        let event = self.standing.sweep(now);
        self.is_changed |= event.is_some();
        self.events.extend(event);
        if self.standing.rate(now).is_some() {
            self.is_changed = true;
            tracing::info!(was = was.name(), is = self.standing.quality().name(), "a business is rated anew");
        }
    }

    /// Whether nothing was seen since, and it has met nobody for a day.
    pub(super) fn is_idle(&self, since: Timestamp) -> bool {
        self.last_seen < since && self.met.is_empty()
    }

    pub(super) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Puts how it stands into `batch`, and what was done about it. Returns how many events that is.
    pub(super) fn put(&self, batch: &mut Batch) -> usize {
        let mut next = self.next_event;
        for event in &self.events {
            batch.put(enforcement(next), event.to_bytes());
            next = next.saturating_add(1);
        }
        let value = [&next.to_be_bytes()[..], &self.standing.to_bytes()].concat();
        batch.put(standing(), value);
        self.events.len()
    }

    /// Puts whom it has met into `batch`.
    pub(super) fn put_met(&mut self, batch: &mut Batch) {
        let bytes = self.met.to_bytes();
        let mut rows = 0;
        // Of nobody there is nothing to be kept.
        for chunk in bytes.chunks(MAX_VALUE_BYTES).filter(|_| !self.met.is_empty()) {
            batch.put(met(rows), chunk.to_vec());
            rows = rows.saturating_add(1);
        }
        (rows..self.met_rows).for_each(|row| batch.delete(met(row)));
        (self.met_rows, self.is_changed) = (rows.max(self.met_rows), false);
    }

    /// So many events are in the store.
    pub(super) fn kept(&mut self, events: usize) -> Vec<EnforcementEvent> {
        let kept: Vec<_> = self.events.drain(..events.min(self.events.len())).collect();
        let count = u32::try_from(kept.len()).unwrap_or(u32::MAX);
        self.next_event = self.next_event.saturating_add(count);
        kept
    }
}
