//! Two devices, an unreliable carrier, and a store that may go back in time.

use std::collections::{BTreeMap, BTreeSet};

use bulla_session::message::{PreKeySignalMessage, SignalMessage};
use bulla_session::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::part_store::PartStore;
use crate::test_device::{NOW, PreKeys, TestDevice};

/// The most that happens in one dialogue.
const EVENTS: usize = 160;

/// The most messages under way: so few that none is late by more chains than are kept.
const UNDER_WAY: usize = 4;

/// The most rounds of undisturbed talk in one dialogue: two epochs of the post-quantum ratchet.
const ROUNDS: u8 = 96;

/// What identifies the keys of a message: the sender's ratchet key and the position in its chain.
type Position = ([u8; 33], u32);

struct Device {
    side: TestDevice,
    /// Whose keys were used to open something, in the history the record has now.
    opened: BTreeSet<Position>,
    /// What was sealed with which keys, in whatever history.
    sealed: BTreeMap<Position, u32>,
    /// The record of some moment, with what it had opened by then.
    kept: Option<(Vec<u8>, BTreeSet<Position>)>,
    /// Whether an older record was put back.
    restored: bool,
}

/// A message under way.
#[derive(Clone)]
struct Letter {
    message: CiphertextMessage,
    from: usize,
    text: Vec<u8>,
}

struct Dialogue {
    devices: [Device; 2],
    under_way: Vec<Letter>,
    count: u32,
    /// The rounds of undisturbed talk that are left.
    rounds: u8,
    /// How many sessions were started, by either.
    begun: usize,
    /// As long as the two have only talked, nothing that arrives for the first time may be refused.
    calm: bool,
}

/// Two bytes are one event: what happens, and to which message.
pub(crate) fn check(bytes: &[u8]) {
    let mut dialogue = Dialogue::begin();
    let (events, _) = bytes.as_chunks::<2>();
    for &[event, argument] in events.iter().take(EVENTS) {
        dialogue.on(event, argument);
    }
    dialogue.end();
}

impl Dialogue {
    fn begin() -> Self {
        let [mut alice, bob] = [1, 2].map(Device::new);
        alice.side.meet(&bob.side);
        Self { devices: [alice, bob], under_way: Vec::new(), count: 0, rounds: ROUNDS, begun: 1, calm: true }
    }

    fn on(&mut self, event: u8, argument: u8) {
        let who = usize::from(event >> 7);
        let place = usize::from(argument) % UNDER_WAY;
        match event & 0x0F {
            0..=3 => self.say(who, argument),
            4..=7 => self.deliver(place, false),
            8 => self.deliver(place, true),
            9 if place < self.under_way.len() => drop(self.under_way.remove(place)),
            10 => self.altered(place, event, argument),
            11 => self.reflected(place),
            12 => self.inner_alone(place),
            13 => {
                let device = &mut self.devices[who];
                device.kept =
                    Some((device.side.sessions.to_bytes().unwrap().to_vec(), device.opened.clone()));
            }
            14 => self.restore(who),
            15 if argument < 0x40 => self.talk(argument),
            15 if argument < 0x80 => {
                self.calm = false;
                let side = &mut self.devices[who].side;
                side.archive();
            }
            15 => {
                self.calm = false;
                let [alice, bob] = &mut self.devices;
                let (one, other) = if who == 0 { (alice, bob) } else { (bob, alice) };
                one.side.meet(&other.side);
                self.begun += 1;
            }
            _ => {}
        }
    }

    fn say(&mut self, from: usize, length: u8) {
        if self.under_way.len() == UNDER_WAY {
            return;
        }
        self.count += 1;
        let mut text = self.count.to_be_bytes().to_vec();
        text.resize(4 + usize::from(length), length);
        let device = &mut self.devices[from];
        let has_session = !device.side.sessions.needs_session(NOW);
        match device.side.try_say(&text, NOW) {
            Ok(message) => {
                let before = device.sealed.insert(position(&message), self.count);
                assert!(
                    before.is_none() || device.restored,
                    "{before:?} and {} share their keys",
                    self.count
                );
                self.under_way.push(Letter { message, from, text });
            }
            Err(error) => assert!(error == SealError::NoSession && !has_session, "{error}"),
        }
    }

    /// Both talk in turns, so that the post-quantum ratchet moves on. What was under way is lost: it would be
    /// late by more chains than are kept.
    fn talk(&mut self, rounds: u8) {
        let rounds = rounds.min(self.rounds);
        self.rounds -= rounds;
        self.under_way.clear();
        for _ in 0..rounds {
            for who in [0, 1] {
                self.say(who, 0);
                self.deliver(0, false);
            }
        }
    }

    fn deliver(&mut self, place: usize, again: bool) {
        if place >= self.under_way.len() {
            return;
        }
        let letter = if again { self.under_way[place].clone() } else { self.under_way.remove(place) };
        let may_open = !self.devices[1 - letter.from].opened.contains(&position(&letter.message));
        let opened = self.open(&letter, (&letter.message).into());
        assert!(opened.is_ok() || !(self.calm && may_open), "refused: {opened:?}");
    }

    /// Opens what may be the letter, and holds it against all that was opened before.
    fn open(&mut self, letter: &Letter, message: CiphertextRef<'_>) -> Result<(), OpenError> {
        let device = &mut self.devices[1 - letter.from];
        // That a failure leaves the record as it was to the byte is checked inside.
        let plaintext = device.side.hear(message)?;
        assert_eq!(plaintext, letter.text, "something else was opened than was sealed");
        assert!(device.opened.insert(position(&letter.message)), "the same keys opened twice");
        // Beside the one in use.
        assert!(device.side.sessions.archived_count() < self.begun, "a session is kept twice");
        Ok(())
    }

    /// A flipped bit. Around the message inside one that starts a session there is what nothing depends on
    /// once the session is there; then it opens as what it is.
    fn altered(&mut self, place: usize, event: u8, argument: u8) {
        let Some(letter) = self.under_way.get(place).cloned() else { return };
        let mut message = letter.message.clone();
        let byte = (usize::from(event >> 4) << 8 | usize::from(argument)) % message.bytes.len();
        message.bytes[byte] ^= 1 << (event >> 4 & 7);
        let result = self.open(&letter, (&message).into());
        assert!(result.is_err() || message.kind == MessageKind::PreKey, "an altered message opened");
    }

    /// A message that comes back to who sent it.
    fn reflected(&mut self, place: usize) {
        let Some(letter) = self.under_way.get(place) else { return };
        let device = &mut self.devices[letter.from];
        assert!(device.side.hear(&letter.message).is_err(), "a reflected message opened");
    }

    /// The message inside one that starts a session.
    fn inner_alone(&mut self, place: usize) {
        let Some(letter) = self.under_way.get(place).cloned() else { return };
        if letter.message.kind == MessageKind::PreKey {
            let inner = crate::test_device::inner(&letter.message);
            let _ = self.open(&letter, CiphertextRef::new(MessageKind::Signal, &inner));
        }
    }

    /// Puts an older record back. From then on keys may seal twice, as it says where sessions are stored; the
    /// other device opens one of the two only.
    fn restore(&mut self, who: usize) {
        let device = &mut self.devices[who];
        let Some((stored, opened)) = device.kept.clone() else { return };
        if *stored != **device.side.sessions.to_bytes().unwrap() {
            self.calm = false;
            device.restored = true;
        }
        device.side.sessions = Sessions::from_bytes(&stored).unwrap();
        device.opened = opened;
    }

    /// Whatever happened, a new session sets it right, and the old ones' messages stay what they are.
    fn end(mut self) {
        while !self.under_way.is_empty() {
            self.deliver(0, false);
        }
        let [alice, bob] = &mut self.devices;
        alice.side.meet(&bob.side);
        self.begun += 1;
        for round in 0..3 {
            for _ in 0..2 {
                self.calm = true;
                self.say(round % 2, 0);
                self.deliver(0, false);
            }
        }
    }
}

impl Device {
    /// As any [`TestDevice`], with so few prekeys that it is quickly made and that they run out.
    fn new(seed: u8) -> Self {
        let mut rng = ChaCha20Rng::from_seed([seed; 32]);
        let identity = IdentityKeyPair::generate(&mut rng);
        let made = UnixMillis::new(1_800_000_000_000);
        let signed = SignedPreKey::generate(SignedPreKeyId::new(7), &identity, made, &mut rng);
        let kyber = KyberPreKey::generate(KyberPreKeyId::new(8), &identity, made, &mut rng);
        let one_time =
            [1, 2].map(OneTimePreKeyId::new).map(|id| (id, OneTimePreKey::generate(id, &mut rng))).into();
        let side = TestDevice {
            party: LocalIdentity::new(identity, RegistrationId::new(u32::from(seed))),
            prekeys: PreKeys { signed, kyber, one_time },
            sessions: Sessions::new(),
            addresses: None,
            trusted: None,
            rng,
            store: PartStore::of(&Sessions::new()),
        };
        Self { side, opened: BTreeSet::new(), sealed: BTreeMap::new(), kept: None, restored: false }
    }
}

fn position(message: &CiphertextMessage) -> Position {
    let of = |message: &SignalMessage<'_>| (message.ratchet_key().to_bytes(), message.counter());
    match message.kind {
        MessageKind::PreKey => of(PreKeySignalMessage::parse(&message.bytes).unwrap().message()),
        _ => of(&SignalMessage::parse(&message.bytes).unwrap()),
    }
}
