//! What is counted of deliveries for the bill that carrier and relay both sign.

use bulla_base::{BusinessAccountId, MessageId, PhoneNumberId};
use bulla_meter::{CountedMessage, CountedPeriod, LedgerSettings, Period, UsageKey};
use bulla_store::{Counter, Space, Store, StoreError};
use bulla_transport::Transport;
use tracing::Instrument;

use super::transaction::Transaction;
use super::{Inner, Relay, trace_span};
use crate::EventSink;
use crate::row::Outbound;
use crate::store_layout::{LEDGER_COUNTS, LEDGER_MESSAGES};

impl Transaction {
    /// Counts a message that has just come to its user as the carrier counts it, in the record that says so,
    /// if the host asks for it.
    pub(super) fn count_for_ledger(&mut self, id: MessageId, outbound: &Outbound) -> Result<(), StoreError> {
        let Some(settings) = &self.ledger else { return Ok(()) };
        let (business, to) = (self.conversation.business, outbound.user()?);
        let counted = CountedMessage::new((business, id), &to, outbound.of_category()?, settings.tags());
        self.batch.add(Counter::new(LEDGER_COUNTS, counted.key().to_name().to_vec()), 1);
        self.batch.add(Counter::new(LEDGER_MESSAGES, counted.to_name().to_vec()), 1);
        Ok(())
    }
}

impl<S: Store, T: Transport, K: EventSink> Relay<S, T, K> {
    /// What of `business` was delivered or read of what was accepted in a `period`, and each message by its
    /// tag: what a carrier with the same [`LedgerSettings`] counts, too. Unlike [`usage`](Self::usage), which
    /// has what was delivered in a period and knows the user's window.
    ///
    /// Nothing, if the relay keeps no [ledger](crate::Settings::ledger). Of a business that was removed or
    /// erased there is what was counted before.
    ///
    /// # Errors
    /// When the store fails or holds a damaged counter.
    ///
    /// # Cost
    /// A scan of the period's counters, and some 50 bytes a message in memory.
    pub async fn ledger(
        &self,
        business: PhoneNumberId,
        account: BusinessAccountId,
        period: Period,
    ) -> Result<CountedPeriod, StoreError> {
        let reading = self.0.counted_period((business, account), period);
        let counted = reading.instrument(trace_span::call("bill", Some(business))).await;
        counted.map_err(|error| self.0.survive(error).unwrap_or(StoreError::Closed))
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    async fn counted_period(
        &self,
        (business, account): (PhoneNumberId, BusinessAccountId),
        period: Period,
    ) -> Result<CountedPeriod, StoreError> {
        let bounds = [period.from(), period.to()].map(|hour| UsageKey::names_from(business, hour));
        let (prefix, bounds) = (UsageKey::prefix(business), (&bounds[0][..], &bounds[1][..]));
        let of = |space: Space| bulla_store::counters_between(&self.store, space, &prefix, bounds);
        let (counts, messages) = (of(LEDGER_COUNTS).await?, of(LEDGER_MESSAGES).await?);
        let counts = counts.iter().map(|(counter, count)| (&counter.name()[..], *count));
        let messages = messages.iter().map(|(counter, times)| (&counter.name()[..], *times));
        let counted = CountedPeriod::from_counters(account, counts, messages);
        counted.ok_or(StoreError::Damaged { what: "counter" })
    }

    /// Forgets what was counted so long ago that the settings keep it no longer.
    pub(super) async fn sweep_ledger(&self) -> Result<(), StoreError> {
        let (Some(settings), now) = (&self.settings.ledger, self.clock.now()) else { return Ok(()) };
        let spaces =
            [(LEDGER_MESSAGES, settings.first_message(now)), (LEDGER_COUNTS, settings.first_count(now))];
        for (space, first) in spaces {
            bulla_store::remove_counters_of_all(&self.store, space, 8, &first.minutes().to_be_bytes())
                .await?;
        }
        Ok(())
    }

    /// Forgets what was counted of a business that is erased, if the host wants that.
    pub(super) async fn erase_ledger(&self, business: PhoneNumberId) -> Result<(), StoreError> {
        if self.settings.ledger.as_ref().is_some_and(LedgerSettings::ends_with_business) {
            for space in [LEDGER_MESSAGES, LEDGER_COUNTS] {
                bulla_store::remove_counters(&self.store, space, &UsageKey::prefix(business), None).await?;
            }
        }
        Ok(())
    }
}
