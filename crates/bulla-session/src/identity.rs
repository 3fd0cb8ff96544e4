//! The long-term keys that say who a party is.

use std::fmt;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::error::{KeyError, RecordError, SignatureError};
use crate::key::{PrivateKey, PublicKey, Signature};
use crate::protobuf::{Fields, put_bytes};

/// What an identity signs before the key of its other name.
const ALTERNATE_LABEL: &[u8] = b"Signal_PNI_Signature";
const ALTERNATE_PREFIX: [u8; 32] = [0xFF; 32];

/// A party's public identity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IdentityKey(PublicKey);

impl IdentityKey {
    /// Reads an identity key of 33 bytes; more are ignored.
    ///
    /// # Errors
    ///
    /// As [`PublicKey::from_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        PublicKey::parse("identity key", bytes).map(Self)
    }

    /// The serialised form.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; PublicKey::BYTES] {
        self.0.to_bytes()
    }

    /// The curve key behind the identity.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.0
    }

    /// Checks that this identity declared `other` to be the same party under another name.
    ///
    /// # Errors
    ///
    /// [`SignatureError`] if it did not.
    pub fn verify_alternate(&self, other: &IdentityKey, signature: &Signature) -> Result<(), SignatureError> {
        self.0.verify_parts(&[&ALTERNATE_PREFIX, ALTERNATE_LABEL, &other.to_bytes()], signature)
    }
}

impl From<PublicKey> for IdentityKey {
    fn from(key: PublicKey) -> Self {
        Self(key)
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [_, a, b, c, d, ..] = self.0.to_bytes();
        write!(f, "IdentityKey({a:02x}{b:02x}{c:02x}{d:02x}..)")
    }
}

/// A party's identity with its private key.
pub struct IdentityKeyPair {
    private: PrivateKey,
    public: IdentityKey,
}

impl IdentityKeyPair {
    /// Draws a new identity.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self::from(PrivateKey::generate(rng))
    }

    /// Reads the serialised form, a protocol buffer {1: public key, 2: private key}.
    ///
    /// # Errors
    ///
    /// [`RecordError`] if it is none, lacks a key, holds an invalid one or two that do not belong together.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        let (mut public, mut private) = (None, None);
        let mut fields = Fields::new(bytes);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => public = Some(IdentityKey::from_bytes(field.bytes()?)?),
                2 => private = Some(PrivateKey::parse("identity private key", field.bytes()?)?),
                _ => {}
            }
        }
        let public = public.ok_or(RecordError::Missing { field: "identity key" })?;
        let private = private.ok_or(RecordError::Missing { field: "identity private key" })?;
        // Worked out anew and not taken from the bytes: with another public key, everything signed would be
        // refused by everybody.
        let pair = Self::from(private);
        if pair.public == public { Ok(pair) } else { Err(RecordError::Mismatch) }
    }

    /// The serialised form: 69 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(69));
        put_bytes(&mut out, 1, &self.public.to_bytes());
        put_bytes(&mut out, 2, self.private.expose());
        out
    }

    /// The public identity.
    #[must_use]
    pub const fn public(&self) -> &IdentityKey {
        &self.public
    }

    /// The private key.
    #[must_use]
    pub const fn private(&self) -> &PrivateKey {
        &self.private
    }

    /// Signs `message` (XEdDSA).
    #[must_use]
    pub fn sign(&self, message: &[u8], rng: &mut impl CryptoRng) -> Signature {
        self.private.sign(message, rng)
    }

    /// Declares `other` to be the same party under another name.
    #[must_use]
    pub fn sign_alternate(&self, other: &IdentityKey, rng: &mut impl CryptoRng) -> Signature {
        self.private.sign_parts(&[&ALTERNATE_PREFIX, ALTERNATE_LABEL, &other.to_bytes()], rng)
    }
}

impl From<PrivateKey> for IdentityKeyPair {
    fn from(private: PrivateKey) -> Self {
        let public = IdentityKey(private.public());
        Self { private, public }
    }
}

impl fmt::Debug for IdentityKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { private: _, public } = self;
        f.debug_struct("IdentityKeyPair").field("public", public).finish_non_exhaustive()
    }
}
