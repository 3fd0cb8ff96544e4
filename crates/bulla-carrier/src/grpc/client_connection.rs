use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_transport::grpc::ChannelBinding;

use super::nonces::Nonces;

/// A client's connection: what is its own, and which nonces were given on it.
///
/// [`serve`](super::serve) makes one for each connection that it accepts. A host with a server of its own
/// makes one as well, and puts a clone of it into the extensions of each request on the connection; tonic
/// does so for what `Connected::connect_info` gives, axum for what a layer of the host's puts there. Without
/// it nobody can prove who they are.
///
/// # Cost
/// Some hundred bytes, and up to 2 kB more when many have proved who they are on it.
#[derive(Clone)]
pub struct ClientConnection(Arc<Inner>);

struct Inner {
    number: u64,
    bindings: Vec<ChannelBinding>,
    nonces: Mutex<Nonces>,
}

impl ClientConnection {
    /// The connection that these `bindings` tie a proof to: the exporter of this one, and the end point of
    /// each certificate that the server may have shown on it; or [`ChannelBinding::None`] alone if it is not
    /// over TLS.
    #[must_use]
    pub fn new(bindings: impl IntoIterator<Item = ChannelBinding>) -> Self {
        /// What tells connections of one start apart.
        static LAST: AtomicU64 = AtomicU64::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        Self(Arc::new(Inner { number, bindings: bindings.into_iter().collect(), nonces: Mutex::default() }))
    }

    pub(crate) fn number(&self) -> u64 {
        self.0.number
    }

    pub(crate) fn bindings(&self) -> &[ChannelBinding] {
        &self.0.bindings
    }

    pub(crate) fn nonces(&self) -> MutexGuard<'_, Nonces> {
        self.0.nonces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ClientConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConnection").field("bindings", &self.0.bindings).finish_non_exhaustive()
    }
}
