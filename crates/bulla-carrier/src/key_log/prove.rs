use bulla_base::{Address, Party};
use bulla_envelope::LogEntry;
use bulla_store::{Scan, Store, StoreError};
use bulla_transparency::{ConsistencyProof, Head, InclusionProof, InvalidForm, NodeId, TreeHash};
use bulla_transport::{LogConsistency, LogLeaves, MAX_LOG_LEAVES_AT_ONCE, TransportError};
use bytes::Bytes;

use super::append::{leaf_key, node_key};
use super::{DAMAGED, KeyLog};
use crate::Carrier;
use crate::carrier::store_failed;
use crate::store_layout::LOG_LEAF;

impl<S: Store> Carrier<S> {
    /// The proof that the log has `identity` as the key of `owner`. Nothing for a user, without a log, or if
    /// the log stands still and does not have it. Under the lock of the owner's partition.
    pub(crate) async fn log_entry(
        &self,
        owner: &Address,
        identity: &[u8],
    ) -> Result<Option<LogEntry>, TransportError> {
        let (Some(log), Party::Business(business)) = (&self.key_log, owner.party()) else { return Ok(None) };
        let Some(latest) = self.logged(log, *business, identity).await? else { return Ok(None) };
        let head = self.newest(log).await?;
        let size = head.size();
        let nodes = self.nodes(log, InclusionProof::nodes(latest.index, size)).await?;
        let proof = InclusionProof::from_nodes(latest.index, size, &nodes).map_err(|_| damaged())?;
        let statement = latest.statement.to_bytes().to_vec();
        Ok(Some(LogEntry::new(statement, proof.to_bytes(), log.sign(&head).to_vec())))
    }

    /// The newest head of the log, signed.
    pub(crate) async fn signed_log_head(&self) -> Result<Bytes, TransportError> {
        let log = self.key_log.as_ref().ok_or(TransportError::NoLog)?;
        let head = self.newest(log).await?;
        Ok(Bytes::copy_from_slice(&log.sign(&head)))
    }

    /// How the log grew from `old` leaves to `new`.
    pub(crate) async fn prove_log_consistency(
        &self,
        old: u64,
        new: u64,
    ) -> Result<LogConsistency, TransportError> {
        let log = self.key_log.as_ref().ok_or(TransportError::NoLog)?;
        if old > new || new > self.newest(log).await?.size() {
            return Err(TransportError::NoLog);
        }
        let old_root = *self.head_at(log, old).await?.root();
        let nodes = self.nodes(log, ConsistencyProof::nodes(old, new)).await?;
        let proof = ConsistencyProof::from_nodes(old, new, &nodes).map_err(|_| damaged())?;
        Ok(LogConsistency::new(old_root.as_bytes().to_vec(), proof.to_bytes())?)
    }

    /// The leaves of the log from `first` on, as many as one call tells.
    pub(crate) async fn leaves_of_log(&self, first: u64) -> Result<LogLeaves, TransportError> {
        let log = self.key_log.as_ref().ok_or(TransportError::NoLog)?;
        let scan = Scan::undated(LOG_LEAF).limit(MAX_LOG_LEAVES_AT_ONCE);
        let scan = match first.checked_sub(1) {
            Some(before) => scan.after(leaf_key(before)),
            None => scan,
        };
        let rows = self.store.scan(log.partition, &scan, self.clock.now()).await.map_err(store_failed)?;
        let leaves = rows.into_iter().map(|(_, record)| record.value).collect();
        LogLeaves::new(leaves).map_err(|_| damaged())
    }

    /// The head that the log had at `size`, which it must have had.
    pub(super) async fn head_at(&self, log: &KeyLog, size: u64) -> Result<Head, TransportError> {
        let nodes = self.nodes(log, Head::nodes(size)).await?;
        Head::from_nodes(size, &nodes).map_err(|_| damaged())
    }

    async fn newest(&self, log: &KeyLog) -> Result<Head, TransportError> {
        Ok(self.stored_range(log).await.map_err(store_failed)?.range.head())
    }

    async fn nodes(
        &self,
        log: &KeyLog,
        named: Result<Vec<NodeId>, InvalidForm>,
    ) -> Result<Vec<TreeHash>, TransportError> {
        let mut hashes = Vec::new();
        for node in named.map_err(|_| damaged())? {
            let record = self.store.get(log.partition, &node_key(node), self.clock.now()).await;
            let record = record.map_err(store_failed)?.ok_or_else(damaged)?;
            let hash = record.value[..].try_into().map_err(|_| damaged())?;
            hashes.push(TreeHash::from_bytes(hash));
        }
        Ok(hashes)
    }
}

fn damaged() -> TransportError {
    let damaged: StoreError = DAMAGED;
    store_failed(damaged)
}
