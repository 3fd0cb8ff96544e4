//! Where the secrets stand in what is stored: the one place that knows the stored forms byte by byte.
//!
//! The forms are drawn at `bulla_session::Sessions::to_bytes` and in `bulla_spqr::serialization`. All that is
//! not named as a secret here is public: ids, counters, lengths, states, public keys, ciphertexts.

mod ratchet;
mod session;

use std::ops::Range;

use crate::secret::{hidden, hide, hide_private, reveal};

/// The secrets in one stored form.
#[derive(Default)]
pub(crate) struct Layout {
    /// Bytes of which every bit is secret.
    secret: Vec<Range<usize>>,
    /// Where clamped private keys start.
    private: Vec<usize>,
}

impl Layout {
    /// Of a whole record, as `Sessions::to_bytes` writes it.
    pub(crate) fn of_sessions(record: &[u8]) -> Self {
        let mut from = Cursor::new(record);
        session::record(&mut from);
        from.end()
    }

    /// Of a ratchet, as `Ratchet::to_bytes` writes it.
    pub(crate) fn of_ratchet(stored: &[u8]) -> Self {
        let mut from = Cursor::new(stored);
        ratchet::ratchet(&mut from);
        from.end()
    }

    /// The epoch of the post-quantum ratchet in a record's session in use.
    pub(crate) fn epoch(record: &[u8]) -> u64 {
        let mut from = Cursor::new(record);
        session::record(&mut from);
        from.epoch.unwrap()
    }

    /// How many bytes are secret at least in part.
    pub(crate) fn bytes(&self) -> usize {
        self.secret.iter().map(Range::len).sum::<usize>() + 32 * self.private.len()
    }

    /// Makes exactly these bytes secret.
    pub(crate) fn hide(&self, stored: &mut [u8]) {
        reveal(stored);
        for at in &self.secret {
            hide(&mut stored[at.clone()]);
        }
        for &at in &self.private {
            hide_private(stored[at..].first_chunk_mut().unwrap());
        }
        assert_eq!(hidden(stored), self.bytes(), "the checker has not hidden what it was told");
    }

    /// Fails unless every one of these bytes is secret: what is derived from secrets alone is, so one that is
    /// not would not be what it is taken for.
    pub(crate) fn assert_hidden(&self, stored: &[u8]) {
        let private = self.private.iter().map(|&at| at..at + 32);
        for at in self.secret.iter().cloned().chain(private) {
            assert_eq!(
                hidden(&stored[at.clone()]),
                at.len(),
                "{at:?} of {} bytes is not secret",
                stored.len()
            );
        }
    }
}

/// Hides a Kyber-1024 secret key: type, s (1536), public key (1568), its hash (32), z (32).
pub(crate) fn hide_kyber(key: &mut [u8; 1 + 1536 + 1568 + 32 + 32]) {
    hide(&mut key[1..1 + 1536]);
    hide(&mut key[1 + 1536 + 1568 + 32..]);
}

/// Reads a stored form, noting what is secret.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    found: Layout,
    /// The epoch of the first ratchet read.
    epoch: Option<u64>,
}

impl<'a> Cursor<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, found: Layout::default(), epoch: None }
    }

    fn secret(&mut self, length: usize) {
        self.found.secret.push(self.at..self.at + length);
        self.at += length;
    }

    fn private(&mut self) {
        self.found.private.push(self.at);
        self.at += 32;
    }

    fn skip(&mut self, length: usize) {
        self.at += length;
    }

    /// A big-endian number of this many bytes.
    fn number(&mut self, length: usize) -> usize {
        let bytes = &self.bytes[self.at..self.at + length];
        self.at += length;
        bytes.iter().fold(0, |number, byte| (number << 8) | usize::from(*byte))
    }

    /// Entries of an index and 32 secret bytes.
    fn skipped(&mut self, entries: usize) {
        for _ in 0..entries {
            self.skip(4);
            self.secret(32);
        }
    }

    fn end(self) -> Layout {
        assert_eq!(self.at, self.bytes.len(), "the form is not the one drawn");
        self.found
    }
}
