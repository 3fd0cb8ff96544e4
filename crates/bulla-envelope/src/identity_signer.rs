use std::fmt;

use bulla_base::Rng;

/// What signs for an installation, without giving its key away.
///
/// # For implementors
/// The key is the one that stands in the installation's uploads and bundles of keys. A hardware module may
/// hold it; a call to it may block for as long as a signature takes, and no longer.
///
/// # Security
/// Who asks for a signature hands in a statement that begins with what it is for, so that no signature made
/// for one thing is good for another. `Debug` shows nothing of the key.
pub trait IdentitySigner: fmt::Debug + Send + Sync + 'static {
    /// The serialised public identity key: 33 bytes, `0x05` and the u-coordinate.
    fn identity_key(&self) -> [u8; 33];

    /// The XEdDSA signature of the identity key over `statement`. 64 bytes are drawn of `rng`.
    fn sign(&self, statement: &[u8], rng: &dyn Rng) -> [u8; 64];
}
