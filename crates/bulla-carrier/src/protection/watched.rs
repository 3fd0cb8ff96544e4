use bulla_base::{Partition, Rng, Timestamp};
use bulla_integrity::{EnforcementEvent, Observation, Recipients, Refused, Rung, Standing};
use bulla_store::{Batch, MAX_VALUE_BYTES, Retention, StoreError};
use bulla_transport::{Restriction, TransportError};
use bytes::Bytes;

use crate::limits::MET_FOR;
use crate::store_layout::{enforcement, met, standing};

pub(super) const DAMAGED: StoreError = StoreError::Damaged { what: "standing of a business" };

/// A message that a business is about to send.
pub(super) struct Sent {
    pub(super) user: Partition,
    pub(super) is_template: bool,
    pub(super) neighbourhood: u64,
}

/// What was put into a batch.
pub(crate) struct Put {
    events: usize,
    /// The changes up to which all is in it, and in how many rows stands whom the business has met.
    all: Option<(u64, u8)>,
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
    /// When somebody has looked at it last.
    pub(super) used: Timestamp,
    /// How often it has changed, and how often it had when all of it was written down.
    changes: u64,
    written: u64,
}

impl Watched {
    /// Reads what was [put](Self::put_all), or begins.
    pub(super) fn read(
        partition: Partition,
        stored: Option<&[u8]>,
        rows: &[Bytes],
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<Self, StoreError> {
        let (next_event, standing) = match stored {
            Some(stored) => {
                let (next_event, standing) = split(stored)?;
                (next_event, Standing::from_bytes(standing).map_err(|_| DAMAGED)?)
            }
            None => (0, Standing::new(now)),
        };
        let met = match rows {
            [] => Recipients::new(now, rng),
            rows => Recipients::from_bytes(&rows.concat()).map_err(|_| DAMAGED)?,
        };
        let met_rows = u8::try_from(rows.len()).unwrap_or(u8::MAX);
        let (events, used, changes, written) = (Vec::new(), now, 0, 0);
        Ok(Self { partition, standing, met, met_rows, events, next_event, used, changes, written })
    }

    /// Whether the business may write now; then it does.
    pub(super) fn business_writes(
        &mut self,
        sent: &Sent,
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<(), TransportError> {
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
        admitted.map_err(|refused| self.refusal(refused))?;
        let Sent { is_template, neighbourhood, .. } = *sent;
        self.note(Observation::Sent { to_new_user, is_template, neighbourhood }, now);
        // It is there for somebody who is: whether their device is on says nothing of the business.
        self.note(Observation::Delivered, now);
        Ok(())
    }

    /// Whether the business may write now what it has written before.
    pub(super) fn business_repeats(&mut self, now: Timestamp) -> Result<(), TransportError> {
        self.standing.admit(false, now).map_err(|refused| self.refusal(refused))
    }

    /// Whether a user may write to the business now; then they have met, unless that was so before.
    pub(super) fn user_writes(
        &mut self,
        user: Partition,
        is_known: bool,
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<(), TransportError> {
        self.standing.admit_from_user(now).map_err(|refused| self.refusal(refused))?;
        if !is_known {
            self.meet(user, now, rng);
            self.note(Observation::Replied, now);
        }
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
        self.changes += 1;
        match self.met.reserve(user.as_bytes(), None, now, rng) {
            Ok(reservation) => {
                let is_new = reservation.is_new();
                self.met.commit(user.as_bytes(), reservation, now, rng);
                is_new
            }
            Err(_) => true,
        }
    }

    pub(super) fn note(&mut self, seen: Observation, now: Timestamp) {
        self.changes += 1;
        let event = self.standing.note(seen, now);
        self.events.extend(event);
    }

    /// Somebody has found out who the business is.
    pub(super) fn verify(&mut self) {
        self.changes += 1;
        self.standing.verify();
    }

    /// Takes note of what was done about it otherwise.
    pub(super) fn enforce(&mut self, event: Option<EnforcementEvent>) -> bool {
        let has_come = event.is_some();
        self.changes += 1;
        self.events.extend(event);
        has_come
    }

    /// Whether anything was known of them, or may still be in the store.
    pub(super) fn forget_user(&mut self, user: Partition, now: Timestamp, rng: &dyn Rng) -> bool {
        let has_met = self.met.contains(user.as_bytes(), now, rng);
        self.met.erase(user.as_bytes(), now, rng);
        let has_complained = self.standing.forget_user(tag(user));
        self.changes += u64::from(has_met || has_complained);
        self.has_changed() || self.met_rows > 0
    }

    /// Lets go of what says nothing any more, and rates the quality.
    pub(super) fn sweep(&mut self, now: Timestamp, rng: &dyn Rng) {
        self.met.sweep(now, rng);
        let is_forgotten = self.met.is_empty() && self.met_rows > 0;
        let was = self.standing.quality();
        let event = self.standing.sweep(now);
        let is_rated = self.standing.rate(now).is_some();
        self.changes += u64::from(is_forgotten || event.is_some() || is_rated);
        self.events.extend(event);
        if is_rated {
            tracing::info!(was = was.name(), is = self.standing.quality().name(), "a business is rated anew");
        }
    }

    /// Whether nobody has looked at it since, all of it is written down, and it has met nobody for a day.
    pub(super) fn is_idle(&self, since: Timestamp) -> bool {
        self.used < since && self.met.is_empty() && !self.has_changed() && !self.has_events()
    }

    pub(super) const fn has_changed(&self) -> bool {
        self.changes != self.written
    }

    pub(super) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Puts how it stands into `batch`, and what was done about it.
    pub(super) fn put(&self, batch: &mut Batch) -> Put {
        let mut next = self.next_event;
        for event in &self.events {
            batch.put(enforcement(next), event.to_bytes());
            next = next.saturating_add(1);
        }
        batch.put(standing(), joined(next, &self.standing));
        Put { events: self.events.len(), all: None }
    }

    /// Puts whom it has met into `batch`, too.
    pub(super) fn put_all(&self, batch: &mut Batch, now: Timestamp) -> Put {
        let (bytes, mut rows) = (self.met.to_bytes(), 0);
        // A span as short as that is one.
        let expiry = Retention::new(MET_FOR).unwrap_or(Retention::LONGEST).from(now);
        // Of nobody there is nothing to be kept.
        for chunk in bytes.chunks(MAX_VALUE_BYTES).filter(|_| !self.met.is_empty()) {
            batch.put_until(met(rows), chunk.to_vec(), expiry);
            rows = rows.saturating_add(1);
        }
        (rows..self.met_rows).for_each(|row| batch.delete(met(row)));
        Put { all: Some((self.changes, rows)), ..self.put(batch) }
    }

    /// What was put is in the store.
    pub(super) fn kept(&mut self, put: Put) -> Vec<EnforcementEvent> {
        if let Some(all) = put.all {
            (self.written, self.met_rows) = all;
        }
        let kept: Vec<_> = self.events.drain(..put.events.min(self.events.len())).collect();
        let count = u32::try_from(kept.len()).unwrap_or(u32::MAX);
        self.next_event = self.next_event.saturating_add(count);
        kept
    }

    /// What the business hears, or who writes to it.
    fn refusal(&self, refused: Refused) -> TransportError {
        match refused {
            Refused::Pace { retry_after } => TransportError::TooFast { retry_after },
            // Nobody hears of it before it is in the store.
            _ if self.has_events() => TransportError::unavailable("it is being written down how it stands"),
            Refused::Restricted { rung, until } => {
                let restriction = match rung {
                    Rung::Stopped => Restriction::Stopped,
                    Rung::Paused => Restriction::Paused,
                    _ => Restriction::Limited,
                };
                TransportError::Restricted { restriction, until }
            }
            // A newer rule: what it does not say passes by waiting.
            _ => TransportError::Restricted { restriction: Restriction::Limited, until: None },
        }
    }
}

/// The number of the next event, and how the business stands.
pub(super) fn split(stored: &[u8]) -> Result<(u32, &[u8]), StoreError> {
    let (next_event, standing) = stored.split_first_chunk().ok_or(DAMAGED)?;
    Ok((u32::from_be_bytes(*next_event), standing))
}

/// What [`split`] reads.
pub(super) fn joined(next_event: u32, standing: &Standing) -> Vec<u8> {
    [&next_event.to_be_bytes()[..], &standing.to_bytes()].concat()
}

/// Eight bytes of a keyed tag are enough to tell a few hundred users apart.
pub(super) fn tag(partition: Partition) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *partition.as_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
