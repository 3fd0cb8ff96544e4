//! How many users a business writes to outside their windows in a moving 24 hours, exactly.

mod counted_user;
mod ring;
mod tag_index;
mod tag_keys;

use std::fmt;
use std::time::Duration;

use bulla_base::{HASHING_STACK_BYTES, Rng, Timestamp, without_trace};
use zeroize::Zeroizing;

pub use self::counted_user::CountedUser;
use self::ring::{Entry, Ring};
use self::tag_index::TagIndex;
use self::tag_keys::TagKeys;
use crate::InvalidForm;
use crate::byte_reader::ByteReader;
use crate::error::at_most;
use crate::limits::MAX_RECIPIENTS;

/// How long a user counts after the last message outside a window.
pub const LIMIT_PERIOD: Duration = Duration::from_secs(24 * 3600);

const FORM: u8 = 1;

/// The users that a business has written to in the last [`LIMIT_PERIOD`], by keyed tags: no number is among
/// them, and the key of a tag is destroyed within 48 hours after it was drawn.
///
/// Who is about to be written to is counted first, and then the message goes or does not: however many are
/// under way at once, there are never more than may be.
///
/// ```text
/// reserve ──► counts ──► commit     counts for 24 hours from then
///                  ├───► release    does not count, if nothing else was sent
///                  └───► (24 hours) lapses: whoever held it is not heard from any more
/// ```
///
/// # Cost
/// Some 36 bytes a user. A call takes one HMAC, and another while there is somebody who was written to under
/// the key before and the user is not known under that of now.
pub struct Recipients {
    keys: TagKeys,
    index: TagIndex,
    ring: Ring,
    latest: Timestamp,
}

/// A user that counts because a message is under way.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the user counts until it is released"]
pub struct Reservation {
    place: u32,
    at: Timestamp,
    is_new: bool,
    tag: u64,
    /// The tag under which the user may still be stored.
    tag_before: Option<u64>,
}

impl Reservation {
    /// Whether the user did not count before: the business has not written there for a day.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.is_new
    }

    /// What is to be stored with the message, so that its user is [counted](Recipients::recount) although
    /// whoever counts them has died before all of them were stored.
    #[must_use]
    pub const fn counted_user(&self) -> CountedUser {
        CountedUser::new(self.at, self.tag, self.tag_before)
    }
}

impl Recipients {
    /// Nobody.
    #[must_use]
    pub fn new(now: Timestamp, rng: &dyn Rng) -> Self {
        Self { keys: TagKeys::new(now, rng), index: TagIndex::new(), ring: Ring::new(), latest: now }
    }

    /// Reads what [`Recipients::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the bytes are not of that form, or the users more than [`MAX_RECIPIENTS`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidForm> {
        let field = |expected| InvalidForm::Field { field: "recipients", expected };
        let mut reader = ByteReader::new(bytes, "recipients");
        reader.form(FORM)?;
        let latest = Timestamp::from_millis(reader.u64()?);
        let keys = TagKeys::read(&mut reader)?;
        let count = reader.u32()?;
        at_most("recipients", u64::from(MAX_RECIPIENTS), u64::from(count))?;
        let records = reader.records::<12>(usize::try_from(count).unwrap_or(usize::MAX))?;
        reader.end()?;
        let mut read = Self { keys, index: TagIndex::new(), ring: Ring::new(), latest };
        let mut before = 0;
        for record in records {
            let [a, b, c, d, e, f, g, h, at @ ..] = *record;
            let (tag, at) = (u64::from_be_bytes([a, b, c, d, e, f, g, h]), u32::from_be_bytes(at));
            if at < before || read.index.find(tag, &read.ring).is_some() {
                return Err(field("users in the order of their times, and each once"));
            }
            before = at;
            let place = read.ring.push(Entry::committed(tag, at));
            read.index.insert(tag, place, &read.ring);
        }
        Ok(read)
    }

    /// What is to be stored, so that a restart is no way around the limit. Who is reserved alone is not in
    /// it: they are stored [with their message](Reservation::counted_user), or were not written to. It holds
    /// keys; what was stored before is to be overwritten.
    ///
    /// # Cost
    /// 12 bytes a user, and some 80.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(100 + self.len() * 12));
        bytes.push(FORM);
        bytes.extend_from_slice(&self.latest.as_millis().to_be_bytes());
        self.keys.write(&mut bytes);
        let committed = || self.ring.iter().filter(|entry| entry.is_committed);
        bytes.extend_from_slice(&u32::try_from(committed().count()).unwrap_or(u32::MAX).to_be_bytes());
        for entry in committed() {
            bytes.extend_from_slice(&entry.tag.to_be_bytes());
            bytes.extend_from_slice(&entry.at.to_be_bytes());
        }
        bytes
    }

    /// Counts `user`, who is to be written to `now`, if no more than `limit` users count then. Who counts
    /// already is always within it.
    ///
    /// # Errors
    /// How long to wait until somebody does not count any more.
    pub fn reserve(
        &mut self,
        user: &[u8],
        limit: Option<u32>,
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<Reservation, Duration> {
        let now = self.go_on(now, rng);
        let (tag, known) = self.find(user);
        let at = self.keys.moment(now);
        if let Some(place) = known {
            // Who was written to last under the key before may be stored so.
            let was_before = self.ring.moment(place).is_some_and(|at| !self.keys.is_moment_of_this_epoch(at));
            let tag_before = if was_before { self.tag_before(user) } else { None };
            self.ring.reserve(place, at);
            return Ok(Reservation { place, at: now, is_new: false, tag, tag_before });
        }
        let limit = limit.unwrap_or(MAX_RECIPIENTS).min(MAX_RECIPIENTS);
        if let Some(over) = self.len().checked_sub(usize::try_from(limit).unwrap_or(usize::MAX)) {
            let until =
                self.ring.iter().nth(over).map(|entry| self.keys.timestamp(entry.at).after(LIMIT_PERIOD));
            return Err(until.map_or(LIMIT_PERIOD, |until| until.since(now)));
        }
        let place = self.ring.push(Entry::reserved(tag, at));
        self.index.insert(tag, place, &self.ring);
        Ok(Reservation { place, at: now, is_new: true, tag, tag_before: None })
    }

    /// The message to `user` went: they count for [`LIMIT_PERIOD`] from now. Returns whether the reservation
    /// held; after that time it has lapsed.
    pub fn commit(&mut self, user: &[u8], reservation: Reservation, now: Timestamp, rng: &dyn Rng) -> bool {
        let now = self.go_on(now, rng);
        let holds = now < reservation.at.after(LIMIT_PERIOD);
        if holds {
            // Who counts from now on must be found for as long: the key of an earlier tag goes before.
            if !self.keys.is_of_this_epoch(reservation.at) {
                let _ = self.find(user);
            }
            self.ring.commit(reservation.place, self.keys.moment(now));
        }
        holds
    }

    /// The message did not go: its user counts as before, or not at all.
    pub fn release(&mut self, reservation: Reservation, now: Timestamp, rng: &dyn Rng) {
        let now = self.go_on(now, rng);
        if now < reservation.at.after(LIMIT_PERIOD) && self.ring.release(reservation.place) {
            self.remove(reservation.place);
        }
    }

    /// Counts a user who was [counted](Reservation::counted_user) and stored apart, after all that was stored
    /// together. Returns whether they did not count yet.
    ///
    /// Who stands there already counts for no less than before; what is over, or was counted under a key that
    /// is gone, is nobody.
    pub fn recount(&mut self, counted: CountedUser, now: Timestamp, rng: &dyn Rng) -> bool {
        let now = self.go_on(now, rng);
        let at = counted.at().min(now);
        if !self.keys.reaches(at) || now >= at.after(LIMIT_PERIOD) {
            return false;
        }
        let before = counted.tag_before().and_then(|before| self.index.find(before, &self.ring));
        if let Some(place) = before {
            self.retag(place, counted.tag());
        }
        // The ring is in the order of its moments.
        let newest = self.ring.newest_moment().unwrap_or_default();
        let moment = self.keys.moment(at).max(newest);
        let known = self.index.find(counted.tag(), &self.ring);
        match known {
            Some(place) if self.ring.moment(place).is_some_and(|known| known < self.keys.moment(at)) => {
                self.ring.count_again(place, moment);
            }
            Some(_) => {}
            None => {
                let place = self.ring.push(Entry::committed(counted.tag(), moment));
                self.index.insert(counted.tag(), place, &self.ring);
            }
        }
        known.is_none()
    }

    /// Since when the key of tags is that of now, as of the last call. Before anybody is stored apart who is
    /// counted under it, what [`to_bytes`](Self::to_bytes) gives must be, for it holds the key.
    #[must_use]
    pub fn epoch(&self) -> Timestamp {
        self.keys.epoch()
    }

    /// Whether `user` counts: the business has written there in the last 24 hours.
    pub fn contains(&mut self, user: &[u8], now: Timestamp, rng: &dyn Rng) -> bool {
        let _ = self.go_on(now, rng);
        !self.is_empty() && self.find(user).1.is_some()
    }

    /// Forgets who `user` is. If a message is under way, somebody still counts until it has gone or not.
    pub fn erase(&mut self, user: &[u8], now: Timestamp, rng: &dyn Rng) {
        let _ = self.go_on(now, rng);
        // Under the key before as well, if they were stored under both.
        while let Some(place) = self.find(user).1 {
            let anonymous = self.keys.anonymous(rng);
            self.retag(place, anonymous);
            if self.ring.is_settled(place) {
                self.remove(place);
            }
        }
    }

    /// How many users count, as of the last call.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether nobody does.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ring.len() == 0
    }

    /// How many bytes it takes, besides itself.
    #[must_use]
    pub const fn memory(&self) -> usize {
        self.index.memory() + self.ring.memory()
    }

    /// Forgets who does not count any more, and the keys whose time is over, and gives back what that took.
    /// To be called now and then for whoever is silent: else the keys of the last day stay.
    pub fn sweep(&mut self, now: Timestamp, rng: &dyn Rng) {
        let _ = self.go_on(now, rng);
        if self.ring.len() == 0 {
            (self.index, self.ring) = (TagIndex::new(), Ring::new());
        }
    }

    /// Moves on to `now`, or stays when the clock went back: time does not run twice.
    fn go_on(&mut self, now: Timestamp, rng: &dyn Rng) -> Timestamp {
        let now = now.max(self.latest);
        self.latest = now;
        let over = self.keys.moment(now.before(LIMIT_PERIOD));
        let reaches = self.keys.reaches(now.before(LIMIT_PERIOD));
        while let Some((place, entry)) = self.ring.first().filter(|(_, entry)| reaches && entry.at <= over) {
            if entry.is_committed && entry.pending > 0 {
                // A message is under way to somebody who was written to before: counts until it has gone.
                self.ring.renew(place, self.keys.moment(now));
            } else {
                self.remove(place);
            }
        }
        if let Some(moved) = self.keys.go_on(now, rng) {
            self.ring.shift(moved);
        }
        now
    }

    /// The tag of `user` now, and where they stand. A tag of the last epoch becomes one of this.
    fn find(&mut self, user: &[u8]) -> (u64, Option<u32>) {
        let (tag, before) = without_trace::<HASHING_STACK_BYTES, _>(|| {
            let tag = self.keys.tag(user);
            match self.index.find(tag, &self.ring) {
                Some(place) => (tag, Some((place, false))),
                None => {
                    // The oldest is the first that may stand under the key before.
                    let oldest = self.ring.first().map(|(_, entry)| entry.at);
                    let is_new = oldest.is_none_or(|at| self.keys.is_moment_of_this_epoch(at));
                    let before = if is_new { None } else { self.keys.tag_before(user) };
                    let place = before.and_then(|before| self.index.find(before, &self.ring));
                    (tag, place.map(|place| (place, true)))
                }
            }
        });
        if let Some((place, true)) = before {
            self.retag(place, tag);
        }
        (tag, before.map(|(place, _)| place))
    }

    fn tag_before(&self, user: &[u8]) -> Option<u64> {
        without_trace::<HASHING_STACK_BYTES, _>(|| self.keys.tag_before(user))
    }

    fn retag(&mut self, place: u32, tag: u64) {
        self.index.remove(place, &self.ring);
        self.ring.retag(place, tag);
        self.index.insert(tag, place, &self.ring);
    }

    fn remove(&mut self, place: u32) {
        self.index.remove(place, &self.ring);
        self.ring.remove(place);
    }
}

impl fmt::Debug for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipients").field("len", &self.len()).finish_non_exhaustive()
    }
}
