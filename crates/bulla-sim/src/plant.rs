//! Faults that are put into the system on purpose, to see whether they are found.

use bulla::envelope::{Envelope, KeyBundle};
use bulla::relay::Event;
use bulla::transport::{Caller, Delivery, Sequence};
use bulla_base::{Address, Day, Timestamp};
use bulla_store::{Batch, Commit, Key, Record, Scan, StoreError};

use crate::disk::Disk;
use crate::oracle::Oracle;

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Plant {}

impl Plant {
    pub(crate) fn batch(_disk: &Disk, batch: Batch) -> Batch {
        batch
    }
    pub(crate) fn acknowledged_early(_disk: &Disk, _batch: &Batch) -> Option<Result<Commit, StoreError>> {
        None
    }
    pub(crate) fn reading_at(_disk: &Disk, now: Timestamp) -> Timestamp {
        now
    }
    pub(crate) fn page(_disk: &Disk, _scan: &Scan, page: Vec<(Key, Record)>) -> Vec<(Key, Record)> {
        page
    }
    pub(crate) fn dropped_before(_disk: &Disk, day: Day) -> Option<Day> {
        Some(day)
    }
    pub(crate) fn erases(_disk: &Disk) -> bool {
        true
    }
    pub(crate) fn hides_backups(_disk: &Disk) -> bool {
        false
    }
    pub(crate) fn connects_as(_plant: Option<Self>, caller: &Caller, _floor: u64) -> Caller {
        caller.clone()
    }
    pub(crate) fn bundle(
        _plant: Option<Self>,
        _oracle: &Oracle,
        _of: &Address,
        bundle: KeyBundle,
    ) -> KeyBundle {
        bundle
    }
    pub(crate) fn carried(_plant: Option<Self>, envelope: Envelope) -> Option<Envelope> {
        Some(envelope)
    }
    pub(crate) fn delivered(_plant: Option<Self>, deliveries: Vec<Delivery>) -> Vec<Delivery> {
        deliveries
    }
    pub(crate) fn acknowledged(_plant: Option<Self>, sequences: &[Sequence]) -> Vec<Sequence> {
        sequences.to_vec()
    }
    pub(crate) fn forwarded(_plant: Option<Self>, _oracle: &Oracle, event: &Event) -> Vec<Event> {
        vec![event.clone()]
    }
}
