use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::record::Record;
use crate::error::RecordError;
use crate::identity::IdentityKeyPair;
use crate::key::{KeyPair, PrivateKey, PublicKey, Signature};
use crate::numeric_ids::SignedPreKeyId;
use crate::time::UnixMillis;

/// A prekey for many sessions, signed by its owner's identity and replaced every few days.
#[derive(Debug)]
pub struct SignedPreKey {
    id: SignedPreKeyId,
    pair: KeyPair,
    signature: Signature,
    created: UnixMillis,
}

impl SignedPreKey {
    /// Draws a new prekey and signs it.
    #[must_use]
    pub fn generate(
        id: SignedPreKeyId,
        identity: &IdentityKeyPair,
        created: UnixMillis,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let pair = KeyPair::generate(rng);
        let signature = identity.sign(&pair.public.to_bytes(), rng);
        Self { id, pair, signature, created }
    }

    /// The prekey with this private key and signature.
    #[must_use]
    pub fn from_private(
        id: SignedPreKeyId,
        private: PrivateKey,
        signature: Signature,
        created: UnixMillis,
    ) -> Self {
        Self { id, pair: KeyPair::from(private), signature, created }
    }

    /// Reads a stored prekey.
    ///
    /// # Errors
    ///
    /// [`RecordError`] if it is none. The signature is not checked here: those who start a session do.
    pub fn from_record(bytes: &[u8]) -> Result<Self, RecordError> {
        let record = Record::parse(bytes)?;
        let public = PublicKey::parse("signed prekey", record.public)?;
        let private = PrivateKey::parse("signed private prekey", record.private)?;
        let signature = Signature::parse("signed prekey signature", record.signature)?;
        let id = SignedPreKeyId::new(record.id);
        let prekey = Self::from_private(id, private, signature, UnixMillis::new(record.created));
        if prekey.pair.public == public { Ok(prekey) } else { Err(RecordError::Mismatch) }
    }

    /// The form to store, the one the official library uses.
    #[must_use]
    pub fn to_record(&self) -> Zeroizing<Vec<u8>> {
        Record {
            id: self.id.value(),
            public: &self.pair.public.to_bytes(),
            private: self.pair.private.expose(),
            signature: self.signature.as_bytes(),
            created: self.created.value(),
        }
        .to_bytes()
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> SignedPreKeyId {
        self.id
    }

    /// The key to publish.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.pair.public
    }

    /// The identity's signature over it, to publish too.
    #[must_use]
    pub const fn signature(&self) -> &Signature {
        &self.signature
    }

    /// When it was made.
    #[must_use]
    pub const fn created(&self) -> UnixMillis {
        self.created
    }

    pub(crate) const fn pair(&self) -> &KeyPair {
        &self.pair
    }
}
