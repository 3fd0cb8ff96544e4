//! What was delivered, counted by what a rate card asks.

use bulla_base::{BusinessAccountId, PhoneNumberId};
use bulla_meter::{Market, Traits, Usage, UsageKey, WindowState, Zone};
use bulla_store::{Counter, Store, StoreError};
use bulla_transport::Transport;
use tracing::Instrument;

use super::trace_span;
use super::transaction::Transaction;
use crate::row::Outbound;
use crate::store_layout::USAGE;
use crate::{EventSink, Relay};

impl Transaction {
    /// Counts a message that has just come to its user, in the record that says so. Of the user's number
    /// there is the calling code, and the hour is that of UTC.
    pub(super) fn count_delivery(&mut self, outbound: &Outbound) -> Result<(), StoreError> {
        let window = if outbound.in_window { WindowState::Open } else { WindowState::Closed };
        let market = Market::of(&outbound.user()?);
        let traits = Traits::message(outbound.of_category()?.into(), market).with_window(window);
        let hour = Zone::utc().hour(self.now);
        // Whose the number is, is known when it is asked for.
        let key = UsageKey::new(BusinessAccountId::new(0), self.conversation.business, hour, traits);
        self.batch.add(Counter::new(USAGE, key.to_name().to_vec()), 1);
        Ok(())
    }
}

impl<S: Store, T: Transport, K: EventSink> Relay<S, T, K> {
    /// What of `business`, a number of `account`, was delivered or read, each message once, in the hour (UTC)
    /// of whichever the relay heard of first.
    ///
    /// A user's window counts as open where a rule of the business keeps it, and else as closed. Unlike
    /// [`Relay::bill`], which counts what was sent. A carrier does not count this yet.
    ///
    /// # Errors
    /// When the store fails or holds a damaged counter.
    pub async fn usage(
        &self,
        account: BusinessAccountId,
        business: PhoneNumberId,
    ) -> Result<Usage, StoreError> {
        let prefix = UsageKey::prefix(business);
        let counts = bulla_store::every_counter(&self.0.store, USAGE, &prefix);
        let counts = counts.instrument(trace_span::call("bill", Some(business))).await;
        let counts = counts.map_err(|error| self.0.survive(error).unwrap_or(StoreError::Closed))?;
        let units = |(counter, count): (Counter, u64)| {
            let damaged = || StoreError::Damaged { what: "counter" };
            let key = UsageKey::from_name(account, counter.name()).ok_or_else(damaged)?;
            Ok((key, i64::try_from(count).map_err(|_| damaged())?))
        };
        counts.into_iter().map(units).collect()
    }
}
