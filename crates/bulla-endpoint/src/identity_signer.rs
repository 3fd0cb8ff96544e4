use std::fmt;
use std::sync::Arc;

use bulla_base::Rng;
use bulla_envelope::IdentitySigner;
use bulla_session::LocalIdentity;

use crate::Endpoint;

/// Signs with the identity key of an endpoint. It holds the key for as long as it is held itself.
struct EndpointSigner(Arc<LocalIdentity>);

impl Endpoint {
    /// What signs for this installation: for a transport, which proves with it who calls.
    #[must_use]
    pub fn signer(&self) -> Arc<dyn IdentitySigner> {
        Arc::new(EndpointSigner(Arc::clone(&self.local)))
    }
}

impl IdentitySigner for EndpointSigner {
    fn identity_key(&self) -> [u8; 33] {
        self.0.identity().public().to_bytes()
    }

    fn sign(&self, statement: &[u8], rng: &dyn Rng) -> [u8; 64] {
        *self.0.identity().sign(statement, &mut rng.draw()).as_bytes()
    }
}

impl fmt::Debug for EndpointSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EndpointSigner(…)")
    }
}
