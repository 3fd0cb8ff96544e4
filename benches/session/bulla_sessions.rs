//! Our sessions, persisted for every message: held in memory or read from the parts they are stored in,
//! stepped, and what changed written back.

mod part_store;
pub(crate) mod steps;

use bulla_session::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use self::part_store::PartStore;
use crate::implementation_under_test::{End, ImplementationUnderTest};

const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

/// `HELD` in memory from message to message, or read for each.
pub(crate) struct Ours<const HELD: bool> {
    alice: Side,
    bob: Side,
    prekeys: LoadedPreKeys,
    bundle: PreKeyBundle,
}

struct Side {
    party: LocalIdentity,
    peer: IdentityKey,
    store: PartStore,
    rng: ChaCha20Rng,
}

impl Side {
    fn new(party: LocalIdentity, peer: IdentityKey, seed: u8, held: bool) -> Self {
        Self { party, peer, store: PartStore::new(held), rng: ChaCha20Rng::from_seed([seed; 32]) }
    }

    fn sessions(&mut self) -> Sessions {
        self.store.take()
    }

    fn seal(&mut self, text: &[u8]) -> CiphertextMessage {
        let sealed = self.sessions().seal(text, None, NOW, &mut self.rng).unwrap();
        self.store.put(sealed.sessions);
        sealed.message
    }

    fn open(&mut self, message: &CiphertextMessage, prekeys: &impl PreKeySource) -> Vec<u8> {
        let sessions = self.sessions();
        let trust = Trust::Only(&self.peer);
        let opened = sessions.open(&self.party, message, None, trust, prekeys, &mut self.rng).unwrap();
        self.store.put(opened.sessions);
        opened.plaintext
    }
}

impl<const HELD: bool> Ours<HELD> {
    fn side(&self, end: End) -> &Side {
        match end {
            End::Alice => &self.alice,
            End::Bob => &self.bob,
        }
    }

    fn side_mut(&mut self, end: End) -> &mut Side {
        match end {
            End::Alice => &mut self.alice,
            End::Bob => &mut self.bob,
        }
    }

    /// How often a seal and an open of this many bytes allocate once the sessions are loaded, without storing
    /// them.
    pub(crate) fn allocations_of_the_step(&mut self, length: usize) -> (u64, u64) {
        let text = vec![b'x'; length];
        let (alice, bob) = (self.alice.store.sessions(), self.bob.store.sessions());
        let mut sealed = None;
        let sealing = allocation_counter::measure(|| {
            sealed = alice.seal(&text, None, NOW, &mut self.alice.rng).ok();
        });
        let sealed = sealed.unwrap();
        let mut opened = None;
        let trust = Trust::Only(&self.bob.peer);
        let (party, rng) = (&self.bob.party, &mut self.bob.rng);
        let opening = allocation_counter::measure(|| {
            opened = bob.open(party, &sealed.message, None, trust, &NoPreKeys, rng).ok();
        });
        self.alice.store.put(sealed.sessions);
        self.bob.store.put(opened.unwrap().sessions);
        (sealing.count_total, opening.count_total)
    }
}

impl<const HELD: bool> ImplementationUnderTest for Ours<HELD> {
    type Message = CiphertextMessage;

    const LOADS_TO_SAVE: bool = true;

    fn strangers() -> Self {
        let mut rng = ChaCha20Rng::from_seed([9; 32]);
        let made = UnixMillis::new(1_800_000_000_000);
        let [alice, bob] =
            [1, 2].map(|id| LocalIdentity::new(IdentityKeyPair::generate(&mut rng), RegistrationId::new(id)));
        let signed = SignedPreKey::generate(SignedPreKeyId::new(1), bob.identity(), made, &mut rng);
        let kyber = KyberPreKey::generate(KyberPreKeyId::new(2), bob.identity(), made, &mut rng);
        let one_time = OneTimePreKey::generate(OneTimePreKeyId::new(3), &mut rng);
        let bundle = PreKeyBundle::of(&bob, DeviceId::new(1).unwrap(), Some(&one_time), &signed, &kyber);
        let mut prekeys = LoadedPreKeys::default();
        (prekeys.signed, prekeys.kyber, prekeys.one_time) = (Some(signed), Some(kyber), Some(one_time));
        let (alices, bobs) = (*alice.identity().public(), *bob.identity().public());
        Self { alice: Side::new(alice, bobs, 1, HELD), bob: Side::new(bob, alices, 2, HELD), prekeys, bundle }
    }

    /// Nothing is deleted here that was used up, so what was published once serves again.
    fn publish(&mut self) {
        self.alice.store = PartStore::new(HELD);
        self.bob.store = PartStore::new(HELD);
    }

    fn meet(&mut self, text: &[u8]) -> CiphertextMessage {
        let Side { party, peer, rng, store } = &mut self.alice;
        let sessions = Sessions::new().initiate(party, &self.bundle, Trust::Only(peer), NOW, rng).unwrap();
        let sealed = sessions.seal(text, None, NOW, rng).unwrap();
        store.put(sealed.sessions);
        sealed.message
    }

    fn seal(&mut self, from: End, text: &[u8]) -> CiphertextMessage {
        self.side_mut(from).seal(text)
    }

    fn open(&mut self, to: End, message: &CiphertextMessage) -> Vec<u8> {
        match to {
            End::Alice => self.alice.open(message, &NoPreKeys),
            End::Bob => self.bob.open(message, &self.prekeys),
        }
    }

    fn stored(&self, end: End) -> Vec<u8> {
        self.side(end).store.whole().to_bytes().unwrap().to_vec()
    }

    fn save(&self, end: End) -> usize {
        let mut written = 0;
        self.side(end).store.sessions().into_changes(|_, bytes| written += bytes.map_or(0, <[u8]>::len));
        written
    }

    fn load(&self, end: End, _: &[u8]) {
        std::hint::black_box(self.side(end).store.sessions());
    }

    fn len(message: &CiphertextMessage) -> usize {
        message.bytes.len()
    }
}
