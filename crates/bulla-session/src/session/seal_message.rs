use std::fmt;

use rand_core::CryptoRng;
use thiserror::Error;

use super::{Failed, Sessions};
use crate::message::CiphertextMessage;
use crate::service_address::Addresses;
use crate::time::UnixSeconds;

/// A sealed message and the sessions as they are from now on.
///
/// Store the sessions before the message leaves: had the message gone first and the sessions been lost, the
/// next one would be sealed with the same keys.
#[must_use = "the sessions have taken a step that has to be stored"]
#[non_exhaustive]
pub struct Sealed {
    /// The sessions after the step.
    pub sessions: Sessions,
    /// What to send.
    pub message: CiphertextMessage,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sessions, message } = self;
        f.debug_struct("Sealed").field("sessions", sessions).field("message", message).finish()
    }
}

/// Why nothing could be sealed. In every case the remedy is a new session, from a fresh bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SealError {
    /// There is no session in use.
    #[error("there is no session")]
    NoSession,
    /// The session has gone unanswered for longer than
    /// [`MAX_UNACKNOWLEDGED_SECONDS`](crate::limits::MAX_UNACKNOWLEDGED_SECONDS).
    #[error("the session has gone unanswered for too long")]
    Stale,
    /// The session has sealed 2^32 messages without an answer, or as many within an epoch of the post-quantum
    /// ratchet.
    #[error("the sending chain is exhausted")]
    Exhausted,
}

impl Sessions {
    /// Seals a message in the session in use.
    ///
    /// With `addresses`, a message that can start its session is bound to sender and recipient. Whether the
    /// peer's identity is still the trusted one is the caller's to check, by
    /// [`peer_identity`](Self::peer_identity).
    ///
    /// The post-quantum ratchet draws 64 or 32 bytes of `rng` once in an epoch, which is some 87 messages of
    /// two that talk in turns, and otherwise nothing.
    ///
    /// # Errors
    ///
    /// [`SealError`], with these sessions unchanged.
    ///
    /// # Cost
    ///
    /// One allocation, of exactly the message's length, and no asymmetric operation, but for the one in an
    /// epoch that generates a key pair or encapsulates.
    pub fn seal(
        mut self,
        plaintext: &[u8],
        addresses: Option<&Addresses>,
        now: UnixSeconds,
        rng: &mut impl CryptoRng,
    ) -> Result<Sealed, Failed<SealError>> {
        let Some(session) = &mut self.current else { return Err(Failed::new(self, SealError::NoSession)) };
        if session.is_stale(now) {
            return Err(Failed::new(self, SealError::Stale));
        }
        match session.seal(plaintext, addresses, rng) {
            Ok(message) => Ok(Sealed { sessions: self, message }),
            Err(super::ratchet_encrypt::Exhausted) => Err(Failed::new(self, SealError::Exhausted)),
        }
    }
}
