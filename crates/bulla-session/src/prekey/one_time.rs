use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::record::Record;
use crate::error::RecordError;
use crate::key::{KeyPair, PrivateKey, PublicKey};
use crate::numeric_ids::OneTimePreKeyId;

/// A prekey for one session only; its owner deletes it once used.
#[derive(Debug)]
pub struct OneTimePreKey {
    id: OneTimePreKeyId,
    pair: KeyPair,
}

impl OneTimePreKey {
    /// Draws a new prekey.
    #[must_use]
    pub fn generate(id: OneTimePreKeyId, rng: &mut impl CryptoRng) -> Self {
        Self { id, pair: KeyPair::generate(rng) }
    }

    /// The prekey with this private key.
    #[must_use]
    pub fn from_private(id: OneTimePreKeyId, private: PrivateKey) -> Self {
        Self { id, pair: KeyPair::from(private) }
    }

    /// Reads a stored prekey.
    ///
    /// # Errors
    ///
    /// [`RecordError`] if it is none.
    pub fn from_record(bytes: &[u8]) -> Result<Self, RecordError> {
        let record = Record::parse(bytes)?;
        let public = PublicKey::parse("one-time prekey", record.public)?;
        let private = PrivateKey::parse("one-time private prekey", record.private)?;
        let prekey = Self::from_private(OneTimePreKeyId::new(record.id), private);
        if prekey.pair.public == public { Ok(prekey) } else { Err(RecordError::Mismatch) }
    }

    /// The form to store, the one the official library uses.
    #[must_use]
    pub fn to_record(&self) -> Zeroizing<Vec<u8>> {
        let (public, private) = (self.pair.public.to_bytes(), self.pair.private.expose());
        Record { id: self.id.value(), public: &public, private, signature: &[], created: 0 }.to_bytes()
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> OneTimePreKeyId {
        self.id
    }

    /// The key to publish.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.pair.public
    }

    pub(crate) const fn private(&self) -> &PrivateKey {
        &self.pair.private
    }
}
