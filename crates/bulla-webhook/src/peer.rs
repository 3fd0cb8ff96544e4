use std::sync::Arc;

use tokio::sync::Mutex;

use crate::gate::Gate;
use crate::idle::IdleConnections;
use crate::origin::Origin;

/// A web server, as the client knows it.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) origin: Origin,
    pub(crate) gate: Gate,
    pub(crate) idle: Arc<IdleConnections>,
    /// Held by the look-up of its name that is under way.
    pub(crate) lookup: Arc<Mutex<()>>,
}

impl Peer {
    pub(crate) fn new(origin: Origin) -> Self {
        Self { origin, gate: Gate::new(), idle: Arc::default(), lookup: Arc::default() }
    }
}
