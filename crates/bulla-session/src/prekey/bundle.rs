use super::{KyberPreKey, OneTimePreKey, SignedPreKey};
use crate::error::{KeyError, SignatureError};
use crate::identity::IdentityKey;
use crate::key::{PublicKey, Signature};
use crate::kyber::KyberPublicKey;
use crate::local_identity::LocalIdentity;
use crate::numeric_ids::{DeviceId, KyberPreKeyId, OneTimePreKeyId, RegistrationId, SignedPreKeyId};

/// What one needs of a device to start a session with it.
#[derive(Clone, Debug)]
pub struct PreKeyBundle {
    pub(crate) registration: RegistrationId,
    pub(crate) device: DeviceId,
    pub(crate) one_time: Option<(OneTimePreKeyId, PublicKey)>,
    pub(crate) signed: (SignedPreKeyId, PublicKey, Signature),
    pub(crate) kyber: (KyberPreKeyId, KyberPublicKey, Signature),
    pub(crate) identity: IdentityKey,
}

impl PreKeyBundle {
    /// Reads a bundle from its parts as a directory hands them out: ids, serialised public keys, signatures.
    ///
    /// # Errors
    ///
    /// [`KeyError`] naming the part that is not what it should be. The signatures are checked when a session
    /// is started, or by [`verify`](Self::verify).
    pub fn from_parts(
        registration: RegistrationId,
        device: DeviceId,
        one_time: Option<(OneTimePreKeyId, &[u8])>,
        signed: (SignedPreKeyId, &[u8], &[u8]),
        kyber: (KyberPreKeyId, &[u8], &[u8]),
        identity: &[u8],
    ) -> Result<Self, KeyError> {
        let one_time = match one_time {
            Some((id, key)) => Some((id, PublicKey::parse("one-time prekey", key)?)),
            None => None,
        };
        Ok(Self {
            registration,
            device,
            one_time,
            signed: (
                signed.0,
                PublicKey::parse("signed prekey", signed.1)?,
                Signature::parse("signed prekey signature", signed.2)?,
            ),
            kyber: (
                kyber.0,
                KyberPublicKey::parse("Kyber prekey", kyber.1)?,
                Signature::parse("Kyber prekey signature", kyber.2)?,
            ),
            identity: IdentityKey::from_bytes(identity)?,
        })
    }

    /// The bundle a party hands out about itself.
    #[must_use]
    pub fn of(
        party: &LocalIdentity,
        device: DeviceId,
        one_time: Option<&OneTimePreKey>,
        signed: &SignedPreKey,
        kyber: &KyberPreKey,
    ) -> Self {
        Self {
            registration: party.registration(),
            device,
            one_time: one_time.map(|prekey| (prekey.id(), *prekey.public())),
            signed: (signed.id(), *signed.public(), *signed.signature()),
            kyber: (kyber.id(), kyber.public().clone(), *kyber.signature()),
            identity: *party.identity().public(),
        }
    }

    /// Checks that the identity signed the two prekeys that are signed.
    ///
    /// # Errors
    ///
    /// [`SignatureError`] if either signature is not its own.
    pub fn verify(&self) -> Result<(), SignatureError> {
        let identity = self.identity.public();
        // What is signed is the serialised key, with the byte that says its type in front.
        identity.verify(&self.signed.1.to_bytes(), &self.signed.2)?;
        identity.verify(self.kyber.1.as_bytes(), &self.kyber.2)
    }

    /// The installation it is of.
    #[must_use]
    pub const fn registration(&self) -> RegistrationId {
        self.registration
    }

    /// The device it is of.
    #[must_use]
    pub const fn device(&self) -> DeviceId {
        self.device
    }

    /// The identity it claims. Whether to trust it is the caller's decision.
    #[must_use]
    pub const fn identity(&self) -> &IdentityKey {
        &self.identity
    }

    /// The one-time prekey, unless the device has run out of them.
    #[must_use]
    pub const fn one_time(&self) -> Option<(OneTimePreKeyId, &PublicKey)> {
        match &self.one_time {
            Some((id, key)) => Some((*id, key)),
            None => None,
        }
    }

    /// The signed prekey and its signature.
    #[must_use]
    pub const fn signed(&self) -> (SignedPreKeyId, &PublicKey, &Signature) {
        (self.signed.0, &self.signed.1, &self.signed.2)
    }

    /// The Kyber prekey and its signature.
    #[must_use]
    pub const fn kyber(&self) -> (KyberPreKeyId, &KyberPublicKey, &Signature) {
        (self.kyber.0, &self.kyber.1, &self.kyber.2)
    }
}
