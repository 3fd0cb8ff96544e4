//! What the client knows of one web server.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::circuit_breaker::CircuitBreaker;
use crate::idle_connections::IdleConnections;
use crate::webhook_url::Origin;

/// A web server, as the client knows it.
#[derive(Debug)]
pub(crate) struct ServerState {
    pub(crate) origin: Origin,
    pub(crate) breaker: CircuitBreaker,
    pub(crate) idle: Arc<IdleConnections>,
    /// Held by the look-up of its name that is under way.
    pub(crate) lookup: Arc<Mutex<()>>,
}

impl ServerState {
    pub(crate) fn new(origin: Origin) -> Self {
        Self { origin, breaker: CircuitBreaker::new(), idle: Arc::default(), lookup: Arc::default() }
    }
}
