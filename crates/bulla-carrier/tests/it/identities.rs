//! Identity keys for the tests, each known by a name.

use std::sync::Arc;

use bulla_base::Rng;
use bulla_envelope::{IdentitySigner, InstallationId};
use bulla_transport::Transport;
use sha2::{Digest, Sha256};

/// The private key of the identity with this name.
#[derive(Debug)]
pub(crate) struct Key([u8; 32]);

impl Key {
    pub(crate) fn of(name: &[u8]) -> Self {
        let mut private: [u8; 32] = Sha256::digest(name).into();
        private[0] &= 0xF8;
        private[31] = (private[31] & 0x7F) | 0x40;
        Self(private)
    }
}

impl IdentitySigner for Key {
    fn identity_key(&self) -> [u8; 33] {
        let mut key = [5; 33];
        key[1..].copy_from_slice(&bulla_xeddsa::public_key(&self.0));
        key
    }

    fn sign(&self, statement: &[u8], rng: &dyn Rng) -> [u8; 64] {
        bulla_xeddsa::sign(&self.0, &[statement], &mut rng.draw())
    }
}

/// The public identity key with this name.
pub(crate) fn key_of(name: &[u8]) -> [u8; 33] {
    Key::of(name).identity_key()
}

/// The installation with the identity of this name.
pub(crate) fn installation(name: &[u8]) -> InstallationId {
    InstallationId::of_identity(&key_of(name))
}

/// The same transport, which signs for everybody whom the tests have.
pub(crate) fn signing<T: Transport>(transport: T) -> T {
    let mut names: Vec<Vec<u8>> = (1..=10).map(|number| vec![number]).collect();
    names.extend([b"identity".to_vec(), b"a new phone".to_vec(), b"new".to_vec()]);
    names.iter().for_each(|name| transport.identify(Arc::new(Key::of(name))));
    transport
}
