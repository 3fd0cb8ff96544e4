//! The handshake's post-quantum part: Kyber-1024 as of round 3, which is not ML-KEM-1024.
//!
//! Keys and ciphertexts carry the type byte `0x08` and have exact lengths.

use std::fmt;

use bulla_spqr::Secret;
use libcrux_ml_kem::{kyber1024, mlkem1024};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;

use crate::error::KeyError;

const TYPE: u8 = 0x08;
const PUBLIC: usize = 1568;
const SECRET: usize = 3168;
const CIPHERTEXT: usize = 1568;
/// Where the secret key repeats the public one.
const PUBLIC_IN_SECRET: usize = 1536;

/// A Kyber-1024 public key: 1569 bytes, `0x08` and the key.
#[derive(Clone)]
pub struct KyberPublicKey(Box<[u8; 1 + PUBLIC]>);

impl KyberPublicKey {
    /// How many bytes a serialised key has.
    pub const BYTES: usize = 1 + PUBLIC;

    /// Reads a key.
    ///
    /// # Errors
    ///
    /// [`KeyError::Length`] unless there are exactly 1569 bytes, [`KeyError::Type`] for another type than
    /// `0x08`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        Self::parse("Kyber public key", bytes)
    }

    pub(crate) fn parse(field: &'static str, bytes: &[u8]) -> Result<Self, KeyError> {
        typed(field, bytes).map(|bytes| Self(Box::new(*bytes)))
    }

    /// The serialised form.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// Draws a secret for the owner of this key, using 32 bytes of `rng`.
    pub(crate) fn encapsulate(&self, rng: &mut impl CryptoRng) -> (KyberCiphertext, Secret<32>) {
        let mut key = [0; PUBLIC];
        key.copy_from_slice(&self.0[1..]);
        let mut seed = Secret::<32>::ZERO;
        rng.fill_bytes(seed.expose_mut());
        let (ciphertext, shared) =
            // The library's types are ML-KEM's for both: the function alone says that this is Kyber of
            // round 3.
            kyber1024::encapsulate(&mlkem1024::MlKem1024PublicKey::from(key), *seed.expose());
        let mut bytes = Box::new([TYPE; KyberCiphertext::BYTES]);
        bytes[1..].copy_from_slice(ciphertext.as_slice());
        (KyberCiphertext(bytes), Secret::new(shared))
    }
}

impl PartialEq for KyberPublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for KyberPublicKey {}

impl fmt::Debug for KyberPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [_, a, b, c, d, ..] = *self.0;
        write!(f, "KyberPublicKey({a:02x}{b:02x}{c:02x}{d:02x}..)")
    }
}

/// A Kyber-1024 secret key: 3169 bytes, `0x08` and the key.
struct KyberSecretKey(Box<Secret<{ 1 + SECRET }>>);

/// A Kyber-1024 key pair.
pub struct KyberKeyPair {
    secret: KyberSecretKey,
    public: KyberPublicKey,
}

impl KyberKeyPair {
    /// How many bytes a serialised secret key has.
    pub const SECRET_BYTES: usize = 1 + SECRET;

    /// Draws a new pair, using 64 bytes of `rng`.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut seed = Secret::<64>::ZERO;
        rng.fill_bytes(seed.expose_mut());
        let pair = kyber1024::generate_key_pair(*seed.expose());
        let mut secret = Box::new(Secret::new([TYPE; 1 + SECRET]));
        secret.expose_mut()[1..].copy_from_slice(pair.sk());
        let mut public = Box::new([TYPE; 1 + PUBLIC]);
        public[1..].copy_from_slice(pair.pk());
        Self { secret: KyberSecretKey(secret), public: KyberPublicKey(public) }
    }

    /// Reads a secret key; it contains its public key.
    ///
    /// # Errors
    ///
    /// [`KeyError::Length`] unless there are exactly 3169 bytes, [`KeyError::Type`] for another type than
    /// `0x08`.
    pub fn from_secret_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes: &[u8; 1 + SECRET] = typed("Kyber secret key", bytes)?;
        let mut public = Box::new([TYPE; 1 + PUBLIC]);
        public[1..].copy_from_slice(&bytes[1 + PUBLIC_IN_SECRET..1 + PUBLIC_IN_SECRET + PUBLIC]);
        Ok(Self { secret: KyberSecretKey(Box::new(Secret::new(*bytes))), public: KyberPublicKey(public) })
    }

    /// The serialised secret key.
    #[must_use]
    pub fn expose_secret(&self) -> &[u8; Self::SECRET_BYTES] {
        self.secret.0.expose()
    }

    /// The public key.
    #[must_use]
    pub const fn public(&self) -> &KyberPublicKey {
        &self.public
    }

    /// The secret that `ciphertext` carries; for an altered one, some other secret.
    pub(crate) fn decapsulate(&self, ciphertext: &[u8; KyberCiphertext::BYTES]) -> Secret<32> {
        let mut key = Secret::<SECRET>::ZERO;
        key.expose_mut().copy_from_slice(&self.expose_secret()[1..]);
        let mut body = [0; CIPHERTEXT];
        body.copy_from_slice(&ciphertext[1..]);
        Secret::new(kyber1024::decapsulate(
            &mlkem1024::MlKem1024PrivateKey::from(key.expose()),
            &mlkem1024::MlKem1024Ciphertext::from(body),
        ))
    }
}

impl fmt::Debug for KyberKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { secret: _, public } = self;
        f.debug_struct("KyberKeyPair").field("public", public).finish_non_exhaustive()
    }
}

/// What the initiator sends so that the responder arrives at the same secret: 1569 bytes.
pub(crate) struct KyberCiphertext(Box<[u8; 1 + CIPHERTEXT]>);

impl KyberCiphertext {
    pub(crate) const BYTES: usize = 1 + CIPHERTEXT;

    /// Checks length and type of a ciphertext that stays where it is.
    pub(crate) fn view(bytes: &[u8]) -> Result<&[u8; Self::BYTES], KeyError> {
        typed("Kyber ciphertext", bytes)
    }

    pub(crate) fn from_view(bytes: &[u8; Self::BYTES]) -> Self {
        Self(Box::new(*bytes))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

fn typed<'a, const N: usize>(field: &'static str, bytes: &'a [u8]) -> Result<&'a [u8; N], KeyError> {
    let length = KeyError::Length { field, expected: N, actual: bytes.len() };
    let &found = bytes.first().ok_or(length)?;
    if found != TYPE {
        return Err(KeyError::Type { field, expected: TYPE, found });
    }
    bytes.try_into().map_err(|_| length)
}
