//! What binds headers and ciphertexts to the session and to all epochs before.

use subtle::ConstantTimeEq;

use crate::kdf::{Keyed, UNSALTED, derived};
use crate::kem::{CT1_BYTES, CT2_BYTES, HEADER_BYTES};
use crate::secret::Secret;

/// What every label starts with.
pub(crate) const PROTOCOL: &[u8] = b"Signal_PQCKA_V1_MLKEM768";

/// Bytes of a MAC.
pub(crate) const MAC_BYTES: usize = 32;

/// The keys that authenticate one epoch's exchange.
pub(crate) struct Authenticator {
    pub(crate) root: Secret<32>,
    pub(crate) mac_key: Secret<32>,
}

impl Authenticator {
    /// The authenticator of the first epoch.
    pub(crate) fn new(auth_key: &[u8; 32]) -> Self {
        let none = Self { root: Secret::ZERO, mac_key: Secret::ZERO };
        none.updated(1, auth_key)
    }

    /// The authenticator after `epoch` has agreed on `key`.
    pub(crate) fn updated(&self, epoch: u64, key: &[u8; 32]) -> Self {
        let mut secret = Secret::<64>::ZERO;
        secret.expose_mut()[..32].copy_from_slice(self.root.expose());
        secret.expose_mut()[32..].copy_from_slice(key);
        let info = [PROTOCOL, b":Authenticator Update", &epoch.to_be_bytes()];
        let both: Secret<64> = derived(&UNSALTED, secret.expose(), &info);
        let (root, mac_key) = both.expose().split_at(32);
        Self { root: Secret::copied(root), mac_key: Secret::copied(mac_key) }
    }

    /// The MAC over an epoch's header, made before the epoch's update.
    pub(crate) fn header_mac(&self, epoch: u64, header: &[u8; HEADER_BYTES]) -> [u8; MAC_BYTES] {
        self.mac(&[PROTOCOL, b":ekheader", &epoch.to_be_bytes(), header])
    }

    pub(crate) fn verifies_header(&self, epoch: u64, header: &[u8; HEADER_BYTES], mac: &[u8]) -> bool {
        self.header_mac(epoch, header).ct_eq(mac).into()
    }

    /// The MAC over an epoch's ciphertext, made after the epoch's update.
    pub(crate) fn ciphertext_mac(
        &self,
        epoch: u64,
        ct1: &[u8; CT1_BYTES],
        ct2: &[u8; CT2_BYTES],
    ) -> [u8; MAC_BYTES] {
        self.mac(&[PROTOCOL, b":ciphertext", &epoch.to_be_bytes(), ct1, ct2])
    }

    pub(crate) fn verifies_ciphertext(
        &self,
        epoch: u64,
        ct1: &[u8; CT1_BYTES],
        ct2: &[u8; CT2_BYTES],
        mac: &[u8],
    ) -> bool {
        self.ciphertext_mac(epoch, ct1, ct2).ct_eq(mac).into()
    }

    fn mac(&self, message: &[&[u8]]) -> [u8; MAC_BYTES] {
        // All parts of a MAC have fixed lengths, so that what is joined can be taken apart in one way only.
        let mut mac = [0; MAC_BYTES];
        Keyed::new(self.mac_key.expose()).authenticate(message, &mut mac);
        mac
    }
}

/// What an epoch contributes to the chains, from the shared secret of its key exchange.
pub(crate) fn epoch_secret(epoch: u64, shared: &Secret<32>) -> Secret<32> {
    derived(&UNSALTED, shared.expose(), &[PROTOCOL, b":SCKA Key", &epoch.to_be_bytes()])
}

#[cfg(test)]
mod tests;
