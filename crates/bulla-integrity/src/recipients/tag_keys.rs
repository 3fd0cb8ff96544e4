//! The keys of tags: one for every 24 hours, of which two live.

use bulla_base::{Rng, Timestamp};
use zeroize::Zeroizing;

use crate::InvalidForm;
use crate::byte_reader::ByteReader;
use crate::limits::TAG_EPOCH;
use crate::secret::Secret;

pub(super) struct TagKeys {
    /// When the epoch before this one began: moments are counted from there.
    base: Timestamp,
    before: Option<Secret>,
    now: Secret,
}

impl TagKeys {
    pub(super) fn new(now: Timestamp, rng: &dyn Rng) -> Self {
        Self { base: now.before(TAG_EPOCH), before: None, now: Secret::draw(rng) }
    }

    pub(super) fn read(reader: &mut ByteReader<'_>) -> Result<Self, InvalidForm> {
        let base = Timestamp::from_millis(reader.u64()?);
        let now = Zeroizing::new(reader.array()?);
        let before = match reader.u8()? {
            0 => None,
            1 => Some(Secret::new(&Zeroizing::new(reader.array()?))),
            _ => return Err(InvalidForm::Field { field: "tag keys", expected: "one or two keys" }),
        };
        Ok(Self { base, before, now: Secret::new(&now) })
    }

    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.base.as_millis().to_be_bytes());
        bytes.extend_from_slice(self.now.expose());
        bytes.push(u8::from(self.before.is_some()));
        if let Some(before) = &self.before {
            bytes.extend_from_slice(before.expose());
        }
    }

    /// Goes on to the epoch of `now`: the key before the last is destroyed. Returns by how many milliseconds
    /// moments have moved.
    pub(super) fn go_on(&mut self, now: Timestamp, rng: &dyn Rng) -> Option<u32> {
        let epoch = u64::try_from(TAG_EPOCH.as_millis()).unwrap_or(u64::MAX);
        let over = now.as_millis().saturating_sub(self.base.as_millis()) / epoch;
        let epochs = over.checked_sub(1).filter(|epochs| *epochs > 0)?;
        let last = std::mem::replace(&mut self.now, Secret::draw(rng));
        self.before = (epochs == 1).then_some(last);
        let moved = epochs.saturating_mul(epoch);
        self.base = Timestamp::from_millis(self.base.as_millis().saturating_add(moved));
        Some(u32::try_from(moved).unwrap_or(u32::MAX))
    }

    pub(super) fn tag(&self, user: &[u8]) -> u64 {
        self.now.tag(user)
    }

    pub(super) fn tag_before(&self, user: &[u8]) -> Option<u64> {
        self.before.as_ref().map(|before| before.tag(user))
    }

    /// A tag of nobody.
    pub(super) fn anonymous(&self, rng: &dyn Rng) -> u64 {
        let mut nobody = [0; 32];
        rng.fill(&mut nobody);
        self.tag(&nobody)
    }

    /// Milliseconds since the base. Two epochs are far below 2³².
    pub(super) fn moment(&self, at: Timestamp) -> u32 {
        u32::try_from(at.as_millis().saturating_sub(self.base.as_millis())).unwrap_or(u32::MAX)
    }

    /// When the epoch began whose key is that of now.
    pub(super) fn epoch(&self) -> Timestamp {
        self.base.after(TAG_EPOCH)
    }

    /// Whether tags made at `at` were made under the key of now.
    pub(super) fn is_of_this_epoch(&self, at: Timestamp) -> bool {
        at >= self.epoch()
    }

    /// The same of a moment.
    pub(super) fn is_moment_of_this_epoch(&self, moment: u32) -> bool {
        self.is_of_this_epoch(self.timestamp(moment))
    }

    /// Whether `at` is not before all that is counted from.
    pub(super) fn reaches(&self, at: Timestamp) -> bool {
        at >= self.base
    }

    pub(super) const fn timestamp(&self, moment: u32) -> Timestamp {
        Timestamp::from_millis(self.base.as_millis().saturating_add(moment as u64))
    }
}
