//! The keys of stamps, one a day.
//!
//! ```text
//! value of day d ──"day key"──► key of day d
//!        │
//!        └──────"next day"────► value of day d + 1 ──► …
//! ```
//!
//! There is no way back. Only the value of the oldest day whose messages can still be reported is kept; it is
//! overwritten by its successor, and then nobody can prove any more what was said on that day, nor to whom.

use std::collections::VecDeque;
use std::fmt;

use bulla_base::{Address, Category, Day, Rng, Timestamp};
use zeroize::Zeroizing;

use crate::byte_reader::ByteReader;
use crate::error::at_most;
use crate::limits::{MAX_DAYS_FORWARD, STAMP_KEY_DAYS};
use crate::secret::Secret;
use crate::{Acceptance, InvalidForm, Stamp};

const KEY: &[u8] = b"bulla integrity stamp key of a day";
const NEXT: &[u8] = b"bulla integrity stamp keys, next day";
const STAMP: &[u8] = b"bulla/franking-stamp/v1";
const FORM: u8 = 1;

/// The keys with which the carrier stamps what it accepts: of today and of the [`STAMP_KEY_DAYS`] before.
///
/// # Security
/// Whoever has them can make stamps. They are wiped when they are dropped or their day is over, and do not
/// print. A copy of the stored form can make the keys of its oldest day and of all after it: keep it where
/// the copies of the store are not, or what is destroyed here can be made again from a backup.
#[derive(Clone)]
pub struct StampKeys {
    /// The oldest day that has a key.
    first: Day,
    value: Secret,
    /// The keys of `first` and of the days after it, without a gap, to the newest that was asked for.
    keys: VecDeque<Secret>,
    /// The value of the day after the last of `keys`.
    tip: Secret,
}

impl StampKeys {
    /// New keys, for what is accepted from `today` on.
    #[must_use]
    pub fn new(today: Day, rng: &dyn Rng) -> Self {
        Self::resume(today, Secret::draw(rng))
    }

    fn resume(first: Day, value: Secret) -> Self {
        Self { first, tip: value.clone(), value, keys: VecDeque::new() }
    }

    /// Reads what [`StampKeys::to_bytes`] wrote. Before the first stamp, [`advance`](Self::advance) it.
    ///
    /// # Errors
    /// When the bytes are not of that form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidForm> {
        let mut reader = ByteReader::new(bytes, "stamp keys");
        reader.form(FORM)?;
        let (first, value) = (Day::from_number(reader.u32()?), Zeroizing::new(reader.array()?));
        reader.end()?;
        Ok(Self::resume(first, Secret::new(&value)))
    }

    /// What is to be stored, in place of what was stored before: 37 bytes. It changes once a day.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([&[FORM][..], &self.first.number().to_be_bytes(), self.value.expose()].concat())
    }

    /// Goes on to `today`: makes its key, and destroys those of the days that can be reported no more.
    /// Returns whether any was: then [`to_bytes`](Self::to_bytes) is to be stored before the keys count as
    /// destroyed. A clock that goes back changes nothing.
    ///
    /// # Errors
    /// When `today` is more than [`MAX_DAYS_FORWARD`] after the last day. A clock that is that wrong must not
    /// destroy every key.
    pub fn advance(&mut self, today: Day) -> Result<bool, InvalidForm> {
        let newest = self.first.number().saturating_add(u32::try_from(self.keys.len()).unwrap_or(u32::MAX));
        let forward = today.number().saturating_sub(newest);
        at_most("days forward", u64::from(MAX_DAYS_FORWARD), u64::from(forward))?;
        let oldest = today.minus(STAMP_KEY_DAYS);
        let destroys = self.first < oldest;
        while self.first < oldest {
            self.value = self.value.derive(NEXT);
            self.first = Day::from_number(self.first.number().saturating_add(1));
            // No key was made yet, so that the tip is the value itself and goes on with it.
            if self.keys.pop_front().is_none() {
                self.tip = self.value.clone();
            }
        }
        while self.place(today).is_some_and(|place| place >= self.keys.len()) {
            self.keys.push_back(self.tip.derive(KEY));
            self.tip = self.tip.derive(NEXT);
        }
        Ok(destroys)
    }

    /// Stamps what is accepted `now`; nothing when there is no key for the day, because
    /// [`advance`](Self::advance) was not called on it, or because it is before the first.
    ///
    /// # Cost
    /// One HMAC over some 130 bytes. Nothing is kept.
    #[must_use]
    pub fn stamp(&self, accepted: &Acceptance, now: Timestamp) -> Option<Stamp> {
        let code = self.code(accepted, now)?;
        Some(Stamp::new(now.day(), now, code))
    }

    /// Whether `stamp` was made here for `accepted`; nothing when the key of its day was destroyed.
    #[must_use]
    pub fn verify(&self, accepted: &Acceptance, stamp: &Stamp) -> Option<bool> {
        Some(stamp.has_code(&self.code(accepted, stamp.accepted())?))
    }

    /// The oldest day that has a key.
    #[must_use]
    pub const fn first(&self) -> Day {
        self.first
    }

    /// Every field has a fixed length or its length before it, so that no two acceptances are the same bytes.
    fn code(&self, accepted: &Acceptance, at: Timestamp) -> Option<[u8; 32]> {
        let Acceptance { id, from, to, kind, category, commitment } = accepted;
        let (from, from_bytes) = address(from)?;
        let (to, to_bytes) = address(to)?;
        let category = category.map_or(0, |category| u32::from(Category::code(category)));
        Some(self.keys.get(self.place(at.day())?)?.mac(&[
            STAMP,
            &at.day().number().to_be_bytes(),
            id.as_bytes(),
            &[from_bytes],
            &from,
            &[to_bytes],
            &to,
            &kind.to_be_bytes(),
            &category.to_be_bytes(),
            &at.as_millis().to_be_bytes(),
            commitment,
        ]))
    }

    fn place(&self, day: Day) -> Option<usize> {
        usize::try_from(day.number().checked_sub(self.first.number())?).ok()
    }
}

/// An address and its length, which is 17 at most.
fn address(address: &Address) -> Option<(Vec<u8>, u8)> {
    let bytes = address.to_bytes();
    let length = u8::try_from(bytes.len()).ok()?;
    Some((bytes, length))
}

impl fmt::Debug for StampKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, value: _, keys, tip: _ } = self;
        (f.debug_struct("StampKeys").field("first", first).field("days", &keys.len())).finish_non_exhaustive()
    }
}
