//! One device in memory, which stores and loads its sessions around every step.

use std::collections::BTreeMap;

use bulla_session::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::part_store::PartStore;

pub(crate) const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

/// A device's prekeys: one signed, one Kyber, and the one-time ones that are left.
pub(crate) struct PreKeys {
    pub(crate) signed: SignedPreKey,
    pub(crate) kyber: KyberPreKey,
    pub(crate) one_time: BTreeMap<OneTimePreKeyId, OneTimePreKey>,
}

impl PreKeySource for PreKeys {
    fn signed(&self, id: SignedPreKeyId) -> Option<&SignedPreKey> {
        Some(&self.signed).filter(|prekey| prekey.id() == id)
    }

    fn kyber(&self, id: KyberPreKeyId) -> Option<&KyberPreKey> {
        Some(&self.kyber).filter(|prekey| prekey.id() == id)
    }

    fn one_time(&self, id: OneTimePreKeyId) -> Option<&OneTimePreKey> {
        self.one_time.get(&id)
    }
}

pub(crate) struct TestDevice {
    pub(crate) party: LocalIdentity,
    pub(crate) prekeys: PreKeys,
    pub(crate) sessions: Sessions,
    pub(crate) addresses: Option<Addresses>,
    pub(crate) trusted: Option<IdentityKey>,
    pub(crate) rng: ChaCha20Rng,
    /// The same sessions in parts, which are to do the same.
    pub(crate) store: PartStore,
}

impl TestDevice {
    /// A device whose every secret follows from `seed`, with a hundred one-time prekeys.
    pub(crate) fn new(seed: u8) -> Self {
        let mut rng = ChaCha20Rng::from_seed([seed; 32]);
        let identity = IdentityKeyPair::generate(&mut rng);
        let made = UnixMillis::new(1_800_000_000_000);
        let signed = SignedPreKey::generate(SignedPreKeyId::new(7), &identity, made, &mut rng);
        let kyber = KyberPreKey::generate(KyberPreKeyId::new(8), &identity, made, &mut rng);
        let one_time = (1..=100)
            .map(OneTimePreKeyId::new)
            .map(|id| (id, OneTimePreKey::generate(id, &mut rng)))
            .collect();
        Self {
            party: LocalIdentity::new(identity, RegistrationId::new(u32::from(seed))),
            prekeys: PreKeys { signed, kyber, one_time },
            sessions: Sessions::new(),
            addresses: None,
            trusted: None,
            rng,
            store: PartStore::of(&Sessions::new()),
        }
    }

    /// Two devices, the first of which has started a session with the second.
    pub(crate) fn pair() -> (Self, Self) {
        let (mut alice, bob) = (Self::new(1), Self::new(2));
        alice.meet(&bob);
        (alice, bob)
    }

    /// Two devices that have heard of each other, so that neither needs prekeys any more.
    pub(crate) fn acquainted() -> (Self, Self) {
        let (mut alice, mut bob) = Self::pair();
        let hello = alice.say(b"hello");
        bob.hear(&hello).unwrap();
        let answer = bob.say(b"hello yourself");
        alice.hear(&answer).unwrap();
        (alice, bob)
    }

    pub(crate) fn identity(&self) -> IdentityKey {
        *self.party.identity().public()
    }

    pub(crate) fn bundle(&self) -> PreKeyBundle {
        let one_time = self.prekeys.one_time.values().next();
        let device = DeviceId::new(1).unwrap();
        PreKeyBundle::of(&self.party, device, one_time, &self.prekeys.signed, &self.prekeys.kyber)
    }

    pub(crate) fn meet(&mut self, other: &TestDevice) {
        self.line_up();
        let (bundle, trust) = (other.bundle(), Trust::from(self.trusted.as_ref()));
        let in_parts = self.store.whole();
        let in_parts = in_parts.initiate(&self.party, &bundle, trust, NOW, &mut self.rng.clone()).unwrap();
        self.store.put(in_parts);
        self.sessions = std::mem::take(&mut self.sessions)
            .initiate(&self.party, &bundle, trust, NOW, &mut self.rng)
            .unwrap();
        self.reload();
    }

    /// Takes the session in use out of use.
    pub(crate) fn archive(&mut self) {
        self.line_up();
        self.store.put(self.store.whole().archive_current().unwrap());
        self.sessions = std::mem::take(&mut self.sessions).archive_current().unwrap();
        self.reload();
    }

    /// Retires what is archived.
    pub(crate) fn retire(&mut self) {
        self.line_up();
        let mut in_parts = self.store.whole();
        in_parts.retire_archived().unwrap();
        self.store.put(in_parts);
        self.sessions.retire_archived().unwrap();
        self.reload();
    }

    pub(crate) fn say(&mut self, text: &[u8]) -> CiphertextMessage {
        self.try_say(text, NOW).unwrap()
    }

    pub(crate) fn try_say(&mut self, text: &[u8], now: UnixSeconds) -> Result<CiphertextMessage, SealError> {
        let before = self.sessions.to_bytes().unwrap();
        self.line_up();
        let in_parts = self.store.take().seal(text, self.addresses.as_ref(), now, &mut self.rng.clone());
        let in_parts = in_parts.map(|sealed| {
            self.store.put(sealed.sessions);
            sealed.message
        });
        let sessions = std::mem::take(&mut self.sessions);
        match sessions.seal(text, self.addresses.as_ref(), now, &mut self.rng) {
            Ok(sealed) => {
                self.sessions = sealed.sessions;
                assert_eq!(in_parts.unwrap().bytes, sealed.message.bytes, "parts seal something else");
                self.reload();
                Ok(sealed.message)
            }
            Err(failed) => {
                let (sessions, error) = failed.into_parts();
                assert_eq!(in_parts.unwrap_err().error(), &error);
                assert_eq!(sessions.to_bytes().unwrap(), before, "a failed seal left a trace");
                self.sessions = sessions;
                Err(error)
            }
        }
    }

    pub(crate) fn hear<'a>(&mut self, message: impl Into<CiphertextRef<'a>>) -> Result<Vec<u8>, OpenError> {
        self.hear_all(message).map(|heard| heard.plaintext)
    }

    /// As [`hear`](Self::hear), with everything that is known of the message.
    pub(crate) fn hear_all<'a>(&mut self, message: impl Into<CiphertextRef<'a>>) -> Result<Heard, OpenError> {
        let before = self.sessions.to_bytes().unwrap();
        self.line_up();
        let message = message.into();
        let trust = Trust::from(self.trusted.as_ref());
        let addresses = self.addresses.as_ref();
        let in_parts = self.store.open(|sessions| {
            sessions.open(&self.party, message, addresses, trust, &self.prekeys, &mut self.rng.clone())
        });
        let in_parts = in_parts.map(|opened| {
            self.store.put(opened.sessions);
            opened.plaintext
        });
        let sessions = std::mem::take(&mut self.sessions);
        match sessions.open(&self.party, message, addresses, trust, &self.prekeys, &mut self.rng) {
            Ok(opened) => {
                self.sessions = opened.sessions;
                assert_eq!(in_parts.as_ref(), Ok(&opened.plaintext), "parts open something else");
                self.reload();
                if let Some(id) = opened.used.and_then(|used| used.one_time) {
                    self.prekeys.one_time.remove(&id).unwrap();
                }
                let Opened { plaintext, identity, identity_changed, used, .. } = opened;
                Ok(Heard { plaintext, identity, identity_changed, used })
            }
            Err(failed) => {
                let (sessions, error) = failed.into_parts();
                assert_eq!(in_parts.err(), Some(error));
                assert_eq!(sessions.to_bytes().unwrap(), before, "a failed open left a trace");
                self.sessions = sessions;
                Err(error)
            }
        }
    }

    /// Stores the sessions and goes on with what was stored.
    pub(crate) fn reload(&mut self) {
        let stored = self.sessions.to_bytes().unwrap();
        assert_eq!(self.sessions.stored_len(), stored.len());
        self.sessions = Sessions::from_bytes(&stored).unwrap();
        assert_eq!(self.sessions.to_bytes().unwrap(), stored, "the stored form is not canonical");
        assert_eq!(self.store.whole().to_bytes().unwrap(), stored, "the parts hold something else");
    }

    /// Puts the parts in line with sessions that a test has put in place of others.
    fn line_up(&mut self) {
        if self.store.whole().to_bytes() != self.sessions.to_bytes() {
            self.store = PartStore::of(&self.sessions);
        }
    }
}

pub(crate) struct Heard {
    pub(crate) plaintext: Vec<u8>,
    pub(crate) identity: IdentityKey,
    pub(crate) identity_changed: bool,
    pub(crate) used: Option<UsedPreKeys>,
}

/// The message inside one that can start a session.
pub(crate) fn inner(message: &CiphertextMessage) -> Vec<u8> {
    assert_eq!(message.kind, MessageKind::PreKey);
    message::PreKeySignalMessage::parse(&message.bytes).unwrap().message().to_bytes()
}
