use bulla_base::{Address, Partition};
use bulla_envelope::Installation;
use bulla_store::{Batch, Store, Version};
use bulla_transport::{Caller, Incarnation, Proof, TransportError};
use tokio::sync::{MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::Carrier;
use crate::carrier::store_failed;
use crate::limits::FENCING_LOCKS;
use crate::metrics::REGISTERED;
use crate::store_layout::{FENCE, of_device};

/// Keeps a fencing token from being raised while somebody is let pass by it.
#[derive(Debug)]
pub(crate) struct FencingTokenLocks(Box<[RwLock<()>]>);

impl FencingTokenLocks {
    pub(crate) fn new() -> Self {
        Self((0..FENCING_LOCKS).map(|_| RwLock::new(())).collect())
    }

    fn of(&self, partition: Partition) -> &RwLock<()> {
        let [first, second, ..] = *partition.as_bytes();
        &self.0[usize::from(u16::from_be_bytes([first, second])) & (FENCING_LOCKS - 1)]
    }
}

/// Who speaks for a number: the installation, and the lowest incarnation of it that may.
struct FencingToken {
    installation: Installation,
    highest: Incarnation,
}

impl FencingToken {
    const BYTES: usize = 24;

    fn of(caller: &Caller) -> Self {
        Self { installation: caller.installation(), highest: caller.incarnation() }
    }

    fn read(bytes: &[u8]) -> Result<Self, TransportError> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().map_err(|_| damaged())?;
        let (installation, incarnation) = bytes.split_first_chunk::<16>().ok_or_else(damaged)?;
        let incarnation = incarnation.try_into().map_err(|_| damaged())?;
        Ok(Self {
            installation: Installation::from_bytes(*installation),
            highest: Incarnation::new(u64::from_be_bytes(incarnation)),
        })
    }

    fn to_bytes(&self) -> Vec<u8> {
        [&self.installation.as_bytes()[..], &self.highest.number().to_be_bytes()].concat()
    }

    fn check(&self, caller: &Caller) -> Result<(), TransportError> {
        let (ours, reinstalled) = (caller.incarnation(), caller.installation() != self.installation);
        match reinstalled || ours < self.highest {
            true => Err(TransportError::Fenced { ours, highest: self.highest, reinstalled }),
            false => Ok(()),
        }
    }
}

impl<S: Store> Carrier<S> {
    /// Makes `caller`'s incarnation the lowest that may pass, if its installation is that of the number.
    pub(crate) async fn raise_fencing_token(&self, caller: &Caller) -> Result<(), TransportError> {
        let alone = self.alone(caller.address()).await?;
        if let Some(held) = self.fencing_token(caller.address()).await? {
            held.1.check(caller)?;
            let batch = Batch::new(self.partition(caller.address()));
            return self.put_fencing_token(&alone, caller, Some(held), batch).await;
        }
        drop(alone);
        // Nobody has the number, and there is nothing to prove it with but to say so.
        self.take_over(caller, &Proof::none()).await
    }

    /// Gives the number to the installation of `caller`, if that is proven. Whatever is of another
    /// installation goes, but what is queued.
    pub(crate) async fn take_over(&self, caller: &Caller, proof: &Proof) -> Result<(), TransportError> {
        let is_its = |token: &FencingToken| token.installation == caller.installation();
        if !self.fencing_token(caller.address()).await?.is_some_and(|(_, token)| is_its(&token)) {
            let verdict = self.verifier.verify(caller.address(), proof).await;
            if !verdict.map_err(TransportError::carrier_failed)? {
                tracing::info!("a number was not proven to be the caller's");
                return Err(TransportError::Unproven);
            }
        }
        let alone = self.alone(caller.address()).await?;
        let held = self.fencing_token(caller.address()).await?;
        let mut batch = Batch::new(self.partition(caller.address()));
        match &held {
            Some((_, token)) if is_its(token) => token.check(caller)?,
            _ => {
                self.forget_keys(caller.address(), &mut batch).await?;
                metrics::counter!(REGISTERED).increment(1);
                tracing::info!(replaces = held.is_some(), "a number was registered");
            }
        }
        self.put_fencing_token(&alone, caller, held, batch).await
    }

    /// Lets nobody pass the fencing token of `address`, nor change anything of it, until both are dropped.
    async fn alone(
        &self,
        address: &Address,
    ) -> Result<(RwLockWriteGuard<'_, ()>, MutexGuard<'_, ()>), TransportError> {
        let partition = self.partition(address);
        let nobody_passes = self.fencing_tokens.of(partition).write().await;
        Ok((nobody_passes, self.lock(partition).await?))
    }

    async fn put_fencing_token(
        &self,
        _alone: &(RwLockWriteGuard<'_, ()>, MutexGuard<'_, ()>),
        caller: &Caller,
        held: Option<(Version, FencingToken)>,
        mut batch: Batch,
    ) -> Result<(), TransportError> {
        let token = FencingToken::of(caller);
        if held.as_ref().is_some_and(|(_, held)| held.to_bytes() == token.to_bytes()) {
            return Ok(());
        }
        if held.as_ref().is_some_and(|(_, held)| held.installation == token.installation) {
            tracing::info!(incarnation = token.highest.number(), "earlier incarnations are shut out");
        }
        let key = of_device(FENCE, caller.address());
        batch.expect(key.clone(), held.map(|(version, _)| version));
        batch.put(key, token.to_bytes());
        self.commit(batch).await
    }

    /// Who speaks for `address`, if anybody does.
    async fn fencing_token(
        &self,
        address: &Address,
    ) -> Result<Option<(Version, FencingToken)>, TransportError> {
        let (partition, key) = (self.partition(address), of_device(FENCE, address));
        let held = self.store.get(partition, &key, self.clock.now()).await.map_err(store_failed)?;
        held.map(|record| Ok((record.version, FencingToken::read(&record.value)?))).transpose()
    }

    /// The installation that speaks for `address`, if anybody does.
    pub(crate) async fn installation(
        &self,
        address: &Address,
    ) -> Result<Option<Installation>, TransportError> {
        Ok(self.fencing_token(address).await?.map(|(_, token)| token.installation))
    }

    /// Waits until everybody has passed who began to before now.
    pub(crate) async fn everybody_has_passed(&self, partition: Partition) {
        drop(self.fencing_tokens.of(partition).write().await);
    }

    /// Lets `caller` pass, if nobody has replaced it; the fencing token stays as it is while the guard is
    /// held.
    pub(crate) async fn pass(&self, caller: &Caller) -> Result<RwLockReadGuard<'_, ()>, TransportError> {
        let partition = self.partition(caller.address());
        let guard = self.fencing_tokens.of(partition).read().await;
        if self.erasures.is_under_way(partition) {
            return Err(TransportError::unavailable("the caller is being erased"));
        }
        match self.fencing_token(caller.address()).await? {
            Some((_, token)) => token.check(caller)?,
            None => return Err(TransportError::unavailable("the caller has not connected")),
        }
        Ok(guard)
    }
}

fn damaged() -> TransportError {
    TransportError::carrier_failed("a stored fencing token is damaged, or of an earlier version")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Else somebody shut out a caller that was just passing, and what that one did came after.
    #[test]
    fn whoever_has_the_lock_of_a_party_keeps_all_others_from_it() {
        let (locks, of) = (FencingTokenLocks::new(), |first| Partition::from_bytes([first; 16]));
        let passing = locks.of(of(1)).try_read().unwrap();
        assert!(locks.of(of(1)).try_write().is_err());
        assert!(locks.of(of(1)).try_read().is_ok() && locks.of(of(2)).try_write().is_ok());
        drop(passing);
        assert!(locks.of(of(1)).try_write().is_ok());
    }
}
