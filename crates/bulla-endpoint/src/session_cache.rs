use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_base::Partition;
use bulla_session::Sessions;
use bulla_store::Version;
use bytes::Bytes;

use crate::limits::{MAX_SESSION_CACHE_SHARDS, SESSION_CACHE_SHARD_BYTES, SESSION_OVERHEAD_BYTES};
use crate::peer::Age;
use crate::trusted_identity_record::TrustedIdentityRecord;

/// Which sessions: the partition of the user, and what the names of their parts begin with.
type Name = (Partition, Bytes);

/// The sessions that were used last, in memory and within a bound: the next message reads nothing.
///
/// ```text
///   Endpoint::peer ──► held? ── yes ─► taken out
///                        │ no
///                        ▼
///                   read from the store           Peer::write ──► the batch is committed ──► put back
/// ```
///
/// What is taken out comes back only by [`Uncommitted::committed`]: sessions whose step was refused, failed
/// or dropped are read anew. So they are never behind the store by anything this program did. Another
/// program's change comes to a conflict, as it does without them; what would be refused because of it, and
/// so never come to a commit, is tried with what the store has.
///
/// Clones hold the same sessions. Those of many endpoints can be held together, as long as all have one
/// store.
///
/// # Security
/// What is held is secret. It is wiped when it is let go of.
#[derive(Clone)]
pub struct SessionCache(Arc<[Mutex<Shard>]>);

#[derive(Default)]
struct Shard {
    young: Generation,
    old: Generation,
    /// How many bytes a generation takes.
    room: usize,
    /// How often something was forgotten. What was taken out before does not come back.
    forgotten: u64,
}

#[derive(Default)]
struct Generation {
    held: HashMap<Name, Held>,
    bytes: usize,
}

/// What is held of one peer.
pub(crate) struct Held {
    pub(crate) sessions: Sessions,
    pub(crate) trust: TrustedIdentityRecord,
    pub(crate) age: Age,
    /// That of the head of the sessions; nothing before the first.
    pub(crate) version: Option<Version>,
}

/// Where what was taken out goes back to.
#[derive(Clone)]
pub(crate) struct Place {
    held: SessionCache,
    name: Name,
    forgotten: u64,
}

/// Sessions that were put into a batch, to be held for the next message once that is durable.
#[must_use = "sessions that are not told that they are durable are read anew for the next message"]
pub struct Uncommitted(Option<(Place, Held, Change)>);

/// What the batch does with the rows that stand for versions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    pub(crate) head: bool,
    pub(crate) trust: bool,
}

impl SessionCache {
    /// Holds nothing, and at most about `bytes`.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        let shards =
            (bytes / SESSION_CACHE_SHARD_BYTES).clamp(1, MAX_SESSION_CACHE_SHARDS).next_power_of_two();
        let shard = || Mutex::new(Shard { room: bytes / shards / 2, ..Shard::default() });
        Self((0..shards).map(|_| shard()).collect())
    }

    /// How many bytes are held now, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let of = |shard: &Mutex<Shard>| {
            let shard = lock(shard);
            shard.young.bytes + shard.old.bytes
        };
        self.0.iter().map(of).sum()
    }

    /// Lets go of the sessions with the user whose partition is `customer`, and of those that were taken out
    /// and not put back: for when they are erased.
    pub fn forget(&self, customer: Partition) {
        self.shard(customer).forget(|(partition, _)| *partition != customer);
    }

    /// Lets go of everything: for when somebody may have mended the store.
    pub fn clear(&self) {
        self.0.iter().for_each(|shard| lock(shard).forget(|_| false));
    }

    /// Lets go of what was not used since this was called last: for somebody to call from time to time, so
    /// that those who have fallen silent take no memory.
    pub fn evict_idle(&self) {
        self.0.iter().for_each(|shard| lock(shard).age());
    }

    /// Takes out what is held of `name`; and where it goes back to, if it is to be held.
    pub(crate) fn take(&self, partition: Partition, name: &Bytes) -> (Option<Held>, Place) {
        let mut shard = self.shard(partition);
        let name = (partition, name.clone());
        let held = shard.young.remove(&name).or_else(|| shard.old.remove(&name));
        let forgotten = shard.forgotten;
        drop(shard);
        (held, Place { held: self.clone(), name, forgotten })
    }

    fn shard(&self, partition: Partition) -> MutexGuard<'_, Shard> {
        let [.., last] = *partition.as_bytes();
        lock(&self.0[usize::from(last) & (self.0.len() - 1)])
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Uncommitted {
    pub(crate) fn new(place: Option<Place>, held: Held, change: Change) -> Self {
        Self(place.map(|place| (place, held, change)))
    }

    /// The batch they were put into is durable with `version`.
    pub fn committed(self, version: Version) {
        let Some((place, mut held, change)) = self.0 else { return };
        if change.head {
            held.version = Some(version);
        }
        if change.trust {
            held.trust.committed(version);
        }
        if held.age == Age::Renewed {
            held.age = Age::Present;
        }
        if held.version.is_some() {
            place.put_back(held);
        }
    }
}

impl Place {
    fn put_back(self, held: Held) {
        let Self { held: all, name, forgotten } = self;
        let mut shard = all.shard(name.0);
        if shard.forgotten == forgotten {
            shard.hold(name, held);
        }
    }
}

impl Shard {
    fn hold(&mut self, name: Name, held: Held) {
        let bytes = held.bytes();
        if bytes > self.room {
            return;
        }
        if self.young.bytes + bytes > self.room {
            self.age();
        }
        self.old.remove(&name);
        self.young.remove(&name);
        self.young.bytes += bytes;
        self.young.held.insert(name, held);
    }

    fn age(&mut self) {
        self.old = std::mem::take(&mut self.young);
    }

    fn forget(&mut self, mut stays: impl FnMut(&Name) -> bool) {
        self.forgotten += 1;
        for generation in [&mut self.young, &mut self.old] {
            generation.held.retain(|name, _| stays(name));
            generation.bytes = generation.held.values().map(Held::bytes).sum();
        }
    }
}

impl Generation {
    fn remove(&mut self, name: &Name) -> Option<Held> {
        let held = self.held.remove(name)?;
        self.bytes -= held.bytes();
        Some(held)
    }
}

impl Held {
    fn bytes(&self) -> usize {
        SESSION_OVERHEAD_BYTES + self.sessions.stored_len()
    }
}

impl fmt::Debug for SessionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCache").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Uncommitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uncommitted").finish_non_exhaustive()
    }
}
