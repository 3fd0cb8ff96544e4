//! The two ends, and what passes between them.

use bulla_session::OpenError;
use bulla_session::message::{PreKeySignalMessage, SignalMessage};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::official_peer::OfficialPeer;
use crate::our_peer::OurPeer;

/// Which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Ours,
    Theirs,
}

/// A sealed message under way.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) from: Role,
    kind: u8,
    bytes: Vec<u8>,
    plaintext: Vec<u8>,
}

/// Why a message was not opened.
#[derive(Debug)]
pub(crate) enum OpenFailure {
    Duplicate,
    #[expect(dead_code, reason = "shown when a test fails")]
    Other(String),
}

pub(crate) struct Pair {
    pub(crate) rng: ChaCha20Rng,
    ours: OurPeer,
    theirs: OfficialPeer,
    sealed: [usize; 2],
    opened: [usize; 2],
    epoch: [u64; 2],
    largest: usize,
}

impl Role {
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Ours => Self::Theirs,
            Self::Theirs => Self::Ours,
        }
    }
}

impl Pair {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let (ours, theirs) = (OurPeer::new(&mut rng), OfficialPeer::start());
        Self { rng, ours, theirs, sealed: [0; 2], opened: [0; 2], epoch: [0; 2], largest: 0 }
    }

    /// A pair whose `first` has begun a session with the other and got an answer.
    pub(crate) fn begun(seed: u64, first: Role, one_time: bool) -> Self {
        let mut pair = Self::new(seed);
        pair.begin(first, one_time);
        for from in [first, first.other()] {
            let letter = pair.seal(from);
            pair.open(&letter).unwrap_or_else(|error| panic!("{error:?}"));
        }
        pair
    }

    /// `who` begins a session with fresh keys of the other's.
    pub(crate) fn begin(&mut self, who: Role, one_time: bool) {
        match who {
            Role::Ours => {
                let bundle = self.theirs.bundle(one_time);
                self.ours.begin(&bundle, &mut self.rng);
            }
            Role::Theirs => {
                let bundle = self.ours.bundle(one_time, &mut self.rng);
                self.theirs.begin(&bundle);
            }
        }
    }

    /// `from` seals something nobody has said before.
    pub(crate) fn seal(&mut self, from: Role) -> Letter {
        let mut plaintext = vec![0; usize::try_from(self.rng.next_u32() % 200).unwrap()];
        self.rng.fill_bytes(&mut plaintext);
        let (kind, bytes) = match from {
            Role::Ours => self.ours.seal(&plaintext, &mut self.rng),
            Role::Theirs => self.theirs.seal(&plaintext),
        };
        let letter = Letter { from, kind, bytes, plaintext };
        self.sealed[from as usize] += 1;
        self.epoch[from as usize] = self.epoch[from as usize].max(letter.epoch());
        self.largest = self.largest.max(self.ours.stored_bytes());
        letter
    }

    /// The other end opens `letter`, and finds in it what was sealed.
    pub(crate) fn open(&mut self, letter: &Letter) -> Result<(), OpenFailure> {
        let opened = match letter.from {
            Role::Theirs => {
                self.ours.open(letter.kind, &letter.bytes, &mut self.rng).map_err(|error| match error {
                    OpenError::Duplicate { .. } => OpenFailure::Duplicate,
                    other => OpenFailure::Other(format!("{other:?}")),
                })
            }
            Role::Ours => self.theirs.open(letter.kind, &letter.bytes).map_err(|refused| {
                if refused.duplicate {
                    OpenFailure::Duplicate
                } else {
                    OpenFailure::Other(format!("{refused:?}"))
                }
            }),
        };
        assert_eq!(opened?, letter.plaintext);
        self.opened[letter.from as usize] += 1;
        Ok(())
    }

    pub(crate) fn theirs_snapshot(&mut self) {
        self.theirs.snapshot();
    }

    pub(crate) fn theirs_restore(&mut self) {
        self.theirs.restore();
    }

    pub(crate) fn theirs_reinstall(&mut self) {
        self.theirs.reinstall();
    }

    /// The highest epoch of the post-quantum ratchet in which either end has sealed.
    pub(crate) fn epochs(&self) -> [u64; 2] {
        self.epoch
    }

    pub(crate) fn report(&self, what: &str) {
        println!(
            "{what}: sealed {:?}, opened {:?} (ours, theirs), epochs {:?}, largest record {} bytes",
            self.sealed, self.opened, self.epoch, self.largest
        );
    }
}

impl Letter {
    /// The epoch of the post-quantum ratchet: a varint behind the version byte of its field.
    fn epoch(&self) -> u64 {
        let field = match self.kind {
            3 => {
                PreKeySignalMessage::parse(&self.bytes).unwrap().message().post_quantum().map(<[u8]>::to_vec)
            }
            _ => SignalMessage::parse(&self.bytes).unwrap().post_quantum().map(<[u8]>::to_vec),
        };
        let field = field.unwrap_or_default();
        let mut epoch = 0;
        for (place, byte) in field.iter().skip(1).enumerate() {
            epoch |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                break;
            }
        }
        epoch
    }
}
