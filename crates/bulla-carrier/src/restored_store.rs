use bulla_base::Timestamp;
use bulla_store::{Batch, Commit, Key, Record, SYSTEM_PARTITION, Store, StoreError};
use bytes::Bytes;

use crate::store_layout::GENERATION;

/// The generation of the carrier's store: 0, or that with which it was last put back from a backup.
///
/// What must not be given away twice bears the generation in which it was left. After a restore it is left
/// anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoreGeneration(u64);

impl StoreGeneration {
    /// That of a store that was never put back.
    #[cfg(feature = "fuzzing")]
    pub(crate) const FIRST: Self = Self(0);

    /// The generation of `store`, which is a new one if the store was put back.
    pub(crate) async fn of<S: Store>(store: &S, now: Timestamp) -> Result<Self, StoreError> {
        let key = Key::undated(GENERATION, "");
        if let Some(generation) = store.restored().await {
            tracing::warn!("the carrier's store was put back from a backup: what came after it is lost");
            let mut batch = Batch::new(SYSTEM_PARTITION);
            // Written before the store is told that its restoring is known: a crash in between does it again,
            // while the other way round the old generation would stand, and keys be given away twice.
            batch.put(key, generation.number().to_be_bytes().to_vec());
            let Commit::Committed(_) = store.commit(batch).await? else { return Err(DAMAGED) };
            store.accept_restored().await?;
            return Ok(Self(generation.number()));
        }
        let Some(record) = store.get(SYSTEM_PARTITION, &key, now).await? else { return Ok(Self(0)) };
        record.value[..].try_into().map(|bytes| Self(u64::from_be_bytes(bytes))).map_err(|_| DAMAGED)
    }

    /// `value`, with the generation before it.
    pub(crate) fn with(self, value: &[u8]) -> Vec<u8> {
        [&self.0.to_be_bytes()[..], value].concat()
    }

    /// What [`with`](Self::with) put behind the generation; nothing if that was another.
    pub(crate) fn read(self, record: &Record) -> Option<Bytes> {
        self.is_of(record).then(|| record.value.slice(8..))
    }

    pub(crate) const fn number(self) -> u64 {
        self.0
    }

    /// Whether the store was never put back.
    pub(crate) const fn is_first(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn is_of(self, record: &Record) -> bool {
        record.value.starts_with(&self.0.to_be_bytes())
    }
}

const DAMAGED: StoreError = StoreError::Damaged { what: "store's generation" };
