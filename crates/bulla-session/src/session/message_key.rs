//! The key of one message, and what it is used for: AES-256-CBC and a truncated HMAC.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use aes::{Aes256Dec, Aes256Enc};
use bulla_spqr::Secret;
use bulla_spqr::kdf::Keyed;
use subtle::ConstantTimeEq;

use super::chain::copied;
use crate::identity::IdentityKey;
use crate::message::MAC_BYTES;

const BLOCK: usize = 16;

/// The key of one message, as its chain gives it.
pub(super) struct MessageKey(pub(super) Secret<32>);

impl MessageKey {
    /// What the message is encrypted and authenticated with; `salt` is what the post-quantum ratchet
    /// contributes.
    pub(super) fn derive(&self, salt: &[u8; 32]) -> CipherKeys {
        let mut all = Secret::<80>::ZERO;
        Keyed::new(salt).derive_short(self.0.expose(), b"WhisperMessageKeys", all.expose_mut());
        let (keys, last) = all.expose().split_at(64);
        let mut iv = Secret::ZERO;
        iv.expose_mut().copy_from_slice(last);
        CipherKeys { cipher: copied(keys), mac: copied(&keys[32..]), iv }
    }
}

/// What a message key is stretched into: an encryption key, an authentication key and an IV.
pub(super) struct CipherKeys {
    cipher: Secret<32>,
    mac: Secret<32>,
    iv: Secret<16>,
}

impl CipherKeys {
    /// How long a plaintext becomes.
    pub(super) const fn ciphertext_len(plaintext: usize) -> usize {
        (plaintext / BLOCK + 1) * BLOCK
    }

    /// Appends the encrypted plaintext.
    pub(super) fn encrypt_onto(&self, plaintext: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        let padded = Self::ciphertext_len(plaintext.len());
        out.extend_from_slice(plaintext);
        out.resize(start + padded, 0);
        let cipher = cbc::Encryptor::<Aes256Enc>::new(self.cipher.expose().into(), self.iv.expose().into());
        // There is room for the padding by construction; nothing else can fail.
        let done = cipher.encrypt_padded::<Pkcs7>(&mut out[start..], plaintext.len());
        debug_assert!(done.is_ok_and(|bytes| bytes.len() == padded), "the padding did not fit");
    }

    /// The plaintext, or nothing if the length or the padding is wrong.
    pub(super) fn decrypt(&self, ciphertext: &[u8]) -> Option<Vec<u8>> {
        if ciphertext.is_empty() || !ciphertext.len().is_multiple_of(BLOCK) {
            return None;
        }
        let mut out = vec![0; ciphertext.len()];
        let cipher = cbc::Decryptor::<Aes256Dec>::new(self.cipher.expose().into(), self.iv.expose().into());
        let length = cipher.decrypt_padded_b2b::<Pkcs7>(ciphertext, &mut out).ok()?.len();
        out.truncate(length);
        Some(out)
    }

    /// The MAC over a message on its way from `sender` to `receiver`.
    pub(super) fn authenticate(
        &self,
        sender: &IdentityKey,
        receiver: &IdentityKey,
        message: &[u8],
    ) -> [u8; MAC_BYTES] {
        let mut mac = [0; 32];
        let message = [&sender.to_bytes(), &receiver.to_bytes(), message];
        Keyed::new(self.mac.expose()).authenticate(&message, &mut mac);
        let mut first = [0; MAC_BYTES];
        first.copy_from_slice(&mac[..MAC_BYTES]);
        first
    }

    /// Whether `mac` is that MAC.
    pub(super) fn verify(
        &self,
        sender: &IdentityKey,
        receiver: &IdentityKey,
        message: &[u8],
        mac: &[u8; MAC_BYTES],
    ) -> bool {
        // As one number: eight bytes one by one take longer.
        let expected = u64::from_ne_bytes(self.authenticate(sender, receiver, message));
        expected.ct_eq(&u64::from_ne_bytes(*mac)).into()
    }
}
