use bulla_base::{Partition, Timestamp};
use bulla_session::error::StoredError;
use bulla_session::limits::MAX_CHANGED_PARTS;
use bulla_session::{Sessions, StoredPart};
use bulla_store::{Batch, Key, MAX_BATCH_ROWS, MAX_SCAN_ROWS, Record, Scan, Store, StoreError, Version};
use bytes::Bytes;

use crate::restored_store;
use crate::store_layout::{self, SESSIONS};
use crate::trusted_identity_record::TrustedIdentityRecord;
use crate::{OpenError, SealError};

/// Besides the parts, [`SessionStore::write`] expects one, and [`Peer::write`](crate::Peer::write) adds a
/// few.
const _: () =
    assert!(MAX_CHANGED_PARTS + 64 <= MAX_BATCH_ROWS / 2, "a peer could make sessions that cannot be stored");

/// How much of the names is the business.
const BUSINESS_BYTES: usize = size_of::<u64>();

/// Why sessions could not be loaded.
pub(crate) enum LoadError {
    Store(StoreError),
    /// Their parts are not what was written.
    Damaged,
}

impl From<StoreError> for LoadError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<StoredError> for LoadError {
    fn from(_: StoredError) -> Self {
        Self::Damaged
    }
}

impl From<LoadError> for SealError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Store(error) => Self::Store(error),
            LoadError::Damaged => Self::Damaged,
        }
    }
}

impl From<LoadError> for OpenError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Store(error) => Self::Store(error),
            LoadError::Damaged => Self::Damaged { what: "session" },
        }
    }
}

/// Where the sessions with one device stand in the store, part by part.
pub(crate) struct SessionStore {
    partition: Partition,
    /// What the names of all parts begin with.
    name: Bytes,
    /// That of the head, which every change writes; nothing before the first session.
    pub(crate) version: Option<Version>,
    /// What is remembered of the peer's identity beside them.
    pub(crate) trust: TrustedIdentityRecord,
}

impl SessionStore {
    pub(crate) fn new(partition: Partition, name: Bytes) -> Self {
        Self { partition, name, version: None, trust: TrustedIdentityRecord::default() }
    }

    pub(crate) const fn name(&self) -> &Bytes {
        &self.name
    }

    /// What names of records of the business's conversation begin with.
    pub(crate) fn business(&self) -> &[u8] {
        self.name.get(..BUSINESS_BYTES).unwrap_or_default()
    }

    /// Reads the parts that every message takes.
    pub(crate) async fn read<S: Store>(&mut self, store: &S, now: Timestamp) -> Result<Sessions, LoadError> {
        let prefix = [&self.name[..], &[StoredPart::WORKING]].concat();
        let mut rows = self.rows(store, prefix.into(), None, now).await?;
        let trust = store_layout::trust(&self.name);
        // Its name is the shortest with the prefix, so that it is found first and with the same scan.
        let has_trust = rows.first().is_some_and(|(key, _)| *key == trust);
        self.trust = TrustedIdentityRecord::read(has_trust.then(|| rows.remove(0).1))?;
        let parts = self.parts_in(rows)?;
        self.version =
            parts.first().filter(|(part, _)| *part == StoredPart::Head).map(|(_, head)| head.version);
        if parts.is_empty() {
            return Ok(Sessions::new());
        }
        Ok(Sessions::from_parts(borrowed(&parts))?)
    }

    /// Reads the parts that only some operations take into sessions that lack them.
    pub(crate) async fn load_rest<S: Store>(
        &self,
        store: &S,
        sessions: &mut Sessions,
        now: Timestamp,
    ) -> Result<(), LoadError> {
        let last_working = store_layout::part(&self.name, StoredPart::Chunk(u8::MAX));
        let parts = self.parts_in(self.rows(store, self.name.clone(), Some(last_working), now).await?)?;
        Ok(sessions.load_rest(&borrowed(&parts))?)
    }

    async fn rows<S: Store>(
        &self,
        store: &S,
        prefix: Bytes,
        mut after: Option<Key>,
        now: Timestamp,
    ) -> Result<Vec<(Key, Record)>, StoreError> {
        let scan = Scan::undated(SESSIONS).prefix(prefix);
        let mut found = Vec::new();
        loop {
            let page = after.iter().cloned().fold(scan.clone(), Scan::after);
            let rows = store.scan(self.partition, &page, now).await?;
            // A page that is not full is the last: the look behind it is saved, which nearly every read would
            // make.
            let full = rows.len() == MAX_SCAN_ROWS;
            after = rows.last().map(|(key, _)| key.clone());
            found.extend(rows);
            if !full {
                return Ok(found);
            }
        }
    }

    fn parts_in(&self, rows: Vec<(Key, Record)>) -> Result<Vec<(StoredPart, Record)>, StoreError> {
        let part = |(key, record): (Key, Record)| {
            let part = key.name().get(self.name.len()..).and_then(StoredPart::named);
            Ok((part.ok_or(StoreError::Damaged { what: "name of a session's part" })?, record))
        };
        rows.into_iter().map(part).collect()
    }

    /// Reads one part more into sessions that lack it.
    pub(crate) async fn load<S: Store>(
        &self,
        store: &S,
        part: StoredPart,
        sessions: &mut Sessions,
        now: Timestamp,
    ) -> Result<(), LoadError> {
        let record = store.get(self.partition, &store_layout::part(&self.name, part), now).await?;
        Ok(sessions.load(part, record.as_ref().map(|record| &record.value[..]))?)
    }

    /// Puts what has changed into `batch`, on the condition that nobody has changed anything since it was
    /// read: every change writes the head.
    pub(crate) fn write(&self, sessions: &mut Sessions, batch: &mut Batch) {
        batch.expect(store_layout::part(&self.name, StoredPart::Head), self.version);
        sessions.store_changes(|part, bytes| {
            let key = store_layout::part(&self.name, part);
            match bytes {
                Some(bytes) => batch.put(key, Bytes::copy_from_slice(bytes)),
                None => batch.delete(key),
            }
        });
    }

    /// Puts what is remembered of the peer's identity into `batch`, if it has changed, on the condition that
    /// nobody else changed anything.
    pub(crate) fn write_trust(&self, batch: &mut Batch) {
        if self.trust.has_changed() {
            batch.expect(store_layout::part(&self.name, StoredPart::Head), self.version);
            self.trust.write(store_layout::trust(&self.name), batch);
        }
    }

    /// The generation of the store in which the session in use began.
    pub(crate) async fn generation<S: Store>(&self, store: &S, now: Timestamp) -> Result<u32, StoreError> {
        restored_store::of(store, self.partition, self.name.clone(), now).await
    }

    /// Writes down in which generation the session in use began, beside what [`write`](Self::write) puts into
    /// `batch`.
    pub(crate) fn write_generation(&self, generation: u32, batch: &mut Batch) {
        restored_store::put(generation, self.name.clone(), batch);
    }
}

fn borrowed(parts: &[(StoredPart, Record)]) -> Vec<(StoredPart, &[u8])> {
    parts.iter().map(|(part, record)| (*part, &record.value[..])).collect()
}
