//! What was sent and what was delivered, counted by what a rate card asks.

use bulla_base::{BusinessAccountId, Category, Number, PhoneNumberId};
use bulla_meter::{Flow, Hour, Market, Period, Traits, Usage, UsageKey, WindowState, Zone};
use bulla_store::{Counter, Store, StoreError};
use bulla_transport::Transport;
use tracing::Instrument;

use super::transaction::Transaction;
use super::{Inner, trace_span};
use crate::row::Outbound;
use crate::store_layout::{SENT, USAGE};
use crate::{ConfigurationError, EventSink, Relay};

/// Which of a number's messages are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Counted {
    /// What was sent: accepted and sealed to its user.
    Sent,
    /// What was delivered or read, each message once.
    Delivered,
}

/// Some of what was counted in a period: keys in their order, and how many messages.
pub type UsagePage = Vec<(UsageKey, u64)>;

impl Transaction {
    /// Counts a message that is sealed to `to`, in the record that holds it: for the bill, and by quarter of
    /// an hour, market and category, each of which takes one row, whatever the number of messages. Of the
    /// window nothing is said, as whatever comes of the message is not known.
    pub(super) fn count_sent(&mut self, category: Category, to: &Number) {
        self.count(Flow::ToUser, category);
        let traits = Traits::message(category.into(), Market::of(to));
        let hour = Hour::quarter(self.now);
        let key = UsageKey::new(BusinessAccountId::new(0), self.conversation.business, hour, traits);
        self.batch.add(Counter::new(SENT, key.to_name().to_vec()), 1);
    }

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
    /// [`Relay::bill`], which counts what was sent. A carrier, which knows no windows, does not count this:
    /// what both count is the [ledger](Relay::ledger).
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

    /// The numbers of `account` that the relay speaks for.
    ///
    /// # Cost
    /// A look at all numbers that the relay has, in memory.
    #[must_use]
    pub fn numbers_of(&self, account: BusinessAccountId) -> Vec<PhoneNumberId> {
        self.0.businesses.ids_of(account)
    }

    /// What of `business` was sent or delivered in a `period`, by the quarter of an hour: what comes behind
    /// `after`, from the period's beginning without. Nothing when that was all.
    ///
    /// # Errors
    /// When the relay does not have `business`, or the store fails or holds a damaged counter.
    ///
    /// # Cost
    /// A scan of the counters it tells, at most [`MAX_SCAN_ROWS`](bulla_store::MAX_SCAN_ROWS). There is one
    /// for each quarter of an hour, market and category in which something was sent or delivered, and of what
    /// was delivered one more where a user's window opened.
    pub async fn usage_page(
        &self,
        business: PhoneNumberId,
        of: Counted,
        period: Period,
        after: Option<UsageKey>,
    ) -> Result<UsagePage, ConfigurationError> {
        let account = self.0.account(business)?;
        let reading = self.0.counted((account, business), of, period, after);
        let counted = reading.instrument(trace_span::call("bill", Some(business))).await;
        Ok(counted.map_err(|error| self.0.survive(error).unwrap_or(StoreError::Closed))?)
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// What was counted of a number of an account in a `period`, behind `after`: some of it, in order.
    pub(super) async fn counted(
        &self,
        (account, business): (BusinessAccountId, PhoneNumberId),
        of: Counted,
        period: Period,
        after: Option<UsageKey>,
    ) -> Result<UsagePage, StoreError> {
        let space = match of {
            Counted::Sent => SENT,
            Counted::Delivered => USAGE,
        };
        let after = after.map_or_else(
            || UsageKey::names_from(business, period.from()).to_vec(),
            |after| after.to_name().to_vec(),
        );
        let counts = self.store.counters(space, &UsageKey::prefix(business), Some(&after)).await?;
        let keyed = counts.into_iter().map(|(counter, count)| {
            let key = UsageKey::from_name(account, counter.name());
            Ok((key.ok_or(StoreError::Damaged { what: "counter" })?, count))
        });
        let is_within = |counted: &Result<(UsageKey, u64), StoreError>| {
            counted.as_ref().map_or(true, |(key, _)| key.hour() < period.to())
        };
        keyed.take_while(is_within).collect()
    }
}
