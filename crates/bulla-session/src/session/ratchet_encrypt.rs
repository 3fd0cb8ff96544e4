//! Sealing one message in one session.

use rand_core::CryptoRng;

use super::message_key::CipherKeys;
use super::state::Session;
use crate::message::{CiphertextMessage, MAC_BYTES, MessageKind, SignalHeader};
use crate::service_address::Addresses;

/// A sending chain has run through all its positions.
pub(super) struct Exhausted;

impl Session {
    /// Seals a message and takes the step. If it fails nothing has changed.
    pub(super) fn seal(
        &mut self,
        plaintext: &[u8],
        addresses: Option<&Addresses>,
        rng: &mut impl CryptoRng,
    ) -> Result<CiphertextMessage, Exhausted> {
        let counter = self.sending.index;
        let next = counter.checked_add(1).ok_or(Exhausted)?;
        let (message_key, key) = self.sending.key.step();
        // The last that can fail, and the first that changes anything.
        let sent = self.post_quantum.send(rng)?;
        let keys = message_key.derive(sent.key.expose());

        let prekey = self.prekey_header();
        // Only messages that start a session are bound to addresses; the session's identities bind the
        // others.
        let addresses = prekey.and(addresses).map(Addresses::outgoing);
        let header = SignalHeader {
            ratchet_key: self.sending.pair.public,
            counter,
            previous_counter: self.previous_counter,
            post_quantum: Some(sent.message.as_bytes()),
            addresses: addresses.as_ref().map(<[u8; 36]>::as_slice),
        };
        let ciphertext = CipherKeys::ciphertext_len(plaintext.len());
        let length = header.message_len(ciphertext);
        // Encrypted where it is to stand: one allocation, and no other copy of the plaintext that would
        // have to be wiped.
        let put = |out: &mut Vec<u8>| {
            let start = out.len();
            header.put(out, ciphertext, |out| keys.encrypt_onto(plaintext, out));
            let mac: [u8; MAC_BYTES] =
                keys.authenticate(&self.local_identity, &self.remote_identity, &out[start..]);
            out.extend_from_slice(&mac);
        };
        let message = match prekey {
            None => {
                let mut out = Vec::with_capacity(length);
                put(&mut out);
                CiphertextMessage::new(MessageKind::Signal, out)
            }
            Some(prekey) => {
                let mut out = Vec::with_capacity(prekey.message_len(length));
                prekey.put(&mut out, length, put);
                CiphertextMessage::new(MessageKind::PreKey, out)
            }
        };
        self.sending.key = key;
        self.sending.index = next;
        Ok(message)
    }
}
