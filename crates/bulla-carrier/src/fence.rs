use bulla_base::Partition;
use bulla_store::{Batch, Commit, Store};
use bulla_transport::{Caller, Incarnation, TransportError};
use tokio::sync::{RwLock, RwLockReadGuard};

use crate::Carrier;
use crate::carrier::store_failed;
use crate::space::{FENCE, of_device};

/// How many fences' locks there are: a power of two.
const LOCKS: usize = 1024;

/// Keeps a fence from being raised while somebody is passing it.
#[derive(Debug)]
pub(crate) struct Fences(Box<[RwLock<()>]>);

impl Fences {
    pub(crate) fn new() -> Self {
        Self((0..LOCKS).map(|_| RwLock::new(())).collect())
    }

    fn of(&self, partition: Partition) -> &RwLock<()> {
        let [first, second, ..] = *partition.as_bytes();
        &self.0[usize::from(u16::from_be_bytes([first, second])) & (LOCKS - 1)]
    }
}

impl<S: Store> Carrier<S> {
    /// Makes `caller`'s incarnation the lowest that may pass.
    pub(crate) async fn raise_fence(&self, caller: &Caller) -> Result<(), TransportError> {
        let partition = self.partition(caller.address());
        let _nobody_passes = self.fences.of(partition).write().await;
        let _lane = self.lane(partition).await?;
        let key = of_device(FENCE, caller.address());
        let held = self.store.get(partition, &key, self.clock.now()).await.map_err(store_failed)?;
        let highest = held.as_ref().map_or(Ok(Incarnation::new(0)), |record| incarnation(&record.value))?;
        check(caller, highest)?;
        if caller.incarnation() == highest {
            return Ok(());
        }
        let mut batch = Batch::new(partition);
        batch.expect(key.clone(), held.map(|record| record.version));
        batch.put(key, caller.incarnation().number().to_be_bytes().to_vec());
        match self.store.commit(batch).await.map_err(store_failed)? {
            Commit::Committed(_) => Ok(()),
            _ => Err(TransportError::unavailable("another carrier writes to this store")),
        }
    }

    /// Waits until everybody has passed who began to before now.
    pub(crate) async fn everybody_has_passed(&self, partition: Partition) {
        drop(self.fences.of(partition).write().await);
    }

    /// Lets `caller` pass, if no later incarnation has; the fence stays as it is while the guard is held.
    pub(crate) async fn pass(&self, caller: &Caller) -> Result<RwLockReadGuard<'_, ()>, TransportError> {
        let partition = self.partition(caller.address());
        let guard = self.fences.of(partition).read().await;
        if self.erasures.is_under_way(partition) {
            return Err(TransportError::unavailable("the caller is being erased"));
        }
        let key = of_device(FENCE, caller.address());
        let held = self.store.get(partition, &key, self.clock.now()).await.map_err(store_failed)?;
        match held {
            Some(record) => check(caller, incarnation(&record.value)?)?,
            None => return Err(TransportError::unavailable("the caller has not connected")),
        }
        Ok(guard)
    }
}

fn check(caller: &Caller, highest: Incarnation) -> Result<(), TransportError> {
    let ours = caller.incarnation();
    if ours < highest { Err(TransportError::Fenced { ours, highest }) } else { Ok(()) }
}

fn incarnation(value: &[u8]) -> Result<Incarnation, TransportError> {
    let number = value.try_into().map_err(|_| TransportError::unavailable("a stored fence is damaged"))?;
    Ok(Incarnation::new(u64::from_be_bytes(number)))
}
