//! Where the time of one message of ours goes: loading, the step itself, storing.

use std::hint::black_box;

use bulla_session::{NoPreKeys, Sessions, Trust};
use bulla_spqr::{Ratchet, Role};

use super::{NOW, Ours};
use crate::clock::{median, walled};
use crate::implementation_under_test::{End, ImplementationUnderTest, acquainted, turn};

/// Copies of one session that take the same step, few enough to stay in the nearest cache.
const COPIES: usize = 4;
const TEXT: usize = 100;

/// What is told apart.
pub(crate) const STEPS: [&str; 3] = ["load", "step", "store"];

/// Samples of every step of sealing and of opening, and of the post-quantum ratchet's alone.
#[derive(Default)]
pub(crate) struct Steps {
    seal: [Vec<f64>; 3],
    open: [Vec<f64>; 3],
    ratchet: [Vec<f64>; 2],
}

impl Steps {
    /// Over so many messages, with an answer after every tenth, so that every phase of the ratchet comes up.
    pub(crate) fn measured(messages: usize) -> Self {
        let mut steps = Self::default();
        let (mut both, text): (Ours<false>, _) = (acquainted(), [b'x'; TEXT]);
        for number in 0..messages {
            steps.seal(&both, &text);
            let message = both.seal(End::Alice, &text);
            steps.open(&both, &message);
            both.open(End::Bob, &message);
            if number.is_multiple_of(10) {
                turn(&mut both, End::Bob, b"understood");
                turn(&mut both, End::Alice, b"good");
            }
        }
        steps.ratchet(messages);
        steps
    }

    fn seal(&mut self, both: &Ours<false>, text: &[u8]) {
        let (store, mut rng) = (&both.alice.store, both.alice.rng.clone());
        let mut loaded = Vec::with_capacity(COPIES);
        let mut sealed = Vec::with_capacity(COPIES);
        let mut stored = Vec::with_capacity(4_096);
        self.seal[0].push(walled(COPIES, |_| loaded.push(store.sessions())));
        self.seal[1].push(walled(COPIES, |_| {
            sealed.push(loaded.pop().unwrap().seal(text, None, NOW, &mut rng).unwrap());
        }));
        self.seal[2].push(walled(COPIES, |_| write(sealed.pop().unwrap().sessions, &mut stored)));
    }

    fn open(&mut self, both: &Ours<false>, message: &<Ours<false> as ImplementationUnderTest>::Message) {
        let (side, mut rng) = (&both.bob, both.bob.rng.clone());
        let trust = Trust::Only(&side.peer);
        let mut loaded = Vec::with_capacity(COPIES);
        let mut opened = Vec::with_capacity(COPIES);
        let mut stored = Vec::with_capacity(4_096);
        self.open[0].push(walled(COPIES, |_| loaded.push(side.store.sessions())));
        self.open[1].push(walled(COPIES, |_| {
            let sessions = loaded.pop().unwrap();
            opened.push(sessions.open(&side.party, message, None, trust, &NoPreKeys, &mut rng).unwrap());
        }));
        self.open[2].push(walled(COPIES, |_| write(opened.pop().unwrap().sessions, &mut stored)));
    }

    /// The post-quantum ratchet in memory, two that answer each other every tenth message.
    fn ratchet(&mut self, messages: usize) {
        let mut rng = acquainted::<Ours<false>>().alice.rng;
        let mut ends = [Role::Initiator, Role::Responder].map(|role| Ratchet::new(role, &[1; 32]));
        for number in 0..messages {
            let [alice, bob] = &mut ends;
            let (from, to) = if number.is_multiple_of(10) { (bob, alice) } else { (alice, bob) };
            let mut sent = None;
            self.ratchet[0].push(walled(1, |_| sent = Some(from.send(&mut rng).unwrap())));
            let sent = sent.unwrap();
            self.ratchet[1].push(walled(1, |_| {
                let received = to.receive(sent.message.as_bytes()).unwrap();
                assert!(black_box(to.accept(received)), "the step was not taken");
            }));
        }
    }

    /// The median of each step.
    pub(crate) fn seal_medians(&self) -> impl Iterator<Item = Option<f64>> {
        self.seal.iter().map(|samples| median(samples))
    }

    /// The median of each step.
    pub(crate) fn open_medians(&self) -> impl Iterator<Item = Option<f64>> {
        self.open.iter().map(|samples| median(samples))
    }

    /// Sending and receiving of the post-quantum ratchet.
    pub(crate) fn ratchet_medians(&self) -> [Option<f64>; 2] {
        self.ratchet.each_ref().map(|samples| median(samples))
    }
}

/// Writes what has changed where there is room for it.
fn write(sessions: Sessions, out: &mut Vec<u8>) {
    out.clear();
    sessions.into_changes(|_, bytes| out.extend_from_slice(bytes.unwrap_or_default()));
    black_box(out);
}
