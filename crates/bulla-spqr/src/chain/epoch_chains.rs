//! One epoch's pair of chains, and the few pairs that are kept.

use crate::kdf::UNSALTED;
use crate::limits::MAX_EPOCHS;
use crate::secret::Secret;
use crate::skipped_keys::Skipped;

/// What names the derivation of a step.
const LABEL: &[u8; 31] = b"Signal PQ Ratchet V1 Chain Next";

/// A chain in one direction: how many keys it has given, and what the next comes from.
pub(crate) struct Direction {
    pub(crate) counter: u32,
    pub(crate) next: Secret<32>,
}

impl Direction {
    pub(super) fn new(next: &[u8]) -> Self {
        Self { counter: 0, next: Secret::copied(next) }
    }

    /// The chain one further, and the key at that position; nothing after 2^32 - 1.
    pub(super) fn step(&self) -> Option<(Self, Secret<32>)> {
        let counter = self.counter.checked_add(1)?;
        // In one piece, since `derive_short` wants to know its length when it is compiled.
        let mut info = [0; 4 + LABEL.len()];
        info[..4].copy_from_slice(&counter.to_be_bytes());
        info[4..].copy_from_slice(LABEL);
        let mut both = Secret::<64>::ZERO;
        UNSALTED.derive_short(self.next.expose(), &info, both.expose_mut());
        let (next, key) = both.expose().split_at(32);
        Some((Self { counter, next: Secret::copied(next) }, Secret::copied(key)))
    }
}

/// The chains of one epoch.
pub(crate) struct Link {
    /// Given up once a later epoch is sent in.
    pub(crate) send: Option<Direction>,
    pub(crate) receive: Direction,
    pub(crate) skipped: Skipped,
}

/// The newest [`MAX_EPOCHS`] links, oldest first.
#[derive(Default)]
pub(crate) struct Links {
    links: [Option<Link>; MAX_EPOCHS],
    count: usize,
}

impl Links {
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Link> {
        self.links.iter().flatten()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Link> {
        self.links.iter_mut().flatten()
    }

    pub(super) fn at(&self, place: usize) -> Option<&Link> {
        self.links.get(place)?.as_ref()
    }

    pub(super) fn at_mut(&mut self, place: usize) -> Option<&mut Link> {
        self.links.get_mut(place)?.as_mut()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.count == MAX_EPOCHS
    }

    /// Adds the newest link, if there is room for it.
    pub(crate) fn push(&mut self, link: Link) {
        if let Some(free) = self.links.get_mut(self.count) {
            *free = Some(link);
            self.count += 1;
        }
    }

    pub(super) fn take_oldest(&mut self) -> Option<Link> {
        let oldest = self.links[0].take();
        self.links.rotate_left(1);
        self.count = self.count.saturating_sub(1);
        oldest
    }
}
