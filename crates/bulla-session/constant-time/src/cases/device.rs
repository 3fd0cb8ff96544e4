//! Two sorts of device: one that hides every secret from the memory checker, and one that hides none.

use bulla_session::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::layout::{Layout, hide_kyber};
use crate::secret::{Chance, hidden, hide, hide_private, reveal, reveal_shape};

pub(super) const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);
const MADE: UnixMillis = UnixMillis::new(1_800_000_000_000);

/// A party and its prekeys.
pub(super) struct Device {
    pub(super) local: LocalIdentity,
    pub(super) signed: SignedPreKey,
    pub(super) kyber: KyberPreKey,
    pub(super) one_time: OneTimePreKey,
}

impl Device {
    /// A party of which nothing is hidden, the same for the same seed.
    pub(super) fn plain(seed: u8) -> Self {
        Self::new(seed, |_| {}, |_| {})
    }

    /// The same party with all that is private hidden.
    pub(super) fn secret(seed: u8) -> Self {
        let party = Self::new(seed, hide_private, hide_kyber);
        for public in [party.identity().public(), party.signed.public(), party.one_time.public()] {
            assert_eq!(hidden(public.as_raw()), 32, "it was not made from the secret");
            reveal(public.as_raw());
        }
        party
    }

    fn new(seed: u8, curve: fn(&mut [u8; 32]), kyber: fn(&mut [u8; KyberKeyPair::SECRET_BYTES])) -> Self {
        let mut rng = ChaCha20Rng::from_seed([seed; 32]);
        let mut keys = [(); 3].map(|()| *PrivateKey::generate(&mut rng).expose());
        let pair = KyberKeyPair::generate(&mut rng);
        // Signatures come first: they are public, so nothing hidden may be in them.
        let [identity, signed, _] = keys.map(|key| PrivateKey::from_bytes(&key).unwrap());
        let signed_signature = identity.sign(&signed.public().to_bytes(), &mut rng);
        let kyber_signature = identity.sign(pair.public().as_bytes(), &mut rng);

        keys.iter_mut().for_each(curve);
        let mut secret = *pair.expose_secret();
        kyber(&mut secret);
        let pair = KyberKeyPair::from_secret_bytes(&secret).unwrap();
        let [identity, signed, one_time] = keys.map(|key| PrivateKey::from_bytes(&key).unwrap());
        Self {
            local: LocalIdentity::new(IdentityKeyPair::from(identity), RegistrationId::new(u32::from(seed))),
            signed: SignedPreKey::from_private(SignedPreKeyId::new(1), signed, signed_signature, MADE),
            kyber: KyberPreKey::from_pair(KyberPreKeyId::new(2), pair, kyber_signature, MADE),
            one_time: OneTimePreKey::from_private(OneTimePreKeyId::new(3), one_time),
        }
    }

    pub(super) fn identity(&self) -> &IdentityKey {
        self.local.identity().public()
    }

    pub(super) fn bundle(&self, with_one_time: bool) -> PreKeyBundle {
        let one_time = with_one_time.then_some(&self.one_time);
        PreKeyBundle::of(&self.local, DeviceId::new(1).unwrap(), one_time, &self.signed, &self.kyber)
    }
}

impl PreKeySource for Device {
    fn signed(&self, id: SignedPreKeyId) -> Option<&SignedPreKey> {
        Some(&self.signed).filter(|prekey| prekey.id() == id)
    }

    fn kyber(&self, id: KyberPreKeyId) -> Option<&KyberPreKey> {
        Some(&self.kyber).filter(|prekey| prekey.id() == id)
    }

    fn one_time(&self, id: OneTimePreKeyId) -> Option<&OneTimePreKey> {
        Some(&self.one_time).filter(|prekey| prekey.id() == id)
    }
}

/// A device of which nothing is hidden: the other end of what is checked.
pub(super) struct Plain {
    pub(super) party: Device,
    pub(super) sessions: Sessions,
    rng: ChaCha20Rng,
}

impl Plain {
    pub(super) fn new(seed: u8) -> Self {
        let rng = ChaCha20Rng::from_seed([seed ^ 0xFF; 32]);
        Self { party: Device::plain(seed), sessions: Sessions::new(), rng }
    }

    /// Two that have heard of each other, so that neither needs prekeys any more.
    pub(super) fn acquainted() -> (Self, Self) {
        let (mut alice, mut bob) = (Self::new(1), Self::new(2));
        alice.meet(&bob.party.bundle(true));
        let hello = alice.seal(b"hello");
        bob.open(&hello).unwrap();
        let answer = bob.seal(b"hello yourself");
        alice.open(&answer).unwrap();
        (alice, bob)
    }

    pub(super) fn meet(&mut self, bundle: &PreKeyBundle) {
        let sessions = std::mem::take(&mut self.sessions);
        self.sessions =
            sessions.initiate(&self.party.local, bundle, Trust::Anyone, NOW, &mut self.rng).unwrap();
    }

    pub(super) fn seal(&mut self, text: &[u8]) -> CiphertextMessage {
        let sealed = std::mem::take(&mut self.sessions).seal(text, None, NOW, &mut self.rng).unwrap();
        self.sessions = sealed.sessions;
        sealed.message
    }

    pub(super) fn open(&mut self, message: &CiphertextMessage) -> Result<Vec<u8>, OpenError> {
        let sessions = std::mem::take(&mut self.sessions);
        let Self { party, rng, .. } = self;
        match sessions.open(&party.local, message, None, Trust::Anyone, party, rng) {
            Ok(opened) => {
                self.sessions = opened.sessions;
                Ok(opened.plaintext)
            }
            Err(failed) => {
                let (sessions, error) = failed.into_parts();
                self.sessions = sessions;
                Err(error)
            }
        }
    }
}

/// A device whose every secret is hidden: private keys, what it draws, what it stored, and what it says.
///
/// It stores its sessions after every step and loads them before the next, as the relay does.
pub(super) struct Secret {
    pub(super) party: Device,
    pub(super) record: Vec<u8>,
    chance: Chance,
}

impl Secret {
    /// A device without sessions.
    pub(super) fn new(seed: u8) -> Self {
        // Another seed than its keys come from, or those of a plain one: a key drawn twice ends a session.
        let chance = Chance::new(seed ^ 0x7F);
        Self { party: Device::secret(seed), record: Sessions::new().to_bytes().unwrap().to_vec(), chance }
    }

    /// A device with the sessions of one made from the same seed.
    pub(super) fn with_sessions(seed: u8, sessions: &Sessions) -> Self {
        Self { record: sessions.to_bytes().unwrap().to_vec(), ..Self::new(seed) }
    }

    /// Loads the record, with exactly its secrets hidden.
    pub(super) fn load(&mut self) -> Sessions {
        Layout::of_sessions(&self.record).hide(&mut self.record);
        reveal_shape(Sessions::from_bytes(&self.record)).unwrap()
    }

    /// Stores sessions, whose secrets all have to come from what was hidden.
    pub(super) fn store(&mut self, sessions: &Sessions) {
        self.record = sessions.to_bytes().unwrap().to_vec();
        Layout::of_sessions(&self.record).assert_hidden(&self.record);
    }

    pub(super) fn meet(&mut self, bundle: &PreKeyBundle, trust: Trust<'_>) {
        let sessions = self.load();
        let result = sessions.initiate(&self.party.local, bundle, trust, NOW, &mut self.chance);
        self.store(&reveal_shape(result).unwrap());
    }

    pub(super) fn seal(&mut self, text: &[u8]) -> CiphertextMessage {
        let mut text = text.to_vec();
        hide(&mut text);
        let sealed = reveal_shape(self.load().seal(&text, None, NOW, &mut self.chance)).unwrap();
        self.store(&sealed.sessions);
        let message = sealed.message;
        // Body and MAC at least.
        assert!(
            hidden(&message.bytes) >= (text.len() / 16 + 1) * 16 + 8,
            "it was not sealed with the secret"
        );
        reveal(&message.bytes);
        message
    }

    pub(super) fn open(
        &mut self,
        message: &CiphertextMessage,
        trust: Trust<'_>,
    ) -> Result<Vec<u8>, OpenError> {
        let sessions = self.load();
        let Self { party, chance, .. } = self;
        match reveal_shape(sessions.open(&party.local, message, None, trust, party, chance)) {
            Ok(opened) => {
                self.store(&opened.sessions);
                let text = opened.plaintext;
                assert_eq!(hidden(&text), text.len(), "it was not opened with the secret");
                reveal(&text);
                Ok(text)
            }
            Err(failed) => {
                let (sessions, error) = failed.into_parts();
                self.store(&sessions);
                Err(error)
            }
        }
    }

    /// The epoch of the post-quantum ratchet in the session in use.
    pub(super) fn epoch(&self) -> u64 {
        Layout::epoch(&self.record)
    }
}
