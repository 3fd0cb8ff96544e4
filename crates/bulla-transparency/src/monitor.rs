use std::collections::BTreeMap;

use bulla_base::PhoneNumberId;

use crate::error::InvalidForm;
use crate::{CompactRange, Head, KeyStatement, TreeHash};

/// Reads every leaf of the log, in order, for the businesses that it watches.
///
/// The log is a sequence and no index: that a business has no other statement than it knows of is seen by
/// reading all. A leaf has 78 bytes, so a log of a million statements is 78 MB, once; then only what is new.
/// One monitor watches all the businesses of a relay in one pass.
///
/// When all up to a signed head was read, [`Monitor::head`] must be that head: if so, what was read is all
/// that the log has, and every proof for it leads there.
///
/// # Examples
/// ```
/// use bulla_base::PhoneNumberId;
/// use bulla_transparency::{IdentityKey, KeyStatement, Monitor, Sighting};
///
/// let (ours, key) = (PhoneNumberId::new(7), IdentityKey::from_bytes(&[5; 33])?);
/// let mut monitor = Monitor::new([ours]);
/// let statement = KeyStatement::first(ours, key);
/// assert_eq!(monitor.read(&statement.to_bytes())?, Sighting::Stated(statement));
/// // The same once more: nobody honest appends a second beginning.
/// assert_eq!(monitor.read(&statement.to_bytes())?, Sighting::OutOfSequence(statement));
/// # Ok::<(), bulla_transparency::InvalidForm>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Monitor {
    range: CompactRange,
    latest: BTreeMap<PhoneNumberId, Option<KeyStatement>>,
}

/// What a leaf is to a monitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sighting {
    /// It is about a business that is not watched.
    NotWatched,
    /// It is what comes next for a watched business. The business compares the key with its own: one that it
    /// does not know was put there by somebody else.
    Stated(KeyStatement),
    /// It is about a watched business, and does not follow from the statement before: a second sequence,
    /// which somebody may be shown instead of the right one. An alarm, whatever its key.
    OutOfSequence(KeyStatement),
    /// It is no statement of a form that is known here, so it may be about anybody.
    Unreadable,
}

impl Monitor {
    /// Watches `businesses` from the log's first leaf on.
    #[must_use]
    pub fn new(businesses: impl IntoIterator<Item = PhoneNumberId>) -> Self {
        Self::resume(CompactRange::new(), businesses.into_iter().map(|business| (business, None)))
    }

    /// Goes on from where one stopped: with its range, and the latest statement of each watched business.
    /// A business that was not watched before has to be looked for from the beginning, by another monitor.
    #[must_use]
    pub fn resume(
        range: CompactRange,
        latest: impl IntoIterator<Item = (PhoneNumberId, Option<KeyStatement>)>,
    ) -> Self {
        Self { range, latest: latest.into_iter().collect() }
    }

    /// Takes the next leaf of the log.
    ///
    /// # Errors
    /// When the log would have more than [`MAX_LOG_LEAVES`](crate::MAX_LOG_LEAVES).
    ///
    /// # Cost
    /// The leaf and one node on average are hashed.
    pub fn read(&mut self, leaf: &[u8]) -> Result<Sighting, InvalidForm> {
        self.range.append(TreeHash::of_leaf(leaf))?;
        let Ok(statement) = KeyStatement::from_bytes(leaf) else { return Ok(Sighting::Unreadable) };
        let Some(latest) = self.latest.get_mut(&statement.business()) else {
            return Ok(Sighting::NotWatched);
        };
        if !latest.map_or(statement.is_first(), |latest| statement.follows(&latest)) {
            return Ok(Sighting::OutOfSequence(statement));
        }
        *latest = Some(statement);
        Ok(Sighting::Stated(statement))
    }

    /// The head of all that was read.
    #[must_use]
    pub fn head(&self) -> Head {
        self.range.head()
    }

    /// Where it stands, to go on from later.
    #[must_use]
    pub const fn range(&self) -> &CompactRange {
        &self.range
    }

    /// The latest statement of each watched business, in sequence.
    pub fn latest(&self) -> impl Iterator<Item = (PhoneNumberId, Option<&KeyStatement>)> {
        self.latest.iter().map(|(business, latest)| (*business, latest.as_ref()))
    }
}
