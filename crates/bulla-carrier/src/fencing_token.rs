use bulla_base::{Address, Partition};
use bulla_store::{Batch, Store, Version};
use bulla_transport::{Caller, NumberProof, TransportError};
use tokio::sync::{MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::Carrier;
use crate::carrier::store_failed;
use crate::device_tokens::{DeviceToken, DeviceTokens};
use crate::limits::FENCING_LOCKS;
use crate::metrics::REGISTERED;
use crate::store_layout::fence;

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

/// Nobody passes the fencing tokens of a party, nor changes anything of it, until this is dropped.
pub(crate) struct Alone<'a> {
    _nobody_passes: RwLockWriteGuard<'a, ()>,
    _lock: MutexGuard<'a, ()>,
}

impl<S: Store> Carrier<S> {
    /// Makes `caller`'s incarnation the lowest that may pass, if its installation is that of the device.
    pub(crate) async fn raise_fencing_token(&self, caller: &Caller) -> Result<(), TransportError> {
        let alone = self.alone(caller.address()).await?;
        if let Some(token) = self.token(caller.address()).await? {
            token.check(caller)?;
            let batch = Batch::new(self.partition(caller.address()));
            return self.put_token(&alone, caller.address(), token.raised_by(caller), batch).await;
        }
        drop(alone);
        // Nobody has the device, and there is nothing to prove the number with but to say so.
        self.take_over(caller, &NumberProof::none()).await
    }

    /// Gives the device to the installation of `caller`, if it is proven that the number is its own. Whatever
    /// is of another installation goes, but what is queued.
    pub(crate) async fn take_over(&self, caller: &Caller, proof: &NumberProof) -> Result<(), TransportError> {
        let is_proven = !self.token(caller.address()).await?.is_some_and(|token| token.is_of(caller));
        if is_proven {
            self.verify(caller, proof).await?;
        }
        let alone = self.alone(caller.address()).await?;
        self.seat(&alone, caller, is_proven).await
    }

    /// Has it decided whether the number is the caller's.
    pub(crate) async fn verify(&self, caller: &Caller, proof: &NumberProof) -> Result<(), TransportError> {
        let (partition, now) = (self.partition(caller.address()), self.clock.now());
        // Who shows nothing guesses nothing, and is no attempt.
        let is_attempt = !proof.as_bytes().is_empty();
        if is_attempt {
            self.attempts.begin(partition, now)?;
        }
        let verdict = self.verifier.verify_caller(caller, proof).await;
        match verdict {
            Ok(true) => {
                self.attempts.succeeded(partition);
                Ok(())
            }
            Ok(false) => {
                tracing::info!("a number was not proven to be the caller's");
                Err(TransportError::Unproven)
            }
            Err(source) => {
                if is_attempt {
                    self.attempts.take_back(partition);
                }
                Err(TransportError::CarrierFailed { source })
            }
        }
    }

    /// Gives the device to the installation of `caller`: to another than it has only if `is_proven`.
    pub(crate) async fn seat(
        &self,
        alone: &Alone<'_>,
        caller: &Caller,
        is_proven: bool,
    ) -> Result<(), TransportError> {
        // What is left of one that was removed is not for who comes after it.
        self.finish_removal(alone, caller.address()).await?;
        let held = self.token(caller.address()).await?;
        let mut batch = Batch::new(self.partition(caller.address()));
        let token = match held {
            Some(token) if token.is_of(caller) => {
                token.check(caller)?;
                token.raised_by(caller)
            }
            // It was the caller's a moment ago, when it did not have to be proven.
            _ if !is_proven => return Err(TransportError::unavailable("the device was given to another")),
            _ => {
                self.forget_keys(caller.address(), &mut batch).await?;
                metrics::counter!(REGISTERED).increment(1);
                tracing::info!(replaces = held.is_some(), "a number was registered");
                DeviceToken::of(caller, held.as_ref())
            }
        };
        self.put_token(alone, caller.address(), token, batch).await
    }

    /// Lets nobody pass the fencing tokens of the party at `address`, nor change anything of it.
    pub(crate) async fn alone(&self, address: &Address) -> Result<Alone<'_>, TransportError> {
        let partition = self.partition(address);
        let nobody_passes = self.fencing_tokens.of(partition).write().await;
        Ok(Alone { _nobody_passes: nobody_passes, _lock: self.lock(partition).await? })
    }

    /// Puts the token of the device at `address` into `batch`, and commits that; unless nothing changes.
    pub(crate) async fn put_token(
        &self,
        _alone: &Alone<'_>,
        address: &Address,
        token: DeviceToken,
        mut batch: Batch,
    ) -> Result<(), TransportError> {
        let (version, mut tokens) = self.device_tokens(batch.partition()).await?;
        let held = tokens.of(address.device()).copied();
        if held == Some(token) {
            return Ok(());
        }
        if held.is_some_and(|held| held.installation == token.installation && held.highest < token.highest) {
            tracing::info!(incarnation = token.highest.number(), "earlier incarnations are shut out");
        }
        tokens.put(address.device(), token);
        batch.expect(fence(), version);
        batch.put(fence(), tokens.to_bytes());
        self.commit(batch).await
    }

    /// Who speaks for the devices of a party.
    pub(crate) async fn device_tokens(
        &self,
        partition: Partition,
    ) -> Result<(Option<Version>, DeviceTokens), TransportError> {
        let held = self.store.get(partition, &fence(), self.clock.now()).await.map_err(store_failed)?;
        match held {
            Some(record) => Ok((Some(record.version), DeviceTokens::read(&record.value)?)),
            None => Ok((None, DeviceTokens::default())),
        }
    }

    /// Who speaks for the device at `address`, if anybody does or did.
    async fn token(&self, address: &Address) -> Result<Option<DeviceToken>, TransportError> {
        let (_, tokens) = self.device_tokens(self.partition(address)).await?;
        Ok(tokens.of(address.device()).copied())
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
        match self.token(caller.address()).await? {
            Some(token) => token.check(caller)?,
            None => return Err(TransportError::unavailable("the caller has not connected")),
        }
        Ok(guard)
    }
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
