//! HKDF and HMAC as every part of the ratchet uses them.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::secret::Secret;

/// The salt where the protocol names none.
pub(crate) const NO_SALT: [u8; 32] = [0; 32];

/// HKDF-SHA256 into `N` bytes; `info` is given in parts.
pub(crate) fn expand<const N: usize>(salt: &[u8; 32], secret: &[u8], info: &[&[u8]]) -> Secret<N> {
    const { assert!(N <= 255 * 32, "more than HKDF gives") };
    let mut out = Secret::ZERO;
    // The length was checked when this was compiled, and there is no other way to fail.
    let _ = Hkdf::<Sha256>::new(Some(salt), secret).expand_multi_info(info, out.expose_mut());
    out
}

/// HMAC-SHA256 over a message given in parts.
pub(crate) fn authenticate(key: &Secret<32>, message: &[&[u8]]) -> [u8; 32] {
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    // A key shorter than the block is padded with zeros.
    block[..32].copy_from_slice(key.expose());
    let mac = message.iter().fold(Hmac::<Sha256>::new(&block), |mac, part| mac.chain_update(part));
    mac.finalize().into_bytes().into()
}
