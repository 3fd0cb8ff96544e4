//! What the carrier's log of keys has said of one business.

use bulla_base::Timestamp;
use bulla_store::{Batch, Store, StoreError};
use bulla_transparency::{IdentityKey, KeyStatement, Sighting};

use crate::Endpoint;
use crate::store_layout::{LOGGED, only};

/// What the carrier's log of keys has said of a business so far, as one who knows its key reads it.
///
/// ```text
///   own key    as Signal writes it       33 bytes
///   stated     whether the log has it     1 byte    0 or 1
///   read       leaves of the log up to    8 bytes   u64, big-endian: behind the last one about the business
///              the last about it
///   foreign    the first that is not      9 bytes   0, or 1 (another key) or 2 (out of sequence), and its
///              the business's doing                 index; zeros if there is none
///   latest     the statement that holds  78 bytes   not there before the first
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedKeys {
    own: IdentityKey,
    is_stated: bool,
    read: u64,
    foreign: Option<Foreign>,
    latest: Option<KeyStatement>,
}

/// A leaf of the log about a business, which is not the business's doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Foreign {
    /// The index of the leaf, from 0 on: whoever has the log's leaves finds it there.
    pub leaf: u64,
    /// In what it is not.
    pub kind: ForeignKind,
}

/// In what a leaf about a business is not its doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForeignKind {
    /// It states another key than the business has, after its own was stated or would have to be.
    OtherKey,
    /// It does not follow from the statement before it: somebody may be shown it instead of the right one.
    OutOfSequence,
}

/// What a leaf about a business is, for counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It was judged before.
    Known,
    /// It states the business's own key.
    Own,
    /// It states another key, which was there before the business's own: that of an installation before.
    Past,
    /// It is not the business's doing.
    Foreign(Foreign),
}

impl LoggedKeys {
    /// Of a business with this key, of which nothing was read yet.
    pub(super) const fn unread(own: IdentityKey) -> Self {
        Self { own, is_stated: false, read: 0, foreign: None, latest: None }
    }

    /// The first leaf that is not the business's doing, if there is one.
    #[must_use]
    pub const fn foreign(&self) -> Option<Foreign> {
        self.foreign
    }

    pub(super) const fn latest(&self) -> Option<&KeyStatement> {
        self.latest.as_ref()
    }

    /// Takes what the leaf at `index` says of the business.
    pub(super) fn judge(&mut self, index: u64, sighting: &Sighting) -> Judgement {
        if index < self.read {
            return Judgement::Known;
        }
        let kind = match sighting {
            Sighting::Stated(statement) => {
                (self.latest, self.read) = (Some(*statement), index + 1);
                if *statement.key() == self.own {
                    self.is_stated = true;
                    return Judgement::Own;
                }
                if !self.is_stated {
                    return Judgement::Past;
                }
                ForeignKind::OtherKey
            }
            Sighting::OutOfSequence(_) => {
                self.read = index + 1;
                ForeignKind::OutOfSequence
            }
            _ => return Judgement::Known,
        };
        let foreign = Foreign { leaf: index, kind };
        self.foreign.get_or_insert(foreign);
        Judgement::Foreign(foreign)
    }

    /// What the log states instead of the business's own key, which it would have to: told once.
    pub(super) fn miss_own_key(&mut self) -> Option<Foreign> {
        if self.is_stated || self.foreign.is_some() || self.latest.is_none() {
            return None;
        }
        let foreign = Foreign { leaf: self.read.saturating_sub(1), kind: ForeignKind::OtherKey };
        self.foreign = Some(foreign);
        Some(foreign)
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.own.as_bytes().to_vec();
        bytes.push(u8::from(self.is_stated));
        bytes.extend(self.read.to_be_bytes());
        let (kind, leaf) = match self.foreign {
            None => (0, 0),
            Some(Foreign { leaf, kind: ForeignKind::OtherKey }) => (1, leaf),
            Some(Foreign { leaf, kind: ForeignKind::OutOfSequence }) => (2, leaf),
        };
        bytes.push(kind);
        bytes.extend(leaf.to_be_bytes());
        bytes.extend(self.latest.iter().flat_map(KeyStatement::to_bytes));
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (own, bytes) = bytes.split_first_chunk::<{ IdentityKey::BYTES }>()?;
        let (stated, bytes) = bytes.split_first()?;
        let (read, bytes) = bytes.split_first_chunk()?;
        let (kind, bytes) = bytes.split_first()?;
        let (leaf, latest) = bytes.split_first_chunk()?;
        let leaf = u64::from_be_bytes(*leaf);
        let foreign = match kind {
            0 => None,
            1 => Some(Foreign { leaf, kind: ForeignKind::OtherKey }),
            2 => Some(Foreign { leaf, kind: ForeignKind::OutOfSequence }),
            _ => return None,
        };
        let latest = match latest {
            [] => None,
            latest => Some(KeyStatement::from_bytes(latest).ok()?),
        };
        let own = IdentityKey::from_bytes(own).ok()?;
        Some(Self { own, is_stated: *stated != 0, read: u64::from_be_bytes(*read), foreign, latest })
    }
}

impl Endpoint {
    /// What the carrier's log has said of the endpoint's business, as far as it was read. Nothing if it was
    /// not read since the endpoint has its key.
    ///
    /// # Errors
    /// When the store fails, or what it has is damaged.
    pub async fn logged_keys<S: Store>(
        &self,
        store: &S,
        now: Timestamp,
    ) -> Result<Option<LoggedKeys>, StoreError> {
        let Some(record) = store.get(self.home, &only(LOGGED), now).await? else { return Ok(None) };
        let damaged = StoreError::Damaged { what: "what the log of keys says of a business" };
        let logged = LoggedKeys::from_bytes(&record.value).ok_or(damaged)?;
        Ok((logged.own.as_bytes()[..] == self.identity().to_bytes()[..]).then_some(logged))
    }

    /// Keeps what the carrier's log has said of the endpoint's business, durably.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn keep_logged_keys<S: Store>(&self, store: &S, logged: &LoggedKeys) -> Result<(), StoreError> {
        let mut batch = Batch::new(self.home);
        batch.put(only(LOGGED), logged.to_bytes());
        // It expects nothing: one relay reads the log at a time.
        let _ = store.commit(batch).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::PhoneNumberId;

    use super::*;

    fn key(byte: u8) -> IdentityKey {
        IdentityKey::from_bytes(&[&[5][..], &[byte; 32]].concat()).unwrap()
    }

    fn first(byte: u8) -> KeyStatement {
        KeyStatement::first(PhoneNumberId::new(1), key(byte))
    }

    #[test]
    fn other_keys_are_the_past_until_the_own_one_is_stated_and_foreign_thereafter() {
        let mut logged = LoggedKeys::unread(key(1));
        let statements = [first(2), first(2).next(key(1)).unwrap()];
        assert_eq!(logged.judge(3, &Sighting::Stated(statements[0])), Judgement::Past);
        assert_eq!(logged.judge(5, &Sighting::Stated(statements[1])), Judgement::Own);
        assert_eq!(logged.foreign(), None);
        let foreign = Foreign { leaf: 6, kind: ForeignKind::OtherKey };
        let statement = statements[1].next(key(2)).unwrap();
        assert_eq!(logged.judge(6, &Sighting::Stated(statement)), Judgement::Foreign(foreign));
        // The carrier goes back to the right one, so that nobody sees it any more.
        let statement = statement.next(key(1)).unwrap();
        assert_eq!(logged.judge(7, &Sighting::Stated(statement)), Judgement::Own);
        assert_eq!((logged.foreign(), logged.latest()), (Some(foreign), Some(&statement)));
    }

    #[test]
    fn what_was_read_once_is_not_judged_again() {
        let mut logged = LoggedKeys::unread(key(1));
        let foreign = Foreign { leaf: 4, kind: ForeignKind::OutOfSequence };
        let out_of_sequence = Sighting::OutOfSequence(first(1));
        assert_eq!(logged.judge(4, &out_of_sequence), Judgement::Foreign(foreign));
        assert_eq!(logged.judge(4, &out_of_sequence), Judgement::Known);
        let later = Foreign { leaf: 5, ..foreign };
        assert_eq!(logged.judge(5, &out_of_sequence), Judgement::Foreign(later));
        assert_eq!(logged.foreign(), Some(foreign), "the first one is kept");
    }

    #[test]
    fn it_comes_back_from_its_bytes_and_from_no_others() {
        let unread = LoggedKeys::unread(key(1));
        let mut read = unread.clone();
        read.judge(9, &Sighting::Stated(first(1)));
        let mut alarmed = read.clone();
        alarmed.judge(10, &Sighting::OutOfSequence(first(1)));
        for logged in [unread, read, alarmed] {
            let bytes = logged.to_bytes();
            assert_eq!(LoggedKeys::from_bytes(&bytes), Some(logged));
            assert_eq!(LoggedKeys::from_bytes(&bytes[..bytes.len() - 1]), None);
            assert_eq!(LoggedKeys::from_bytes(&[&bytes[..], &[0]].concat()), None);
        }
        let mut bytes = LoggedKeys::unread(key(1)).to_bytes();
        bytes[42] = 3;
        assert_eq!(LoggedKeys::from_bytes(&bytes), None, "there is no third kind");
    }
}
