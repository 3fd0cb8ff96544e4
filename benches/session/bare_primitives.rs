//! The floor: what no implementation can leave out, composed by hand from the fastest primitives at hand.
//!
//! A dialogue between two ends that really opens, with nothing around it: no framing, no records, no
//! storage, no checks of what a stranger sends, no allocation. What can be computed once is. Of the
//! post-quantum ratchet it has the key chains and, once in an epoch, the three operations of ML-KEM-768; the
//! erasure code is left out.

pub(crate) mod cipher;
pub(crate) mod handshake;
pub(crate) mod sha;
pub(crate) mod turns;

use self::cipher::{Lane, Letter};
use self::sha::Keyed;

/// One direction, both ends of it.
pub(crate) struct Steady {
    from: Lane,
    to: Lane,
    zero: Keyed,
}

impl Steady {
    pub(crate) fn new() -> Self {
        let lane = Lane::new([1; 32], [2; 32]);
        Self { from: lane, to: lane, zero: Keyed::new(&[0; 32]) }
    }

    pub(crate) fn seal(&mut self, text: &[u8], letter: &mut Letter) {
        self.from.step(&self.zero).seal(text, letter);
    }

    pub(crate) fn open(&mut self, letter: &mut Letter, out: &mut [u8]) -> usize {
        self.to.step(&self.zero).open(letter, out)
    }

    /// Lets messages go by that are never sent.
    pub(crate) fn lose(&mut self, count: usize) {
        for _ in 0..count {
            self.from.step(&self.zero);
        }
    }

    /// Opens a message that is `skipped` ahead, keeping the seeds of those in between.
    pub(crate) fn open_ahead(&mut self, skipped: usize, letter: &mut Letter, out: &mut [u8]) -> usize {
        let mut kept = Vec::with_capacity(skipped);
        kept.extend((0..skipped).map(|_| self.to.step(&self.zero)));
        std::hint::black_box(kept);
        self.open(letter, out)
    }
}
