//! The wire format: what travels between two devices, read without copying.
//!
//! ```text
//! PreKeySignalMessage  version ‖ protobuf { 1 one-time id, 2 base key, 3 identity, 4 SignalMessage,
//!                                           5 registration, 6 signed id, 7 Kyber id, 8 Kyber ciphertext }
//! SignalMessage        version ‖ protobuf { 1 ratchet key, 2 counter, 3 previous counter, 4 ciphertext,
//!                                           5 post-quantum ratchet, 6 addresses } ‖ MAC (8)
//! ```

mod prekey;
mod signal;

pub(crate) use prekey::PreKeyHeader;
pub use prekey::{PreKeyIds, PreKeySignalMessage};
pub use signal::SignalMessage;
pub(crate) use signal::{MAC_BYTES, SignalHeader};

use std::fmt;

use crate::error::MessageError;

/// The version of the protocol spoken here.
pub(crate) const VERSION: u8 = 4;
/// What every message starts with: the session's version and the newest the sender knows.
pub(crate) const VERSION_BYTE: u8 = (VERSION << 4) | VERSION;

/// The two sorts of message between two devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MessageKind {
    /// A message in a session that both ends know.
    Signal,
    /// A message that can start its session at the receiver.
    PreKey,
}

impl MessageKind {
    /// The kind with this number.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            2 => Some(Self::Signal),
            3 => Some(Self::PreKey),
            _ => None,
        }
    }

    /// The kind's number on the wire of the official service: 2 or 3.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Signal => 2,
            Self::PreKey => 3,
        }
    }
}

/// A sealed message, ready to be sent.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CiphertextMessage {
    /// How the receiver has to read it; travels beside the bytes.
    pub kind: MessageKind,
    /// The message.
    pub bytes: Vec<u8>,
}

impl CiphertextMessage {
    pub(crate) const fn new(kind: MessageKind, bytes: Vec<u8>) -> Self {
        Self { kind, bytes }
    }
}

impl fmt::Debug for CiphertextMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        CiphertextRef::from(self).fmt(f)
    }
}

/// A sealed message as received: its kind, and its bytes wherever they are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CiphertextRef<'a> {
    pub(crate) kind: MessageKind,
    pub(crate) bytes: &'a [u8],
}

impl<'a> CiphertextRef<'a> {
    /// The message of this kind in these bytes.
    #[must_use]
    pub const fn new(kind: MessageKind, bytes: &'a [u8]) -> Self {
        Self { kind, bytes }
    }
}

impl<'a> From<&'a CiphertextMessage> for CiphertextRef<'a> {
    fn from(message: &'a CiphertextMessage) -> Self {
        Self { kind: message.kind, bytes: &message.bytes }
    }
}

impl fmt::Debug for CiphertextRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({} bytes)", self.kind, self.bytes.len())
    }
}

/// Accepts a version byte by its high half; the low half is the sender's to fill.
fn check_version(byte: u8) -> Result<(), MessageError> {
    match byte >> 4 {
        VERSION => Ok(()),
        found if found < VERSION => Err(MessageError::TooOld { found }),
        found => Err(MessageError::Unknown { found }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::IdentityKey;
    use crate::key::PublicKey;
    use crate::kyber::KyberCiphertext;
    use crate::numeric_ids::{KyberPreKeyId, OneTimePreKeyId, RegistrationId, SignedPreKeyId};

    /// The bytes are written into buffers that are made as long, so that none grows and leaves a copy behind.
    #[test]
    fn messages_are_as_long_as_announced() {
        let key = PublicKey::from_raw([9; 32]);
        let kyber_ciphertext = &[10; KyberCiphertext::BYTES];
        for number in [0, 127, 128, 70_000, u32::MAX] {
            for optional in [None, Some(&[5; 200][..])] {
                let header = SignalHeader {
                    ratchet_key: key,
                    counter: number,
                    previous_counter: number / 2,
                    post_quantum: optional,
                    addresses: optional,
                };
                let mut inner = Vec::new();
                header.put(&mut inner, 300, |out| out.extend_from_slice(&[6; 300]));
                inner.extend_from_slice(&[7; MAC_BYTES]);
                assert_eq!(header.message_len(300), inner.len());

                let header = PreKeyHeader {
                    one_time: optional.map(|_| OneTimePreKeyId::new(number)),
                    base_key: key,
                    identity: IdentityKey::from(key),
                    registration: RegistrationId::new(number / 3),
                    signed: SignedPreKeyId::new(number / 5),
                    kyber: KyberPreKeyId::new(number / 7),
                    kyber_ciphertext,
                };
                let mut whole = Vec::new();
                header.put(&mut whole, inner.len(), |out| out.extend_from_slice(&inner));
                assert_eq!(header.message_len(inner.len()), whole.len());
            }
        }
    }
}
