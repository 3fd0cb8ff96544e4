//! Reading the log's leaves, for what they say of businesses behind their backs.

use std::collections::BTreeMap;

use bulla_base::{PhoneNumberId, Timestamp};
use bulla_store::{Batch, Key, SYSTEM_PARTITION, Store, StoreError};
use bulla_transparency::{CompactRange, Head, IdentityKey, Monitor, Sighting};

use super::comparison::Comparison;
use super::logged_keys::Judgement;
use super::{DAMAGED, Foreign, KeyLog, LogSource, LoggedKeys, Settled};
use crate::Identity;
use crate::store_layout::KEY_LOG;

/// A business that is looked for in the log.
#[derive(Debug, Clone)]
pub struct Watched {
    business: PhoneNumberId,
    own: Identity,
    kept: Option<LoggedKeys>,
    is_published: bool,
}

impl Watched {
    /// The business with this identity, and what was [kept](crate::Endpoint::logged_keys) of it. Whether its
    /// keys were with the carrier before the [head was asked for](KeyLog::look), so that the log has to
    /// state them.
    #[must_use]
    pub const fn new(
        business: PhoneNumberId,
        own: Identity,
        kept: Option<LoggedKeys>,
        is_published: bool,
    ) -> Self {
        Self { business, own, kept, is_published }
    }
}

/// What reading the log's leaves came to. What is of `changed` is to be kept first, by
/// [`Endpoint::keep_logged_keys`](crate::Endpoint::keep_logged_keys), then the rest, by [`KeyLog::keep_reading`]: after a crash in between the
/// same leaves are read again.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LeafReading {
    /// Of which businesses the log has said something new, and all that it has said.
    pub changed: Vec<(PhoneNumberId, LoggedKeys)>,
    /// What is not the doing of these businesses, and was not told before.
    pub foreign: Vec<(PhoneNumberId, Foreign)>,
    /// How many leaves state the own key of a business.
    pub own: u64,
    /// How many state a key that a business had before its own was there.
    pub past: u64,
    /// How many are of a form that is not known here, so that they may be about anybody.
    pub unreadable: u64,
    range: CompactRange,
}

/// How far the leaves could be read.
#[derive(Debug, Clone)]
#[must_use]
#[non_exhaustive]
pub enum LeavesRead {
    /// Nothing is there that was not read.
    UpToDate,
    /// All up to the newest head, which is theirs.
    All(Box<LeafReading>),
    /// The carrier did not answer. What it has shown is read again.
    Unanswered,
    /// The leaves that the carrier gives do not make the head that it has signed: it hides some, or shows
    /// others. They are not believed.
    Contradicted {
        /// How many leaves the signed head has.
        size: u64,
    },
}

impl KeyLog {
    /// Asks the carrier for its newest head, and compares it with what was seen: if one was proven, it is the
    /// newest that was seen now.
    ///
    /// # Errors
    /// When the store fails. That there is no answer is none.
    ///
    /// # Cost
    /// A call of the carrier; if the log has grown, another, two multiplications on the curve, and a commit.
    pub async fn look<S: Store>(
        &self,
        store: &S,
        source: &impl LogSource,
        now: Timestamp,
    ) -> Result<Settled, StoreError> {
        let mut settled = Settled::default();
        let _alone = self.0.comparing.lock().await;
        self.catch_up(store, now).await?;
        let Some(ours) = self.ask_head(source).await else { return Ok(settled) };
        let newest = self.state().newest.clone();
        let Some(newest) = newest else {
            self.advance(store, ours).await?;
            settled.proven = 1;
            return Ok(settled);
        };
        match self.admit(store, source, &newest, &ours).await? {
            Comparison::Proven => settled.proven = 1,
            Comparison::Unproven => settled.unproven = 1,
            Comparison::NotSigned => settled.not_signed = 1,
            Comparison::Split(evidence) => settled.evidence = Some(evidence),
        }
        Ok(settled)
    }

    /// Reads the leaves of the log up to the newest head that was seen, for what they say of `businesses`.
    /// Those of whom nothing was kept are looked for from the log's beginning; with one of them, all of it is
    /// read.
    ///
    /// # Errors
    /// When the store fails, or what it has is damaged.
    ///
    /// # Cost
    /// A call of the carrier for every 512 leaves, 40 KB, and their hashes; 250 bytes of memory for each
    /// business.
    pub async fn read_leaves<S: Store>(
        &self,
        store: &S,
        source: &impl LogSource,
        businesses: impl IntoIterator<Item = Watched>,
        now: Timestamp,
    ) -> Result<LeavesRead, StoreError> {
        let Some(newest) = self.state().newest.as_ref().map(|newest| newest.head) else {
            return Ok(LeavesRead::UpToDate);
        };
        let businesses: Vec<_> = businesses.into_iter().collect();
        let is_known = businesses.iter().all(|watched| watched.kept.is_some());
        let range = if is_known { self.read_range(store, now).await? } else { CompactRange::new() };
        if range.size() > newest.size() {
            return Ok(LeavesRead::UpToDate);
        }
        Reader::new(range, businesses)?.read_to(&newest, source).await
    }

    /// Keeps how far the leaves were read, durably.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn keep_reading<S: Store>(&self, store: &S, reading: &LeafReading) -> Result<(), StoreError> {
        let mut batch = Batch::new(SYSTEM_PARTITION);
        batch.put(self.range_key(), reading.range.to_bytes());
        // It expects nothing: one relay reads the log at a time.
        let _ = store.commit(batch).await?;
        Ok(())
    }

    async fn read_range<S: Store>(&self, store: &S, now: Timestamp) -> Result<CompactRange, StoreError> {
        let record = store.get(SYSTEM_PARTITION, &self.range_key(), now).await?;
        let Some(record) = record else { return Ok(CompactRange::new()) };
        CompactRange::from_bytes(&record.value).map_err(|_| DAMAGED)
    }

    fn range_key(&self) -> Key {
        Key::undated(KEY_LOG, [&self.0.key.id()[..], b"r"].concat())
    }
}

/// Reads leaf after leaf.
struct Reader {
    monitor: Monitor,
    logged: BTreeMap<PhoneNumberId, Followed>,
    foreign: Vec<(PhoneNumberId, Foreign)>,
    own: u64,
    past: u64,
    unreadable: u64,
}

/// What is known of one business while it is read of.
struct Followed {
    logged: LoggedKeys,
    is_published: bool,
    is_changed: bool,
}

impl Reader {
    fn new(range: CompactRange, businesses: Vec<Watched>) -> Result<Self, StoreError> {
        // From the beginning on, nothing was stated before, whatever is known.
        let begins = range.size() == 0;
        let (mut latest, mut logged) = (Vec::new(), BTreeMap::new());
        for Watched { business, own, kept, is_published } in businesses {
            // Who is new is kept in any case, so that it is not looked for from the beginning again.
            let is_changed = kept.is_none();
            let own = IdentityKey::from_bytes(&own.to_bytes()).map_err(|_| DAMAGED)?;
            let kept = kept.unwrap_or_else(|| LoggedKeys::unread(own));
            latest.push((business, kept.latest().filter(|_| !begins).copied()));
            logged.insert(business, Followed { logged: kept, is_published, is_changed });
        }
        let monitor = Monitor::resume(range, latest);
        Ok(Self { monitor, logged, foreign: Vec::new(), own: 0, past: 0, unreadable: 0 })
    }

    async fn read_to(mut self, newest: &Head, source: &impl LogSource) -> Result<LeavesRead, StoreError> {
        let (begin, size) = (self.monitor.range().size(), newest.size());
        let contradicted = Ok(LeavesRead::Contradicted { size });
        loop {
            let next = self.monitor.range().size();
            let left = usize::try_from(size - next).unwrap_or(usize::MAX);
            if left == 0 {
                break;
            }
            let Some(leaves) = source.leaves(next).await else { return Ok(LeavesRead::Unanswered) };
            if leaves.is_empty() {
                return contradicted;
            }
            for (index, leaf) in (next..).zip(leaves.iter().take(left)) {
                self.read(index, leaf)?;
            }
        }
        if self.monitor.head() != *newest {
            return contradicted;
        }
        self.miss_own_keys();
        let changed = self.logged.into_iter().filter(|(_, of)| of.is_changed);
        let changed: Vec<_> = changed.map(|(business, of)| (business, of.logged)).collect();
        if begin == size && changed.is_empty() {
            return Ok(LeavesRead::UpToDate);
        }
        Ok(LeavesRead::All(Box::new(LeafReading {
            changed,
            foreign: self.foreign,
            own: self.own,
            past: self.past,
            unreadable: self.unreadable,
            range: self.monitor.range().clone(),
        })))
    }

    fn read(&mut self, index: u64, leaf: &[u8]) -> Result<(), StoreError> {
        // The newest head is of a log that is not larger than any may be.
        let sighting = self.monitor.read(leaf).map_err(|_| DAMAGED)?;
        let business = match sighting {
            Sighting::Stated(statement) | Sighting::OutOfSequence(statement) => statement.business(),
            Sighting::Unreadable => {
                self.unreadable += 1;
                return Ok(());
            }
            _ => return Ok(()),
        };
        let Some(of) = self.logged.get_mut(&business) else { return Ok(()) };
        match of.logged.judge(index, &sighting) {
            Judgement::Known => return Ok(()),
            Judgement::Own => self.own += 1,
            Judgement::Past => self.past += 1,
            Judgement::Foreign(foreign) => self.foreign.push((business, foreign)),
        }
        of.is_changed = true;
        Ok(())
    }

    /// Of businesses whose keys are with the carrier, the log has to state them: what it says instead, it
    /// says to users.
    fn miss_own_keys(&mut self) {
        for (business, of) in self.logged.iter_mut().filter(|(_, of)| of.is_published) {
            if let Some(foreign) = of.logged.miss_own_key() {
                self.foreign.push((*business, foreign));
                of.is_changed = true;
            }
        }
    }
}
