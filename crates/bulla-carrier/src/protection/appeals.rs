//! What the operator sees of a business, and decides.

use bulla_base::{Address, PhoneNumberId, Tier};
use bulla_integrity::{EnforcementEvent, Standing};
use bulla_store::{MAX_SCAN_ROWS, Scan, Store, StoreError};

use super::watched::{Also, Watched};
use crate::Carrier;
use crate::store_layout::{ENFORCEMENT, enforcement};

impl<S: Store> Carrier<S> {
    /// How `business` stands: its quality, where it is on the ladder, and the signals that led there. Nothing
    /// if the carrier does not [protect](Self::with_protection) anybody, or the business has never connected.
    ///
    /// # Errors
    /// When the store fails, or holds a damaged standing.
    pub async fn standing(&self, business: PhoneNumberId) -> Result<Option<Standing>, StoreError> {
        self.watch(business, |watched| watched.standing.clone()).await
    }

    /// Somebody has found out who `business` is: it begins faster. False if the carrier
    /// [protects](Self::with_protection) nobody, or the business has never connected.
    ///
    /// # Errors
    /// As [`standing`](Self::standing).
    pub async fn verify_business(&self, business: PhoneNumberId) -> Result<bool, StoreError> {
        let verified = self.watch(business, |watched| watched.verify()).await?;
        self.write_down(business).await?;
        Ok(verified.is_some())
    }

    /// `business` may write to as many users outside their windows in 24 hours as `tier` says, and goes on
    /// from there by the rules of [`TierState`](bulla_integrity::TierState) and by what it does from now on:
    /// in the first tier also one that was verified stays, until it has earned more or is
    /// [verified](Self::verify_business) once more. False as of `verify_business`.
    ///
    /// # Errors
    /// As [`standing`](Self::standing).
    pub async fn set_tier(&self, business: PhoneNumberId, tier: Tier) -> Result<bool, StoreError> {
        let set = self.watch(business, |watched| watched.set_tier(tier)).await?;
        self.write_down(business).await?;
        Ok(set.is_some())
    }

    /// How many users count for the limit of `business` at the moment: those whom it has written to outside
    /// their windows in the last 24 hours, and to whom it is about to. Nothing as of
    /// [`standing`](Self::standing).
    ///
    /// # Errors
    /// As [`standing`](Self::standing).
    pub async fn reached_users(&self, business: PhoneNumberId) -> Result<Option<usize>, StoreError> {
        let Some(protection) = &self.protection else { return Ok(None) };
        let counted = protection.watch(business, |watched, now, rng| watched.reached(now, rng));
        self.for_host(self.call("watch", &Address::business(business), None), counted).await
    }

    /// `business` says that what was done about it was a mistake. False if it may not say so: nothing was
    /// done, it has said so before, or that is too long ago.
    ///
    /// # Errors
    /// As [`standing`](Self::standing); then ask again.
    pub async fn appeal(&self, business: PhoneNumberId) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let appealed = self.watch(business, |watched| {
            let event = watched.standing.appeal(now);
            watched.enforce(event)
        });
        Ok(appealed.await?.unwrap_or(false))
    }

    /// Decides on the appeal of `business`. Granted, all that spoke against it is forgotten. False if there
    /// is no appeal.
    ///
    /// # Errors
    /// As [`standing`](Self::standing); then ask again.
    pub async fn decide_appeal(&self, business: PhoneNumberId, is_granted: bool) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let decided = self.watch(business, |watched| {
            let event = watched.standing.decide_appeal(is_granted, now);
            watched.enforce(event)
        });
        Ok(decided.await?.unwrap_or(false))
    }

    /// What was done about `business`, and why, from the event of number `first` on, which counts from 0; at
    /// most `limit`. They stay until the business is erased.
    ///
    /// # Errors
    /// When the store fails, or holds a damaged event.
    pub async fn enforcements(
        &self,
        business: PhoneNumberId,
        first: u32,
        limit: usize,
    ) -> Result<Vec<EnforcementEvent>, StoreError> {
        let address = Address::business(business);
        let mut scan = Scan::undated(ENFORCEMENT).limit(limit.min(MAX_SCAN_ROWS));
        if let Some(before) = first.checked_sub(1) {
            scan = scan.after(enforcement(before));
        }
        let found = self.store.scan(self.partition(&address), &scan, self.clock.now());
        let rows = self.for_host(self.call("enforcements", &address, None), found).await?;
        let read = |value: &[u8]| {
            EnforcementEvent::from_bytes(value).map_err(|_| StoreError::Damaged { what: "enforcement" })
        };
        rows.into_iter().map(|(_, record)| read(&record.value)).collect()
    }

    async fn watch<R>(
        &self,
        business: PhoneNumberId,
        look: impl FnOnce(&mut Watched) -> R,
    ) -> Result<Option<R>, StoreError> {
        let Some(protection) = &self.protection else { return Ok(None) };
        let looked = protection.watch(business, |watched, _, _| look(watched));
        self.for_host(self.call("watch", &Address::business(business), None), looked).await
    }

    async fn write_down(&self, business: PhoneNumberId) -> Result<(), StoreError> {
        let Some(protection) = &self.protection else { return Ok(()) };
        let kept = protection.keep(business, Also::Tier);
        self.for_host(self.call("watch", &Address::business(business), None), kept).await
    }
}
