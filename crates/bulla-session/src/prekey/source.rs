use super::{KyberPreKey, OneTimePreKey, SignedPreKey};
use crate::key::PublicKey;
use crate::numeric_ids::{KyberPreKeyId, OneTimePreKeyId, SignedPreKeyId};

/// Where [`Sessions::open`](crate::Sessions::open) finds the caller's own prekeys, which are loaded by then.
///
/// Opening asks only for the ids named in a message that starts a session, as
/// [`PreKeyIds::peek`](crate::PreKeyIds::peek) tells them beforehand. `None` means that there is no such
/// prekey (any more); the message then fails as
/// [`OpenError::MissingPreKey`](crate::OpenError::MissingPreKey). An implementation only looks: using up is
/// the caller's part, once the opened message is stored.
pub trait PreKeySource {
    /// The signed prekey with this id.
    fn signed(&self, id: SignedPreKeyId) -> Option<&SignedPreKey>;

    /// The Kyber prekey with this id.
    fn kyber(&self, id: KyberPreKeyId) -> Option<&KyberPreKey>;

    /// The one-time prekey with this id.
    fn one_time(&self, id: OneTimePreKeyId) -> Option<&OneTimePreKey>;
}

/// No prekeys at all: enough for every message that does not start a session.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it is nothing, and is written by its name")]
pub struct NoPreKeys;

impl PreKeySource for NoPreKeys {
    fn signed(&self, _: SignedPreKeyId) -> Option<&SignedPreKey> {
        None
    }

    fn kyber(&self, _: KyberPreKeyId) -> Option<&KyberPreKey> {
        None
    }

    fn one_time(&self, _: OneTimePreKeyId) -> Option<&OneTimePreKey> {
        None
    }
}

/// The prekeys one message names, each if it was found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct LoadedPreKeys {
    /// The signed prekey.
    pub signed: Option<SignedPreKey>,
    /// The Kyber prekey.
    pub kyber: Option<KyberPreKey>,
    /// The one-time prekey, if the message names one.
    pub one_time: Option<OneTimePreKey>,
}

impl PreKeySource for LoadedPreKeys {
    fn signed(&self, id: SignedPreKeyId) -> Option<&SignedPreKey> {
        // They may have been loaded for another message: what has another id is none.
        self.signed.as_ref().filter(|prekey| prekey.id() == id)
    }

    fn kyber(&self, id: KyberPreKeyId) -> Option<&KyberPreKey> {
        self.kyber.as_ref().filter(|prekey| prekey.id() == id)
    }

    fn one_time(&self, id: OneTimePreKeyId) -> Option<&OneTimePreKey> {
        self.one_time.as_ref().filter(|prekey| prekey.id() == id)
    }
}

/// The prekeys that an opened message used to start its session.
///
/// In the same commit that stores the session, or after it: delete the one-time prekey; delete the Kyber
/// prekey if it was a one-time one. For a Kyber prekey of last resort remember this whole value, and drop the
/// opened message instead of storing it if it was remembered already: it is a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UsedPreKeys {
    /// The one-time prekey, if one was used.
    pub one_time: Option<OneTimePreKeyId>,
    /// The signed prekey.
    pub signed: SignedPreKeyId,
    /// The Kyber prekey.
    pub kyber: KyberPreKeyId,
    /// The initiator's key that is unique to the session.
    pub base_key: PublicKey,
}
