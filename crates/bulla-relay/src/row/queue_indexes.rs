use bulla_base::{DeviceSet, Timestamp};
use bulla_store::{QueueIndex, StoreError};
use prost::Message as _;

/// Which places there are in a conversation's queues, and on which day each stands; and the moments by which
/// rules go, which change when something is queued.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct QueueIndexes {
    pub(crate) outbox: QueueIndex,
    pub(crate) events: QueueIndex,
    pub(crate) held: QueueIndex,
    pub(crate) deferred: QueueIndex,
    /// When the user has written last, if a rule asks for it.
    pub(crate) last_incoming: Option<Timestamp>,
    /// When all that the business has sent is paid for by its rate, if it has one.
    pub(crate) paid: Option<Timestamp>,
    /// The devices that the user has, as the carrier has said last, if they are others than the first alone.
    pub(crate) devices: DeviceSet,
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
    #[prost(bytes = "vec", tag = "4")]
    deferred: Vec<u8>,
    #[prost(uint64, optional, tag = "5")]
    last_incoming: Option<u64>,
    #[prost(uint64, optional, tag = "6")]
    paid: Option<u64>,
    #[prost(uint32, tag = "7")]
    devices: u32,
}

impl QueueIndexes {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let row = QueueIndexesRow::decode(bytes).map_err(|_| StoreError::Damaged { what: "conversation" })?;
        let index = |bytes: &[u8]| match bytes {
            [] => Ok(QueueIndex::new()),
            bytes => QueueIndex::from_bytes(bytes),
        };
        Ok(Self {
            outbox: index(&row.outbox)?,
            events: index(&row.events)?,
            held: index(&row.held)?,
            deferred: index(&row.deferred)?,
            last_incoming: row.last_incoming.map(Timestamp::from_millis),
            paid: row.paid.map(Timestamp::from_millis),
            devices: DeviceSet::from_bits(row.devices)
                .map_err(|_| StoreError::Damaged { what: "set of devices" })?,
        })
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let bytes = |index: &QueueIndex| if index.last() == 0 { Vec::new() } else { index.to_bytes() };
        let [outbox, events, held, deferred] =
            [&self.outbox, &self.events, &self.held, &self.deferred].map(bytes);
        let [last_incoming, paid] = [self.last_incoming, self.paid].map(|at| at.map(Timestamp::as_millis));
        let devices = self.devices.bits();
        QueueIndexesRow { outbox, events, held, deferred, last_incoming, paid, devices }.encode_to_vec()
    }
}
