//! What the carrier counts of deliveries, for the bill that both sides sign.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bulla_base::{Address, BusinessAccountId, MessageId, Partition, Party, PhoneNumberId, Timestamp};
use bulla_envelope::{Envelope, Kind};
use bulla_meter::{CountedMessage, CountedPeriod, LedgerSettings, Period, UsageKey};
use bulla_store::{BEFORE_ALL, Batch, Counter, Key, QueueIndex, SYSTEM_PARTITION, Space, Store, StoreError};

use crate::Carrier;
use crate::acknowledged_envelopes::Places;
use crate::erase_business::listed;
use crate::limits::{MAX_ID_AGE, MAX_SETTLE_ATTEMPTS};
use crate::metrics::LEDGER;
use crate::store_layout::{LEDGER_COUNTS, LEDGER_MESSAGES, LEDGERED};

/// What acknowledged messages of businesses are counted with, if the host asks for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct CarrierLedger(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    settings: OnceLock<LedgerSettings>,
    /// The parties that are businesses: what they acknowledge nobody pays for, and it need not be read.
    businesses: Mutex<HashSet<Partition>>,
}

impl CarrierLedger {
    pub(crate) fn settings(&self) -> Option<&LedgerSettings> {
        self.0.settings.get()
    }

    /// Somebody acknowledges: of a business it is noted that it is one.
    pub(crate) fn note(&self, owner: &Address, partition: Partition) {
        if self.settings().is_some() && matches!(owner.party(), Party::Business(_)) {
            self.businesses().insert(partition);
        }
    }

    /// Counts those messages that are acknowledged for the first time with what stands at `places` of the
    /// queue of a device, in the `batch` that takes them out. To be called under the lock of the party,
    /// before they are taken out of `index`.
    ///
    /// An acknowledgement that comes when its message's id is over, 30 days after it was accepted, is not
    /// counted: nobody can know any more whether it was before, and the relay has told that it failed.
    ///
    /// # Cost
    /// Two look-ups for each place, and one more where a ledger ends with its business.
    pub(crate) async fn count<S: Store>(
        &self,
        store: &S,
        batch: &mut Batch,
        (queue, index, places): (&bulla_store::Queue, &QueueIndex, &BTreeSet<u64>),
        now: Timestamp,
    ) -> Result<LedgerOutcomes, StoreError> {
        let mut outcomes = LedgerOutcomes::default();
        let Some(settings) = self.settings() else { return Ok(outcomes) };
        let partition = batch.partition();
        if self.businesses().contains(&partition) {
            return Ok(outcomes);
        }
        for place in places {
            let Some(day) = index.day_of(*place) else { continue };
            let Some(row) = store.get(partition, &queue.key(day, *place), now).await? else { continue };
            // A damaged one was never handed on.
            let Ok(envelope) = Envelope::from_bytes(row.value) else { continue };
            let Some(counted) = counted(&envelope, settings) else { continue };
            // Of one that is erased, what users still have is not counted anew.
            let business = counted.key().number();
            if settings.ends_with_business()
                && store.get(SYSTEM_PARTITION, &listed(business), BEFORE_ALL).await?.is_none()
            {
                continue;
            }
            if envelope.id().time() < now.before(MAX_ID_AGE) {
                outcomes.too_late += 1;
                continue;
            }
            let guard = guard(envelope.id());
            let is_here = batch.puts().iter().any(|put| put.key == guard);
            if is_here || store.get(partition, &guard, BEFORE_ALL).await?.is_some() {
                outcomes.known += 1;
                continue;
            }
            batch.expect_absent(guard.clone());
            batch.put(guard, "");
            batch.add(Counter::new(LEDGER_COUNTS, counted.key().to_name().to_vec()), 1);
            batch.add(Counter::new(LEDGER_MESSAGES, counted.to_name().to_vec()), 1);
            outcomes.counted += 1;
        }
        Ok(outcomes)
    }

    fn businesses(&self) -> std::sync::MutexGuard<'_, HashSet<Partition>> {
        self.0.businesses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What acknowledged messages were to the ledger, in one record.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LedgerOutcomes {
    counted: u64,
    known: u64,
    too_late: u64,
}

impl LedgerOutcomes {
    pub(crate) const fn plus(self, other: Self) -> Self {
        Self {
            counted: self.counted + other.counted,
            known: self.known + other.known,
            too_late: self.too_late + other.too_late,
        }
    }

    /// Their record is durable.
    pub(crate) fn note(self) {
        let outcomes = [("counted", self.counted), ("known", self.known), ("too_late", self.too_late)];
        for (outcome, count) in outcomes.into_iter().filter(|(_, count)| *count > 0) {
            metrics::counter!(LEDGER, "outcome" => outcome).increment(count);
        }
        if self.too_late > 0 {
            let messages = self.too_late;
            tracing::debug!(
                messages,
                "acknowledgements came after their messages were over, and are not counted"
            );
        }
    }
}

impl<S: Store> Carrier<S> {
    /// Has the carrier count what users' devices acknowledge, message by message, as the relay counts what
    /// they say they have: see [`CountedMessage`]. Once it was opened so, open it so again: what is
    /// acknowledged meanwhile is not counted, and nothing of what was is forgotten in its time.
    ///
    /// A message is delivered when the first of its user's devices acknowledges it, which a device does when
    /// it has it for good. So carrier and relay agree once all has come through that was under way. Where
    /// they do not, a [comparison](bulla_meter::Comparison) shows the messages: a device acknowledged and was
    /// lost before it said so, or could not open what it got; it said so and was lost before it acknowledged;
    /// or it did either when the message had failed already, or a store was put back from a backup.
    ///
    /// # Cost
    /// Two look-ups for each envelope that a user's device acknowledges; for each message a row of some 40
    /// bytes for 30 days, and what [`LedgerSettings`] say.
    #[must_use]
    pub fn with_ledger(self, settings: LedgerSettings) -> Self {
        // A second one does not take the place of the first: nothing was counted in between.
        let _ = self.ledger.0.settings.set(settings);
        self
    }

    /// What of `business` was delivered of what was accepted in a `period`, and each message by its tag.
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
        let span = self.call("bill", &Address::business(business), None);
        self.for_host(span, counted_period(&*self.store, business, account, period)).await
    }

    /// Counts what of a party was acknowledged before its queues are forgotten. Under its lock.
    pub(crate) async fn count_before_forgetting(&self, partition: Partition) -> Result<(), StoreError> {
        if self.ledger.settings().is_none() {
            return Ok(());
        }
        for _ in 0..MAX_SETTLE_ATTEMPTS {
            // Not, when a record that somebody has left behind them is written meanwhile.
            if self.settling().settle_locked(partition, &Places::new()).await? {
                return Ok(());
            }
        }
        // What is forgotten now would never be counted.
        let source = io::Error::other("others have written to the same rows all the time");
        Err(StoreError::Unavailable { source })
    }

    /// Forgets what was counted of a business that is erased, if the host wants that.
    pub(crate) async fn erase_ledger(&self, business: PhoneNumberId) -> Result<(), StoreError> {
        if self.ledger.settings().is_some_and(LedgerSettings::ends_with_business) {
            for space in [LEDGER_MESSAGES, LEDGER_COUNTS] {
                let prefix = UsageKey::prefix(business);
                bulla_store::remove_counters(&self.store, space, &prefix, None).await?;
            }
        }
        Ok(())
    }
}

/// What of `business` was delivered of what was accepted in a `period`.
pub(crate) async fn counted_period<S: Store>(
    store: &S,
    business: PhoneNumberId,
    account: BusinessAccountId,
    period: Period,
) -> Result<CountedPeriod, StoreError> {
    let bounds = [period.from(), period.to()].map(|hour| UsageKey::names_from(business, hour));
    let (prefix, bounds) = (UsageKey::prefix(business), (&bounds[0][..], &bounds[1][..]));
    let of = |space: Space| bulla_store::counters_between(store, space, &prefix, bounds);
    let (counts, messages) = (of(LEDGER_COUNTS).await?, of(LEDGER_MESSAGES).await?);
    let counts = counts.iter().map(|(counter, count)| (&counter.name()[..], *count));
    let messages = messages.iter().map(|(counter, times)| (&counter.name()[..], *times));
    let counted = CountedPeriod::from_counters(account, counts, messages);
    counted.ok_or(StoreError::Damaged { what: "counter" })
}

/// Forgets what was counted so long ago that the settings keep it no longer. Messages first: they are told by
/// their counts.
pub(crate) async fn sweep<S: Store>(
    store: &S,
    ledger: &CarrierLedger,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(settings) = ledger.settings() else { return Ok(()) };
    let spaces = [(LEDGER_MESSAGES, settings.first_message(now)), (LEDGER_COUNTS, settings.first_count(now))];
    for (space, first) in spaces {
        bulla_store::remove_counters_of_all(store, space, 8, &first.minutes().to_be_bytes()).await?;
    }
    Ok(())
}

/// That a message was counted.
fn guard(id: MessageId) -> Key {
    Key::dated(LEDGERED, id.day(), id.as_bytes().to_vec())
}

/// As what an envelope is counted, if it is a message of a business to a user.
fn counted(envelope: &Envelope, settings: &LedgerSettings) -> Option<CountedMessage> {
    let Kind::Message(category) = envelope.kind() else { return None };
    match (envelope.from().party(), envelope.to().party()) {
        (Party::Business(business), Party::User(user)) => {
            Some(CountedMessage::new((*business, envelope.id()), user, category, settings.tags()))
        }
        _ => None,
    }
}
