use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::record::Record;
use crate::error::RecordError;
use crate::identity::IdentityKeyPair;
use crate::key::Signature;
use crate::kyber::{KyberKeyPair, KyberPublicKey};
use crate::numeric_ids::KyberPreKeyId;
use crate::time::UnixMillis;

/// A post-quantum prekey, signed by its owner's identity.
///
/// The protocol does not tell a one-time key from one of last resort. The owner does: the former is deleted
/// once used; for the latter it remembers each [`UsedPreKeys`](crate::UsedPreKeys) and refuses a repetition.
#[derive(Debug)]
pub struct KyberPreKey {
    id: KyberPreKeyId,
    pair: KyberKeyPair,
    signature: Signature,
    created: UnixMillis,
}

impl KyberPreKey {
    /// Draws a new prekey and signs it.
    #[must_use]
    pub fn generate(
        id: KyberPreKeyId,
        identity: &IdentityKeyPair,
        created: UnixMillis,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let pair = KyberKeyPair::generate(rng);
        let signature = identity.sign(pair.public().as_bytes(), rng);
        Self { id, pair, signature, created }
    }

    /// The prekey with this pair and signature.
    #[must_use]
    pub fn from_pair(
        id: KyberPreKeyId,
        pair: KyberKeyPair,
        signature: Signature,
        created: UnixMillis,
    ) -> Self {
        Self { id, pair, signature, created }
    }

    /// Reads a stored prekey.
    ///
    /// # Errors
    ///
    /// [`RecordError`] if it is none. The signature is not checked here: those who start a session do.
    pub fn from_record(bytes: &[u8]) -> Result<Self, RecordError> {
        let record = Record::parse(bytes)?;
        let public = KyberPublicKey::parse("Kyber prekey", record.public)?;
        let pair = KyberKeyPair::from_secret_bytes(record.private)?;
        let signature = Signature::parse("Kyber prekey signature", record.signature)?;
        if *pair.public() != public {
            return Err(RecordError::Mismatch);
        }
        Ok(Self {
            id: KyberPreKeyId::new(record.id),
            pair,
            signature,
            created: UnixMillis::new(record.created),
        })
    }

    /// The form to store, the one the official library uses.
    #[must_use]
    pub fn to_record(&self) -> Zeroizing<Vec<u8>> {
        Record {
            id: self.id.value(),
            public: self.pair.public().as_bytes(),
            private: self.pair.expose_secret(),
            signature: self.signature.as_bytes(),
            created: self.created.value(),
        }
        .to_bytes()
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> KyberPreKeyId {
        self.id
    }

    /// The key to publish.
    #[must_use]
    pub const fn public(&self) -> &KyberPublicKey {
        self.pair.public()
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

    pub(crate) const fn pair(&self) -> &KyberKeyPair {
        &self.pair
    }
}
