//! The relay, the device and the carrier that most of these tests share. For every other store, transport and
//! sink the compiler makes all their code once more, which takes longer than the tests do.

use std::sync::Arc;

use bulla::carrier::Carrier;
use bulla::device::Device;
use bulla::relay::{DynEventSink, EventSink, Relay};
use bulla::store::{BoxStore, MemoryStore};
use bulla::transport::BoxTransport;

pub(crate) type TestRelay = Relay<BoxStore, BoxTransport, Arc<dyn DynEventSink>>;
pub(crate) type TestDevice = Device<BoxStore, BoxTransport>;
pub(crate) type TestCarrier = Carrier<BoxStore>;

/// `sink`, as a [`TestRelay`] has it.
pub(crate) fn any_sink(sink: impl EventSink) -> Arc<dyn DynEventSink> {
    Arc::new(sink)
}

/// A new store in memory.
pub(crate) fn memory_store() -> BoxStore {
    BoxStore::new(MemoryStore::new())
}
