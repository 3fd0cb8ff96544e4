//! Whom a business has to do with: by keyed tags, of which none can be made anew after 48 hours.

use std::time::Duration;

use bulla_base::{Partition, PhoneNumberId, Rng, Timestamp};
use bulla_integrity::{CountedUser, Recipients, Reservation};
use bulla_store::{Batch, MAX_VALUE_BYTES, Retention, StoreError};
use bytes::Bytes;

use super::tiers::Tiers;
use super::watched::DAMAGED;
use crate::limits::{MAX_REACHED_APART, MET_FOR};
use crate::store_layout::{self, MET_KINDS, MET_REACHED, met};

/// The rows of each kind of people.
pub(super) type Rows = [Vec<Bytes>; MET_KINDS];

/// What keeps one kind of people: a million of one kind take a batch of their own.
pub(super) struct KindPut {
    pub(super) kind: usize,
    pub(super) batch: Option<Batch>,
    rows: u8,
    /// How many of those who stood apart it has, and since when the key is that of now under which they
    /// stand.
    apart: usize,
    epoch: Option<Timestamp>,
    /// The tier that is in the batch as well.
    pub(super) tiers: Option<Tiers>,
}

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
    /// Who of the reached stands in the store with their message, and not in these rows.
    apart: Vec<CountedUser>,
    /// Since when the key was that of now under which the rows of the reached were written.
    stored_epoch: Option<Timestamp>,
}

impl Contacts {
    /// Reads what was [put](Self::put); without rows there is nobody. Whom of `apart` nobody counted before.
    pub(super) fn read(
        rows: &Rows,
        apart: Vec<CountedUser>,
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<(Self, usize), StoreError> {
        let read = |rows: &[Bytes]| match rows {
            [] => Ok(Recipients::new(now, rng)),
            rows => Recipients::from_bytes(&rows.concat()).map_err(|_| DAMAGED),
        };
        let counts = rows.each_ref().map(|rows| u8::try_from(rows.len()).unwrap_or(u8::MAX));
        let [wrote, reached, missing] = rows;
        let (has_keys, mut reached) = (!reached.is_empty(), read(reached)?);
        let stored_epoch = has_keys.then(|| reached.epoch());
        // Without the key nobody is found under these tags any more.
        let counted = apart.iter().filter(|counted| has_keys && reached.recount(**counted, now, rng)).count();
        let (wrote, missing) = (read(wrote)?, read(missing)?);
        Ok((Self { wrote, reached, missing, rows: counts, apart, stored_epoch }, counted))
    }

    /// Whether the key under which users are counted `now` is in the store: a record with a tag of another
    /// would say nothing to whoever reads it.
    pub(super) fn has_stored_key(&mut self, now: Timestamp, rng: &dyn Rng) -> bool {
        self.reached.sweep(now, rng);
        self.stored_epoch == Some(self.reached.epoch())
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
            true => {
                self.apart.push(reservation.counted_user());
                let _ = self.reached.commit(user.as_bytes(), reservation, now, rng);
            }
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

    /// Lets go of who does not count any more. Whether rows are left of kinds of whom there is nobody, but
    /// for the key of a business that is `in_use`; or one with a key that is destroyed.
    pub(super) fn sweep(&mut self, in_use: bool, now: Timestamp, rng: &dyn Rng) -> bool {
        self.all_mut().into_iter().for_each(|people| people.sweep(now, rng));
        if self.stored_epoch.is_some_and(|stored| stored != self.reached.epoch()) {
            return true;
        }
        let mut all = self.all().into_iter().zip(self.rows).enumerate();
        all.any(|(kind, (people, rows))| rows > 0 && people.is_empty() && !(in_use && kind == MET_REACHED))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all().into_iter().all(Recipients::is_empty)
    }

    /// Whether something of them stands in the store.
    pub(super) fn is_stored(&self) -> bool {
        self.has_apart() || self.rows.iter().any(|rows| *rows > 0)
    }

    /// Whether the key of the tags of those who were written to first does, if not they themselves.
    pub(super) const fn has_reached_rows(&self) -> bool {
        let [_, reached, _] = self.rows;
        reached > 0
    }

    /// Whether somebody stands there with their message alone; and whether there are many of these.
    pub(super) const fn has_apart(&self) -> bool {
        !self.apart.is_empty()
    }

    pub(super) const fn has_many_apart(&self) -> bool {
        self.apart.len() >= MAX_REACHED_APART
    }

    /// Puts each kind of them into a batch of `partition`. To be [told](Self::stored) when it is there.
    pub(super) fn put(
        &self,
        (business, partition): (PhoneNumberId, Partition),
        in_use: bool,
        now: Timestamp,
    ) -> Vec<KindPut> {
        let [wrote, _, missing] = self.all();
        let [of_wrote, _, of_missing] = self.rows;
        let kind = |kind: u8, people: &Recipients, rows_before| {
            let (batch, rows) = put(partition, (kind, people), (rows_before, false), now);
            let kind = usize::from(kind);
            KindPut { kind, batch: Some(batch), rows, apart: 0, epoch: None, tiers: None }
        };
        vec![
            kind(0, wrote, of_wrote),
            self.put_reached((business, partition), in_use && self.has_reached_rows(), now),
            kind(2, missing, of_missing),
        ]
    }

    /// Puts those who were written to first, and the key of their tags if there is nobody as well. Who stood
    /// apart does so no more by the same record.
    pub(super) fn put_reached(
        &self,
        (business, partition): (PhoneNumberId, Partition),
        has_key: bool,
        now: Timestamp,
    ) -> KindPut {
        let [_, rows_before, _] = self.rows;
        let (mut batch, rows) = put(partition, (1, &self.reached), (rows_before, has_key), now);
        let apart = self.apart.len().min(MAX_REACHED_APART);
        let of_batch = self.apart.iter().take(apart);
        of_batch.for_each(|counted| batch.remove_counter(store_layout::reached(business, *counted)));
        let epoch = (rows > 0).then(|| self.reached.epoch());
        KindPut { kind: MET_REACHED, batch: Some(batch), rows, apart, epoch, tiers: None }
    }

    /// What was put of one kind is in the store.
    pub(super) fn stored(&mut self, put: &KindPut) {
        if let Some(before) = self.rows.get_mut(put.kind) {
            *before = put.rows;
        }
        if put.kind == MET_REACHED {
            self.apart.drain(..put.apart.min(self.apart.len()));
            self.stored_epoch = put.epoch;
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
    (rows_before, has_key): (u8, bool),
    now: Timestamp,
) -> (Batch, u8) {
    // A span as short as that is one.
    let expiry = Retention::new(MET_FOR).unwrap_or(Retention::LONGEST).from(now);
    let (mut batch, bytes, mut rows) = (Batch::new(partition), people.to_bytes(), 0);
    // Of nobody there is nothing to be kept but the key of those who come.
    for chunk in bytes.chunks(MAX_VALUE_BYTES).filter(|_| has_key || !people.is_empty()) {
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
