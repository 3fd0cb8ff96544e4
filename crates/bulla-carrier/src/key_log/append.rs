use bulla_base::{Address, Party, PhoneNumberId};
use bulla_envelope::InvalidEnvelope;
use bulla_store::{Batch, Key, Store};
use bulla_transparency::{IdentityKey, KeyStatement, NodeId};
use bulla_transport::TransportError;

use super::{KeyLog, Latest, Stored, latest_key, range_key};
use crate::Carrier;
use crate::carrier::store_failed;
use crate::metrics::{LOGGED, UNLOGGED};
use crate::store_layout::{LOG_LEAF, LOG_NODE};

impl<S: Store> Carrier<S> {
    /// Sees to it that the log, if there is one, has `identity` as the key of `owner`, if that is a business.
    /// Under the lock of the owner's partition, so that no two keys of one business take turns.
    ///
    /// # Errors
    /// When the identity is no key, or the store fails.
    pub(crate) async fn log_key(&self, owner: &Address, identity: &[u8]) -> Result<(), TransportError> {
        match (&self.key_log, owner.party()) {
            (Some(log), Party::Business(business)) => self.logged(log, *business, identity).await.map(|_| ()),
            _ => Ok(()),
        }
    }

    /// Where the log has `identity` as the key of `business`. It is appended if it is not what the log has
    /// said last. Nothing if it is not and the log stands still.
    pub(super) async fn logged(
        &self,
        log: &KeyLog,
        business: PhoneNumberId,
        identity: &[u8],
    ) -> Result<Option<Latest>, TransportError> {
        let invalid = |_| InvalidEnvelope::Field { field: "identity key" };
        let key = IdentityKey::from_bytes(identity).map_err(invalid)?;
        let latest = self.latest(log, business).await?;
        if let Some(latest) = latest
            && *latest.statement.key() == key
        {
            return Ok(Some(latest));
        }
        if log.stands_still() {
            metrics::counter!(UNLOGGED).increment(1);
            tracing::warn!("a key is not appended to the log, which stands still");
            return Ok(None);
        }
        let statement = match latest {
            Some(latest) => latest.statement.next(key).map_err(TransportError::carrier_failed)?,
            None => KeyStatement::first(business, key),
        };
        let _alone = log.appending.lock().await;
        let index = self.append(log, &statement).await?;
        metrics::counter!(LOGGED).increment(1);
        tracing::info!(business = %business, version = statement.version(), "a key was appended to the log");
        Ok(Some(Latest { index, statement }))
    }

    /// Appends `statement`, in one record, and tells its place. Under the log's lock.
    async fn append(&self, log: &KeyLog, statement: &KeyStatement) -> Result<u64, TransportError> {
        let stored = self.stored_range(log).await.map_err(store_failed)?;
        let Stored { version, mut range, .. } = stored;
        let index = range.size();
        let complete = range.append(statement.leaf_hash()).map_err(TransportError::carrier_failed)?;
        let mut batch = Batch::new(log.partition);
        batch.expect(range_key(), version);
        batch.put(range_key(), self.generation.with(&range.to_bytes()));
        batch.put(leaf_key(index), statement.to_bytes().to_vec());
        batch.put(
            latest_key(statement.business()),
            [&index.to_be_bytes()[..], &statement.to_bytes()].concat(),
        );
        for (node, hash) in complete {
            batch.put(node_key(node), hash.as_bytes().to_vec());
        }
        self.commit(batch).await?;
        Ok(index)
    }
}

pub(super) fn leaf_key(index: u64) -> Key {
    Key::undated(LOG_LEAF, index.to_be_bytes().to_vec())
}

pub(super) fn node_key(node: NodeId) -> Key {
    Key::undated(LOG_NODE, [&[node.level()][..], &node.index().to_be_bytes()].concat())
}
