//! Businesses are told how they stand with the carrier, once for each change.

use std::time::Duration;

use bulla_base::{MessageId, Partition, PhoneNumberId, Timestamp};
use bulla_store::{Batch, Key, Store, StoreError};
use bulla_transport::{BusinessStanding, Connected, Restriction, Transport};

use super::active_business::ActiveBusiness;
use super::tell_accounts::put_event;
use super::{Inner, Relay};
use crate::row::{StoredAccountEvent, StoredStanding};
use crate::store_layout::STANDING;
use crate::{ConfigurationError, EventSink, RelayError, StandingChange};

impl<S: Store, T: Transport, K: EventSink> Relay<S, T, K> {
    /// How `business` stands with the carrier, as that has said last, without a restriction whose time is
    /// over. Nothing when the carrier has never said.
    ///
    /// # Errors
    /// When the relay does not speak for `business`, or the store fails.
    ///
    /// # Cost
    /// A read, of memory when it was read lately.
    pub async fn standing(
        &self,
        business: PhoneNumberId,
    ) -> Result<Option<BusinessStanding>, ConfigurationError> {
        let inner = &self.0;
        inner.tenant(business)?;
        let now = inner.clock.now();
        let told = inner.told_standing(inner.home(business), now).await?;
        Ok(told.map(|mut standing| {
            standing.restriction =
                standing.restriction.filter(|(_, until)| until.is_none_or(|until| now < until));
            standing
        }))
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Takes up what the carrier says of a business: how it stands, and how many one-time keys are left.
    pub(super) async fn note_connected(
        &self,
        tenant: &ActiveBusiness,
        connected: Connected,
    ) -> Result<(), RelayError> {
        if let Some(standing) = connected.standing {
            self.tell_change(tenant.business(), |_| standing).await?;
        }
        self.leave_keys(tenant, connected).await
    }

    /// The carrier says with a message that it does not take that it restricts `business`.
    pub(super) async fn tell_restriction(
        &self,
        business: PhoneNumberId,
        restriction: Restriction,
        until: Option<Timestamp>,
    ) -> Result<(), RelayError> {
        self.tell_change(business, |known| known.restricted(restriction, until)).await
    }

    /// What is new in how `business` stands, as `stands` makes it of what it was told before, is to be told.
    ///
    /// The events are durable before it is noted that they were told: a relay that dies in between tells them
    /// once more.
    async fn tell_change(
        &self,
        business: PhoneNumberId,
        stands: impl FnOnce(BusinessStanding) -> BusinessStanding,
    ) -> Result<(), RelayError> {
        let Ok(account) = self.account(business) else { return Ok(()) };
        let (home, now) = (self.home(business), self.clock.now());
        let _lock = self.keyed_mutex.lock(home).await;
        // Not from memory: another relay may have told it meanwhile.
        let (known, is_readable) = match self.told_standing(home, now).await {
            Ok(told) => (told.unwrap_or_default(), true),
            // What a business was told is advice: it hears some of it again, and is not stopped for that.
            Err(error) if error.is_of_a_record() => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(%business, error, "how the business was told that it stands is not readable");
                (BusinessStanding::default(), false)
            }
            Err(error) => return Err(error.into()),
        };
        let standing = stands(known);
        if standing == known && is_readable {
            return Ok(());
        }
        let events = changes(business, known, standing);
        if !events.is_empty() {
            let mut batch = Batch::new(self.account_home(account));
            let mut at = now;
            for event in &events {
                put_event(&mut batch, event, MessageId::new(at, &*self.rng));
                // Told in this order.
                at = at.after(Duration::from_millis(1));
            }
            // It expects nothing, so nothing can be in the way.
            let _ = self.store.commit(batch).await?;
            // They are there, whatever becomes of the rest.
            self.account_news.note(account);
        }
        let mut batch = Batch::new(home);
        batch.put(self::told(), StoredStanding::new(standing).to_bytes());
        let _ = self.store.commit(batch).await?;
        if !events.is_empty() {
            tracing::info!(%business, changes = events.len(), "the business stands otherwise with the carrier");
        }
        Ok(())
    }

    async fn told_standing(
        &self,
        home: Partition,
        now: Timestamp,
    ) -> Result<Option<BusinessStanding>, StoreError> {
        let row = self.store.get(home, &told(), now).await?;
        row.map(|row| StoredStanding::read(&row.value)?.standing()).transpose()
    }
}

fn told() -> Key {
    Key::undated(STANDING, "")
}

/// What is to be told of a business that stood as it was `known`, and `is` otherwise now.
fn changes(
    business: PhoneNumberId,
    known: BusinessStanding,
    is: BusinessStanding,
) -> Vec<StoredAccountEvent> {
    let mut events = Vec::new();
    let mut change = |change| events.push(StoredAccountEvent::change(business, change));
    if is.quality != known.quality {
        change(StandingChange::Quality { was: known.quality, is: is.quality, tier: is.tier });
    }
    // The first that is heard of is no news.
    if let (Some(was), Some(is)) = (known.tier, is.tier)
        && was != is
    {
        change(StandingChange::Tier { was, is });
    }
    match (known.restriction, is.restriction) {
        (Some((was, _)), None) => change(StandingChange::RestrictionEnded { was }),
        (before, Some((restriction, until))) if before != is.restriction => {
            events.push(StoredAccountEvent::restriction(business, restriction, until));
        }
        // Whoever is restricted at once was warned by that.
        (None, None) if is.is_warned && !known.is_warned => change(StandingChange::Warned),
        _ => {}
    }
    events
}
