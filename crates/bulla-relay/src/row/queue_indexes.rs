use bulla_store::{QueueIndex, StoreError};
use prost::Message as _;

/// Which places there are in a conversation's queues, and on which day each stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct QueueIndexes {
    pub(crate) outbox: QueueIndex,
    pub(crate) events: QueueIndex,
    pub(crate) held: QueueIndex,
}

/// As it is stored; nothing for a queue in which nothing was ever put. What an earlier version wrote under
/// these numbers is no bytes, and not read.
#[derive(Clone, PartialEq, prost::Message)]
struct QueueIndexesRow {
    #[prost(bytes = "vec", tag = "1")]
    outbox: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    events: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    held: Vec<u8>,
}

impl QueueIndexes {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let row = QueueIndexesRow::decode(bytes).map_err(|_| StoreError::Damaged { what: "conversation" })?;
        let index = |bytes: &[u8]| match bytes {
            [] => Ok(QueueIndex::new()),
            bytes => QueueIndex::from_bytes(bytes),
        };
        Ok(Self { outbox: index(&row.outbox)?, events: index(&row.events)?, held: index(&row.held)? })
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let bytes = |index: &QueueIndex| if index.last() == 0 { Vec::new() } else { index.to_bytes() };
        let [outbox, events, held] = [&self.outbox, &self.events, &self.held].map(bytes);
        QueueIndexesRow { outbox, events, held }.encode_to_vec()
    }
}
