//! The disk of a machine, as a store that is slow, fills up and fails.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bulla_base::{Clock, Day, Partition, Rng, Timestamp};
use bulla_store::{
    Batch, Commit, Generation, Key, Record, Scan, Store, StoreError, StoreWrapper, erase_by_page,
};

use crate::disk_contents::DiskContents;
use crate::faults::FaultKind;
use crate::machine::{Machine, Process};
use crate::planted_bugs::PlantedBug;
use crate::protection_checks::ProtectionChecks;
use crate::random::below;
use crate::run_log::RunLog;

/// How long a planted bug takes between two records, in milliseconds, at most.
const APART: u64 = 1_500;

/// A machine's disk as a program on it sees it: a commit takes a while, and who dies meanwhile has committed
/// it or not. Cheap to clone. Particular to the simulation: what happens to it is drawn, and told to the
/// run log.
#[derive(Clone)]
pub(crate) struct Disk {
    pub(crate) rows: Arc<DiskContents>,
    pub(crate) machine: Arc<Machine>,
    pub(crate) process: Arc<Process>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) run_log: Arc<RunLog>,
    /// The longest a commit takes, in milliseconds.
    pub(crate) slowness: u64,
    pub(crate) planted_bug: Option<PlantedBug>,
    /// Who judges what the carrier lets pass, if it is the carrier's.
    pub(crate) protection: Option<Arc<ProtectionChecks>>,
}

impl Disk {
    async fn wait(&self, at_most: u64) {
        self.machine.clock.truth().sleep(Duration::from_millis(below(&*self.rng, at_most))).await;
    }

    /// That the program still lives. One that is stopped goes no further.
    async fn live(&self) -> Result<(), StoreError> {
        self.run_log.event();
        self.process.goes_on().await;
        if self.process.is_dead() { Err(StoreError::Closed) } else { Ok(()) }
    }

    /// What is wrong with the disk, if anything is.
    fn works(&self) -> Result<(), StoreError> {
        if self.machine.is_full.load(Ordering::SeqCst) {
            self.run_log.count(FaultKind::Full);
            self.machine.note_disk_trouble();
            return Err(StoreError::Unavailable { source: io::ErrorKind::StorageFull.into() });
        }
        Ok(())
    }

    /// Makes `batch` durable.
    async fn carry_out(&self, batch: Batch) -> Result<Commit, StoreError> {
        let Some(protection) = &self.protection else { return self.rows.commit(batch).await };
        let committed = self.rows.commit(batch.clone()).await?;
        if let Commit::Committed(_) = committed {
            protection.committed(&batch);
        }
        Ok(committed)
    }

    /// Whether the disk fails at this very write, which may have been carried out.
    async fn fails(&self, batch: &Batch) -> bool {
        if !self.machine.is_failing.swap(false, Ordering::SeqCst) {
            return false;
        }
        self.run_log.count(FaultKind::Failing);
        self.machine.note_disk_trouble();
        if below(&*self.rng, 2) == 0 {
            let _ = self.carry_out(batch.clone()).await;
        }
        self.process.kill();
        true
    }
}

impl StoreWrapper for Disk {
    type Inner = DiskContents;

    fn inner(&self) -> &DiskContents {
        &self.rows
    }

    async fn pass_commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        self.live().await?;
        self.works()?;
        if PlantedBug::blocks(self, &batch) {
            return Ok(Commit::Conflict(batch.puts()[0].key.clone()));
        }
        let mut batch = PlantedBug::batch(self, batch);
        self.wait(self.slowness).await;
        self.live().await?;
        if let Some((charges, rest)) = PlantedBug::apart(self, &batch) {
            let _ = self.rows.commit(charges).await;
            self.wait(APART).await;
            self.live().await?;
            batch = rest;
        }
        if let Some(kept) = PlantedBug::never_released(self, &batch) {
            let _ = self.rows.commit(kept).await;
            return Err(StoreError::Unavailable { source: io::ErrorKind::Interrupted.into() });
        }
        if self.fails(&batch).await {
            return Err(StoreError::Poisoned { source: None });
        }
        if let Some(torn) = PlantedBug::torn(self, &batch) {
            let _ = self.rows.commit(torn).await;
            self.machine.note_disk_trouble();
            self.process.kill();
            return Err(StoreError::Closed);
        }
        if PlantedBug::is_unsynced(self) {
            self.machine.will_be_synced(&self.rows);
        }
        let committed = self.carry_out(batch).await?;
        // It is durable; whether anybody hears of it is another matter.
        self.wait(self.slowness / 4).await;
        self.live().await?;
        Ok(committed)
    }

    async fn pass_get(
        &self,
        partition: Partition,
        key: &Key,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        self.live().await?;
        if PlantedBug::forgets(self) {
            return Ok(None);
        }
        let found = self.rows.get(partition, key, now).await?;
        Ok(PlantedBug::found(self, partition, key, found))
    }

    async fn pass_scan(
        &self,
        partition: Partition,
        scan: &Scan,
        now: Timestamp,
    ) -> Result<Vec<(Key, Record)>, StoreError> {
        self.live().await?;
        let page = self.rows.scan(partition, scan, now).await?;
        Ok(PlantedBug::page(self, scan, page))
    }

    async fn pass_drop(&self, day: Day) -> Result<(), StoreError> {
        self.live().await?;
        match PlantedBug::dropped_before(self, day) {
            Some(day) => self.rows.drop_days_before(day).await,
            None => Ok(()),
        }
    }

    async fn pass_erase(&self, partition: Partition) -> Result<usize, StoreError> {
        match PlantedBug::erases(self) {
            true => erase_by_page(self, partition).await,
            false => Ok(0),
        }
    }

    async fn pass_restored(&self) -> Option<Generation> {
        if PlantedBug::hides_backups(self) {
            return None;
        }
        *self.machine.restored.lock().unwrap()
    }

    async fn pass_accept_restored(&self) -> Result<(), StoreError> {
        self.live().await?;
        *self.machine.restored.lock().unwrap() = None;
        Ok(())
    }
}
