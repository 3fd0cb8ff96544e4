//! Whom a business has to do with: by keyed tags, of which none can be made anew after 48 hours.

use std::time::Duration;

use bulla_base::{Partition, Rng, Timestamp};
use bulla_integrity::{Recipients, Reservation};
use bulla_store::{Batch, MAX_VALUE_BYTES, Retention, StoreError};
use bytes::Bytes;

use super::watched::DAMAGED;
use crate::limits::MET_FOR;
use crate::store_layout::{MET_KINDS, met};

/// The rows of each kind of people.
pub(super) type Rows = [Vec<Bytes>; MET_KINDS];

/// What keeps each kind of people, and in how many rows: a million of one kind take a batch of their own.
pub(super) type Puts = [(Batch, u8); MET_KINDS];

/// Three kinds of people, each of the last 24 hours.
pub(super) struct Contacts {
    /// Who has written to the business: their windows are open.
    wrote: Recipients,
    /// Whom it has written to outside a window. They count for its limit.
    reached: Recipients,
    /// Whom it wanted to write to, and who are not there.
    missing: Recipients,
    /// In how many rows of the store each kind stands.
    rows: [u8; MET_KINDS],
}

impl Contacts {
    /// Reads what was [put](Self::put); without rows there is nobody.
    pub(super) fn read(rows: &Rows, now: Timestamp, rng: &dyn Rng) -> Result<Self, StoreError> {
        let read = |rows: &[Bytes]| match rows {
            [] => Ok(Recipients::new(now, rng)),
            rows => Recipients::from_bytes(&rows.concat()).map_err(|_| DAMAGED),
        };
        let counts = rows.each_ref().map(|rows| u8::try_from(rows.len()).unwrap_or(u8::MAX));
        let [wrote, reached, missing] = rows;
        Ok(Self { wrote: read(wrote)?, reached: read(reached)?, missing: read(missing)?, rows: counts })
    }

    /// Whether `user` has written in the last 24 hours.
    pub(super) fn has_window(&mut self, user: Partition, now: Timestamp, rng: &dyn Rng) -> bool {
        self.wrote.contains(user.as_bytes(), now, rng)
    }

    /// Counts a user who is about to be written to outside a window.
    pub(super) fn reserve(
        &mut self,
        user: Partition,
        limit: Option<u32>,
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<Reservation, Duration> {
        self.reached.reserve(user.as_bytes(), limit, now, rng)
    }

    /// The message to `user` went, or did not.
    pub(super) fn settle(
        &mut self,
        user: Partition,
        reservation: Reservation,
        went: bool,
        now: Timestamp,
        rng: &dyn Rng,
    ) {
        match went {
            true => drop(self.reached.commit(user.as_bytes(), reservation, now, rng)),
            false => self.reached.release(reservation, now, rng),
        }
    }

    /// How many users count.
    pub(super) fn reached(&self) -> usize {
        self.reached.len()
    }

    /// `user` has written.
    pub(super) fn note_wrote(&mut self, user: Partition, now: Timestamp, rng: &dyn Rng) {
        note(&mut self.wrote, user, now, rng);
    }

    /// `user` is not there. Whether that was not known.
    pub(super) fn note_missing(&mut self, user: Partition, now: Timestamp, rng: &dyn Rng) -> bool {
        note(&mut self.missing, user, now, rng)
    }

    /// Forgets `user`. Whether anything was known of them.
    pub(super) fn forget(&mut self, user: Partition, now: Timestamp, rng: &dyn Rng) -> bool {
        let mut was_known = false;
        for people in self.all_mut() {
            was_known |= people.contains(user.as_bytes(), now, rng);
            people.erase(user.as_bytes(), now, rng);
        }
        was_known
    }

    /// Lets go of who does not count any more. Whether rows are left of kinds of whom there is nobody.
    pub(super) fn sweep(&mut self, now: Timestamp, rng: &dyn Rng) -> bool {
        self.all_mut().into_iter().for_each(|people| people.sweep(now, rng));
        self.all().into_iter().zip(self.rows).any(|(people, rows)| people.is_empty() && rows > 0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all().into_iter().all(Recipients::is_empty)
    }

    /// Whether something of them stands in the store.
    pub(super) fn is_stored(&self) -> bool {
        self.rows.iter().any(|rows| *rows > 0)
    }

    /// Puts each kind of them into a batch of `partition`. To be [told](Self::stored) when it is there.
    pub(super) fn put(&self, partition: Partition, now: Timestamp) -> Puts {
        let put = |kind, people, rows_before| put(partition, (kind, people), rows_before, now);
        let [wrote, reached, missing] = self.all();
        let [of_wrote, of_reached, of_missing] = self.rows;
        [put(0, wrote, of_wrote), put(1, reached, of_reached), put(2, missing, of_missing)]
    }

    /// What was put of one kind is in the store.
    pub(super) fn stored(&mut self, kind: usize, rows: u8) {
        if let Some(before) = self.rows.get_mut(kind) {
            *before = rows;
        }
    }

    const fn all(&self) -> [&Recipients; MET_KINDS] {
        [&self.wrote, &self.reached, &self.missing]
    }

    const fn all_mut(&mut self) -> [&mut Recipients; MET_KINDS] {
        [&mut self.wrote, &mut self.reached, &mut self.missing]
    }
}

/// A batch that keeps one kind of people, who stood in so many rows before, and in how many they stand then.
fn put(
    partition: Partition,
    (kind, people): (u8, &Recipients),
    rows_before: u8,
    now: Timestamp,
) -> (Batch, u8) {
    // A span as short as that is one.
    let expiry = Retention::new(MET_FOR).unwrap_or(Retention::LONGEST).from(now);
    let (mut batch, bytes, mut rows) = (Batch::new(partition), people.to_bytes(), 0);
    // Of nobody there is nothing to be kept.
    for chunk in bytes.chunks(MAX_VALUE_BYTES).filter(|_| !people.is_empty()) {
        batch.put_until(met(kind, rows), chunk.to_vec(), expiry);
        rows = rows.saturating_add(1);
    }
    (rows..rows_before).for_each(|row| batch.delete(met(kind, row)));
    (batch, rows)
}

/// Whether `user` was not among the people. One more than can be counted is taken for new.
fn note(people: &mut Recipients, user: Partition, now: Timestamp, rng: &dyn Rng) -> bool {
    match people.reserve(user.as_bytes(), None, now, rng) {
        Ok(reservation) => {
            let is_new = reservation.is_new();
            people.commit(user.as_bytes(), reservation, now, rng);
            is_new
        }
        Err(_) => true,
    }
}
