//! vodozemac's Olm sessions, in memory. They have no post-quantum part, so they do less; and they are not
//! persisted per message, which is how their users drive them.

use vodozemac::Curve25519PublicKey;
use vodozemac::olm::{Account, OlmMessage, Session, SessionConfig, SessionPickle};

use crate::implementation_under_test::{End, ImplementationUnderTest};

pub(crate) struct Olm {
    alice: Account,
    bob: Account,
    sessions: [Option<Session>; 2],
    one_time: Option<Curve25519PublicKey>,
}

/// As it travels: what kind it is, and its bytes.
pub(crate) type Wire = (usize, Vec<u8>);

impl Olm {
    fn session(&self, end: End) -> &Session {
        self.sessions[usize::from(end == End::Bob)].as_ref().unwrap()
    }

    fn session_mut(&mut self, end: End) -> &mut Option<Session> {
        &mut self.sessions[usize::from(end == End::Bob)]
    }
}

impl ImplementationUnderTest for Olm {
    type Message = Wire;

    const LOADS_TO_SAVE: bool = false;

    fn strangers() -> Self {
        Self { alice: Account::new(), bob: Account::new(), sessions: [None, None], one_time: None }
    }

    fn publish(&mut self) {
        self.sessions = [None, None];
        self.bob.generate_one_time_keys(1);
        self.one_time = self.bob.one_time_keys().values().next().copied();
        self.bob.mark_keys_as_published();
    }

    fn meet(&mut self, text: &[u8]) -> Wire {
        let (theirs, one_time) = (self.bob.curve25519_key(), self.one_time.unwrap());
        let session =
            self.alice.create_outbound_session(SessionConfig::version_1(), theirs, one_time).unwrap();
        *self.session_mut(End::Alice) = Some(session);
        self.seal(End::Alice, text)
    }

    fn seal(&mut self, from: End, text: &[u8]) -> Wire {
        self.session_mut(from).as_mut().unwrap().encrypt(text).unwrap().to_parts()
    }

    fn open(&mut self, to: End, (kind, bytes): &Wire) -> Vec<u8> {
        let message = OlmMessage::from_parts(*kind, bytes).unwrap();
        if let Some(session) = self.session_mut(to) {
            return session.decrypt(&message).unwrap();
        }
        let OlmMessage::PreKey(first) = message else { panic!("a session starts with another message") };
        let theirs = self.alice.curve25519_key();
        let created = self.bob.create_inbound_session(SessionConfig::version_1(), theirs, &first).unwrap();
        *self.session_mut(to) = Some(created.session);
        created.plaintext
    }

    fn stored(&self, end: End) -> Vec<u8> {
        serde_json::to_vec(&self.session(end).pickle()).unwrap()
    }

    fn save(&self, end: End) -> usize {
        self.stored(end).len()
    }

    fn load(&self, _: End, stored: &[u8]) {
        let pickle: SessionPickle = serde_json::from_slice(stored).unwrap();
        std::hint::black_box(Session::from_pickle(pickle));
    }

    fn len((_, bytes): &Wire) -> usize {
        bytes.len()
    }
}
