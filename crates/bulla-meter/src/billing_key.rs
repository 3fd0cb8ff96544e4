use std::fmt;

use bulla_base::{Rng, without_trace};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use crate::InvalidForm;
use crate::error::invalid;
use crate::limits::SIGNING_STACK_BYTES;

/// What a signature is for. It is part of what is signed, so that none is good for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// These are our prices.
    Card,
    /// This is what we bill.
    Statement,
    /// We agree with that statement.
    CounterSignature,
    /// We do not.
    Dispute,
    /// This is put right.
    Adjustment,
}

impl Purpose {
    const fn mark(self) -> &'static [u8] {
        match self {
            Self::Card => b"bulla-meter card\0",
            Self::Statement => b"bulla-meter statement\0",
            Self::CounterSignature => b"bulla-meter counter-signature\0",
            Self::Dispute => b"bulla-meter dispute\0",
            Self::Adjustment => b"bulla-meter adjustment\0",
        }
    }

    fn text(self, bytes: &[u8]) -> Vec<u8> {
        [self.mark(), bytes].concat()
    }
}

/// A signature: Ed25519 (RFC 8032).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

impl Signature {
    /// The signature with these bytes, good or not.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(64 bytes)")
    }
}

/// The public key of who signs bills.
///
/// # Security
/// It has to come from elsewhere than with the statement.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BillingKey(VerifyingKey);

impl BillingKey {
    /// The key with these bytes.
    ///
    /// # Errors
    /// When they are no point, or one of small order, under which a signature can be made for anything.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, InvalidForm> {
        match VerifyingKey::from_bytes(bytes) {
            Ok(key) if !key.is_weak() => Ok(Self(key)),
            _ => Err(invalid("billing key", "an Ed25519 public key")),
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Whether it signed `bytes` for `purpose`.
    ///
    /// # Cost
    /// Two multiplications on the curve.
    #[must_use]
    pub fn has_signed(&self, purpose: Purpose, bytes: &[u8], signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        self.0.verify_strict(&purpose.text(bytes), &signature).is_ok()
    }
}

impl fmt::Display for BillingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BillingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BillingKey({self})")
    }
}

/// The secret key of who signs bills.
///
/// # Security
/// It is wiped when it is dropped, and does not print.
pub struct BillingSigner {
    secret: SigningKey,
    public: BillingKey,
}

impl BillingSigner {
    /// A new key.
    #[must_use]
    pub fn generate(rng: &dyn Rng) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill(&mut seed[..]);
        Self::from_seed(&seed)
    }

    /// The key of which `seed` is the private key in the sense of RFC 8032, section 5.1.5.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        without_trace::<SIGNING_STACK_BYTES, _>(|| {
            let secret = SigningKey::from_bytes(seed);
            let public = BillingKey(secret.verifying_key());
            Self { secret, public }
        })
    }

    /// What others check its signatures with.
    #[must_use]
    pub const fn public(&self) -> &BillingKey {
        &self.public
    }

    /// Signs `bytes` for `purpose`.
    #[must_use]
    pub fn sign(&self, purpose: Purpose, bytes: &[u8]) -> Signature {
        let text = purpose.text(bytes);
        Signature(without_trace::<SIGNING_STACK_BYTES, _>(|| self.secret.sign(&text).to_bytes()))
    }
}

impl fmt::Debug for BillingSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { secret: _, public } = self;
        f.debug_struct("BillingSigner").field("public", public).finish_non_exhaustive()
    }
}
