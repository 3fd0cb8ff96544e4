use std::future::ready;
use std::time::Duration;

use bulla_base::{Day, Partition, Timestamp};

use crate::{Batch, Commit, Counter, Generation, Key, Record, Scan, Space, StoreError, Watch, erase_by_page};

/// The storage port.
///
/// An engine implements the six calls without a body, and a [`StoreWrapper`](crate::StoreWrapper) over
/// another store those it changes; retention, sealing, queues and metering are written once on top of them.
/// The value a caller puts is never looked into. Engines are cheap to clone or are shared behind an `Arc`.
///
/// # For whoever opens a relay, a device or a carrier
/// Nothing: they do what a store needs regularly ([`upkeep`](Self::upkeep)), and see to it that one that was
/// put back from a backup ([`restored`](Self::restored)) does no harm. Whoever else opens a store does both:
/// see [`keep_up`](crate::keep_up).
///
/// # For implementors
/// *Durable when.* A commit is atomic, and durable when it returns `Committed`: it survives the loss of power
/// one instruction later. So is a drop when it returns. Nothing else is promised about the moment: a commit
/// that has not returned may be there, or not, and a caller that heard nothing asks again under the same
/// expectations.
///
/// *Ordered how.* Batches on one partition take effect one after the other; each sees all before it, and
/// versions grow with that order. A read sees every commit that returned before the read began, and wholly or
/// not at all each that did not; two reads one after the other never go back. Across partitions no order is
/// promised, except that a version is used once.
///
/// *What each answer says.*
///
/// | answer | what is true |
/// |---|---|
/// | `Ok(Committed(v))` | the batch is durable, its records have version `v`, and watches of this process were told before it returned |
/// | `Ok(Conflict(key))` | nothing was stored and nobody was told; what the decision was based on is durable |
/// | `Ok(None)`, or a row absent from a page | there is no such record, for certain, or it has expired at `now` |
/// | fewer rows than the limit | there are no more |
/// | `Err(TooLarge)` | nothing was stored, and nothing will be: the caller has to ask for less |
/// | `Err(Poisoned)` | whether it was stored is unknown until the store is opened again |
/// | `Err(Unreadable)`, `Err(Damaged)` from a read | nothing is known; never turn a failed read into `None` |
/// | `Err(Unreadable)`, `Err(Damaged)` from a commit | its expectations could not be checked, and nothing was stored |
/// | `Err(Closed)`, `Err(Wrapper)`, `Err(Unavailable)` | nothing was stored |
///
/// *What must not happen.* A batch whose expectations do not hold changes nothing, also when it shares a disk
/// write with others. After a failed disk write nothing is acknowledged any more: answer `Poisoned` until the
/// store is opened again, and never retry a sync, because a system that failed one may have thrown the data
/// away and will call the next one a success. An expired record still counts as a record for expectations. A
/// version is never used twice, not even after a crash.
///
/// *Told right by* [`conformance`](crate::conformance): `all` tries every rule, and `walk` compares an engine
/// with a model. What they cannot tell is whether a commit survives a crash; that is the engine's own test.
pub trait Store: Send + Sync + 'static {
    /// Carries out `batch`, wholly or not at all.
    ///
    /// Many callers share one disk sync. Dropping the future does not take the batch back: it may be
    /// committed all the same.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] before anything is stored; [`StoreError::Unreadable`] or
    /// [`StoreError::Damaged`] when an expectation could not be checked; [`StoreError::Unavailable`] when the
    /// write could not be begun; [`StoreError::Poisoned`] when it is unknown whether it was stored.
    fn commit(&self, batch: Batch) -> impl Future<Output = Result<Commit, StoreError>> + Send;

    /// The record under `key`, unless it has expired at `now`.
    ///
    /// # Errors
    /// When the store cannot be read or the record is damaged.
    fn get(
        &self,
        partition: Partition,
        key: &Key,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Record>, StoreError>> + Send;

    /// The records `scan` asks for that have not expired at `now`, in the order of their keys; in the other
    /// one if it goes [back](Scan::before).
    ///
    /// Fewer than the limit means that there are no more.
    ///
    /// # Errors
    /// When the store cannot be read or a record is damaged.
    fn scan(
        &self,
        partition: Partition,
        scan: &Scan,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<(Key, Record)>, StoreError>> + Send;

    /// The keys of the records [`scan`](Self::scan) would return, were all of them readable: to find those
    /// that are not, or to remove records without reading them.
    ///
    /// Fewer than the limit means that there are no more.
    ///
    /// # For implementors
    /// An engine needs not write it. What seals records passes it on, since keys are not sealed, and so shows
    /// records that it opens no more.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn keys(
        &self,
        partition: Partition,
        scan: &Scan,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<Key>, StoreError>> + Send {
        async move { Ok(self.scan(partition, scan, now).await?.into_iter().map(|(key, _)| key).collect()) }
    }

    /// The counters of `space` whose names begin with `prefix` and come after `after`, in the order of their
    /// names, at most [`MAX_SCAN_ROWS`](crate::MAX_SCAN_ROWS).
    ///
    /// # Errors
    /// When the store cannot be read or a counter is damaged.
    fn counters(
        &self,
        space: Space,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> impl Future<Output = Result<Vec<(Counter, u64)>, StoreError>> + Send;

    /// A watch on `space` of `partition`.
    fn watch(&self, partition: Partition, space: Space) -> Watch;

    /// Removes every dated record whose day is before `day`. Costs files, not rows.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it could not be begun or completed; calling again completes it.
    /// [`StoreError::Poisoned`] when the disk failed; calling again after the store was reopened completes
    /// it.
    fn drop_days_before(&self, day: Day) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Removes every record of `partition`, expired ones included, and the keys under which they were sealed,
    /// if it keeps such. Says how many records there were: 0 when nothing was left to remove, so calling
    /// again is the proof.
    ///
    /// It is not atomic. Cut short, it has removed some; calling again removes the rest. What is written to
    /// the partition meanwhile may be removed or stay: keep writers out, or call again. Never to be called on
    /// [`SYSTEM_PARTITION`](crate::SYSTEM_PARTITION).
    ///
    /// # For implementors
    /// An engine needs not write it: it is [`erase_by_page`](crate::erase_by_page). One that can remove a
    /// range at once may do so. What wraps a store, best as a [`StoreWrapper`](crate::StoreWrapper), passes
    /// it on, so that a vault beneath it hears of it; what seals destroys its key first.
    ///
    /// # Errors
    /// As [`scan`](Self::scan) and [`commit`](Self::commit).
    ///
    /// # Cost
    /// 256 scans, and a commit for each 128 records.
    fn erase_partition(
        &self,
        partition: Partition,
    ) -> impl Future<Output = Result<usize, StoreError>> + Send {
        erase_by_page(self, partition)
    }

    /// Does what the store needs done regularly, whatever that is, and says after how long it wants to be
    /// asked again; `None` if never.
    ///
    /// Asking earlier does no harm, nor do several who ask. Asked later, a store that forgets forgets later.
    /// Asked once more when nothing is written any more, a store takes note of where it stands, so that what
    /// is missing at the next opening is noticed.
    ///
    /// # For implementors
    /// An engine that needs nothing leaves it as it is. What wraps a store passes it on.
    ///
    /// # Errors
    /// When [`StoreError::is_final`] says so the store may not go on, and whoever lives by it stops.
    /// Otherwise nothing is lost by the failure, reading and writing go on, and asking again may succeed.
    fn upkeep(&self) -> impl Future<Output = Result<Option<Duration>, StoreError>> + Send {
        ready(Ok(None))
    }

    /// Whether the store is known to be older than it once was (it was put back from a backup, or lost
    /// something) and was not [accepted](Self::accept_restored) since: then its generation, which is higher
    /// than at any opening before.
    ///
    /// What is in it may be read. But it may hold steps of ratchets, places in queues or sums that went
    /// further elsewhere, so whoever goes on with it first makes sure that none of them is taken twice.
    ///
    /// # For implementors
    /// Only what is counted outside of the store can tell, such as a keyring. Say it again at every opening
    /// until it is accepted.
    fn restored(&self) -> impl Future<Output = Option<Generation>> + Send {
        ready(None)
    }

    /// Takes a restored store for the present one.
    ///
    /// # Errors
    /// As [`upkeep`](Self::upkeep); then it is still restored.
    fn accept_restored(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        ready(Ok(()))
    }

    /// Ends the use of the store: what was asked for before is durable, where it stands is noted, and what it
    /// holds open is given free.
    ///
    /// Later calls may fail with [`StoreError::Closed`], also those of other holders. Closing it again is no
    /// error. A store that is not closed loses nothing, but what is missing at the next opening may not be
    /// noticed.
    ///
    /// # Errors
    /// When it could not be noted where the store stands.
    fn close(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        ready(Ok(()))
    }
}
