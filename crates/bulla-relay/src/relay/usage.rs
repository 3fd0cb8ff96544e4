//! What was delivered, counted by what a rate card asks.

use bulla_base::{BusinessAccountId, PhoneNumberId};
use bulla_meter::{Hour, Market, Period, Traits, Usage, UsageKey, WindowState, Zone};
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
    /// there is the calling code, and of the time a quarter of an hour: by whose clock hours are told is
    /// known when it is asked.
    pub(super) fn count_delivery(&mut self, outbound: &Outbound) -> Result<(), StoreError> {
        let window = if outbound.in_window { WindowState::Open } else { WindowState::Closed };
        let market = Market::of(&outbound.user()?);
        let traits = Traits::message(outbound.of_category()?.into(), market).with_window(window);
        let hour = Hour::quarter(self.now);
        // Whose the number is, is known when it is asked for.
        let key = UsageKey::new(BusinessAccountId::new(0), self.conversation.business, hour, traits);
        self.batch.add(Counter::new(USAGE, key.to_name().to_vec()), 1);
        Ok(())
    }
}

impl<S: Store, T: Transport, K: EventSink> Relay<S, T, K> {
    /// What of `business`, a number of `account`, was delivered or read in a `period`, each message once, in
    /// the hour by the account's clock of whichever the relay heard of first. What the period has of an hour
    /// that it begins or ends in the middle of is told under that hour; those of [`Zone::month`] do not.
    ///
    /// A user's window counts as open where a rule of the business keeps it, and else as closed. Unlike
    /// [`Relay::bill`], which counts what was sent. A carrier does not count this yet.
    ///
    /// # Errors
    /// When the store fails or holds a damaged counter.
    ///
    /// # Cost
    /// A scan of the period's counters: at most one for each quarter of an hour, market, category and state
    /// of the window in which something was delivered.
    pub async fn usage(
        &self,
        (account, zone): (BusinessAccountId, &Zone),
        business: PhoneNumberId,
        period: Period,
    ) -> Result<Usage, StoreError> {
        let prefix = UsageKey::prefix(business);
        let bounds = [period.from(), period.to()].map(|hour| UsageKey::names_from(business, hour));
        let bounds = (&bounds[0][..], &bounds[1][..]);
        let counts = bulla_store::counters_between(&self.0.store, USAGE, &prefix, bounds);
        let counts = counts.instrument(trace_span::call("bill", Some(business))).await;
        let counts = counts.map_err(|error| self.0.survive(error).unwrap_or(StoreError::Closed))?;
        let units = |(counter, count): (Counter, u64)| {
            let damaged = || StoreError::Damaged { what: "counter" };
            let key = UsageKey::from_name(account, counter.name()).ok_or_else(damaged)?;
            Ok((key.in_zone(zone), i64::try_from(count).map_err(|_| damaged())?))
        };
        counts.into_iter().map(units).collect()
    }
}
