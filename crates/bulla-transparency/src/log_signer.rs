use std::fmt;

use bulla_base::{Rng, without_trace};
use ed25519_dalek::{Signer, SigningKey};
use zeroize::Zeroizing;

use crate::checkpoint::{self, NoteSignature};
use crate::limits::SIGNING_STACK_BYTES;
use crate::{Head, LogKey, Origin, SignedCheckpoint};

/// The secret key of a log, which signs its checkpoints: Ed25519.
///
/// # Security
/// It is wiped when it is dropped, and does not print.
pub struct LogSigner {
    secret: SigningKey,
    public: LogKey,
}

impl LogSigner {
    /// A new key for the log with this name.
    #[must_use]
    pub fn generate(origin: Origin, rng: &dyn Rng) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill(&mut seed[..]);
        Self::from_seed(origin, &seed)
    }

    /// The key of which `seed` is the private key in the sense of RFC 8032, section 5.1.5.
    #[must_use]
    pub fn from_seed(origin: Origin, seed: &[u8; 32]) -> Self {
        without_trace::<SIGNING_STACK_BYTES, _>(|| {
            let secret = SigningKey::from_bytes(seed);
            let public = LogKey::of(origin, secret.verifying_key());
            Self { secret, public }
        })
    }

    /// What others check its signatures with.
    #[must_use]
    pub const fn public(&self) -> &LogKey {
        &self.public
    }

    /// The seed, to be kept.
    #[must_use]
    pub fn to_seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.secret.to_bytes())
    }

    /// Signs that the log has this head.
    ///
    /// # Cost
    /// One multiplication on the curve.
    ///
    /// # Security
    /// Sign only the head of what is durable, and of one log alone. A log that was put back from a backup and
    /// grew another way has signed two heads that cannot both be true, and whoever sees both can prove it:
    /// before it signs again, it has to read back what it signed last, from its witnesses if need be.
    #[must_use]
    pub fn sign(&self, head: &Head) -> SignedCheckpoint {
        let text = checkpoint::text(self.public.origin(), head);
        let signature = without_trace::<SIGNING_STACK_BYTES, _>(|| self.secret.sign(text.as_bytes()));
        let signature = NoteSignature::new(&self.public, &signature.to_bytes());
        SignedCheckpoint::signed(self.public.origin().clone(), *head, signature)
    }
}

impl fmt::Debug for LogSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { secret: _, public } = self;
        f.debug_struct("LogSigner").field("public", public).finish_non_exhaustive()
    }
}
