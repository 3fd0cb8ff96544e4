//! Asks the rules about a message, in the transaction that makes it durable.

use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Category, PhoneNumberId, Timestamp};
use bulla_store::{Batch, Key, Retention, Store, StoreError};
use bulla_transport::Transport;

use super::Inner;
use super::active_business::ActiveBusiness;
use super::active_workers::Worker;
use super::rule_state::Reserved;
use super::transaction::Transaction;
use crate::limits::MAX_DEFERRED;
use crate::row::plain_rows;
use crate::rules::{Fallback, LIMIT_PERIOD, OnBreach, Recipients, Rule, Rules};
use crate::store_layout::{self, RECIPIENT};
use crate::{EventSink, Failure, SubmitError};

/// What the rules say of a message.
pub(super) enum Ruling {
    /// It goes, or this goes in its place.
    Goes(Option<Fallback>, Option<Reserved>),
    /// It breaks this rule, for so long if that is known.
    Breaks(Rule, Option<Duration>),
}

/// What becomes of a message that is to be accepted.
pub(super) enum Admission {
    /// It is sealed, or this in its place.
    Goes(Option<Fallback>, Option<Reserved>),
    /// It fails.
    Fails(Failure),
    /// It waits until a rule allows it.
    Deferred(Option<Rule>),
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// The rules that hold for `business`.
    pub(super) fn rules_of(&self, business: PhoneNumberId) -> Arc<Rules> {
        let own = self.businesses.business(business).and_then(|business| business.own_rules());
        own.unwrap_or_else(|| Arc::clone(&self.settings.rules))
    }

    /// Notes that the user of `transaction` has written, if a rule asks for it.
    pub(super) fn note_incoming(&self, transaction: &mut Transaction) {
        let tenant = self.businesses.tenant(transaction.conversation.business);
        if tenant.is_some_and(|tenant| tenant.rules.rules().keep_windows()) {
            transaction.open_window();
        }
    }

    /// Decides about a message of `category` that is to be accepted in `transaction`, and has a fallback of
    /// its `own` or none.
    pub(super) async fn admit(
        &self,
        tenant: &Arc<ActiveBusiness>,
        transaction: &mut Transaction,
        category: Category,
        own: Option<&Fallback>,
    ) -> Result<Admission, SubmitError> {
        let rules = tenant.rules.rules();
        let is_behind = transaction.deferred() > 0;
        let ruling = if is_behind {
            // It is not to pass what was accepted before it, and is asked about the rest when its turn comes.
            let has_fallback = own.is_some() || rules.fallback.is_some();
            let is_closed = !has_fallback && breaks_window(&rules, transaction, category);
            if !is_closed {
                return deferred(transaction, None);
            }
            Ruling::Breaks(Rule::ServiceWindow, None)
        } else {
            self.rule_on(tenant, &rules, transaction, (category, own)).await?
        };
        let (rule, wait) = match ruling {
            Ruling::Goes(instead, reserved) => return Ok(Admission::Goes(instead, reserved)),
            Ruling::Breaks(rule, wait) => (rule, wait),
        };
        match (rules.on_breach(rule), wait) {
            (OnBreach::Defer, _) => {
                self.has_room_in(transaction.conversation, Worker::Deferred)?;
                deferred(transaction, Some(rule))
            }
            (OnBreach::Fail, _) => Ok(Admission::Fails(rule.into())),
            (OnBreach::Refuse, Some(wait)) => Err(SubmitError::Limited { rule, wait }),
            (OnBreach::Refuse, None) => Err(SubmitError::WindowClosed),
        }
    }

    /// Asks the rules about a message of a category, perhaps with a fallback of its own, to the user of
    /// `transaction`. What it takes up stands in the transaction, and in the reservation.
    pub(super) async fn rule_on(
        &self,
        tenant: &Arc<ActiveBusiness>,
        rules: &Rules,
        transaction: &mut Transaction,
        (category, own): (Category, Option<&Fallback>),
    ) -> Result<Ruling, StoreError> {
        let (now, user) = (transaction.now, transaction.conversation.user);
        let mut instead = None;
        if breaks_window(rules, transaction, category) {
            instead = own.or(rules.fallback.as_ref()).cloned();
            if instead.is_none() {
                return Ok(Ruling::Breaks(Rule::ServiceWindow, None));
            }
        }
        let paid = rules.pair_rate.map(|(rate, _)| rate.take(transaction.paid(), now)).transpose();
        let paid = match paid {
            Ok(paid) => paid,
            Err(wait) => return Ok(Ruling::Breaks(Rule::PairRate, Some(wait))),
        };
        let reserved = match rules.messaging_limit {
            Some((limit, _)) if !transaction.window().is_open() => {
                self.know_recipients(tenant, now).await?;
                match Reserved::take(tenant, user, limit, now) {
                    Ok(reserved) => Some(reserved),
                    Err(wait) => return Ok(Ruling::Breaks(Rule::MessagingLimit, Some(wait))),
                }
            }
            _ => None,
        };
        if let Some((throughput, _)) = rules.throughput
            && let Err(wait) = tenant.rules.take(throughput, now)
        {
            return Ok(Ruling::Breaks(Rule::Throughput, Some(wait)));
        }
        // Last: what breaks a rule takes up nothing of the others.
        if let Some(paid) = paid {
            transaction.set_paid(paid);
        }
        Ok(Ruling::Goes(instead, reserved))
    }

    /// Reads whom the business has written to outside a window, unless that is known.
    async fn know_recipients(&self, tenant: &ActiveBusiness, now: Timestamp) -> Result<(), StoreError> {
        if !tenant.rules.is_read() {
            let _reading = tenant.rules.reading().await;
            if !tenant.rules.is_read() {
                tenant.rules.set(self.read_recipients(tenant, now).await?);
            }
        }
        Ok(())
    }

    /// Whom the business has written to outside a window, as the store knows it.
    async fn read_recipients(
        &self,
        tenant: &ActiveBusiness,
        now: Timestamp,
    ) -> Result<Recipients, StoreError> {
        let (home, mut recipients) = (self.home(tenant.business()), Recipients::default());
        let mut scan = store_layout::all(RECIPIENT, now);
        loop {
            let page = self.store.scan(home, &scan, now).await?;
            let Some((last, _)) = page.last() else { return Ok(recipients) };
            scan = store_layout::all(RECIPIENT, now).after(last.clone());
            for (key, record) in page {
                let at = plain_rows::recipient(&record.value)?;
                recipients.note(super::erase_business::user(&key)?, at);
            }
        }
    }

    /// Makes it durable that a user counts, before the message is: after a crash in between the user counts
    /// for nothing, for a day. The other way round the limit could be passed.
    pub(super) async fn put_recipient(
        &self,
        business: PhoneNumberId,
        reserved: &Reserved,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // A row that is kept for too long harms nobody, since it says when it was; one that is not there
        // does.
        let period = Retention::new(LIMIT_PERIOD).unwrap_or(Retention::LONGEST);
        let mut batch = Batch::new(self.home(business));
        let key = Key::dated(RECIPIENT, now.day(), reserved.user.as_bytes().to_vec());
        batch.put_until(key, now.as_millis().to_be_bytes().to_vec(), period.from(now));
        // It expects nothing, so nothing can be in the way.
        let _ = self.store.commit(batch).await?;
        Ok(())
    }
}

fn breaks_window(rules: &Rules, transaction: &Transaction, category: Category) -> bool {
    rules.service_window.is_some() && category == Category::Service && !transaction.window().is_open()
}

fn deferred(transaction: &Transaction, rule: Option<Rule>) -> Result<Admission, SubmitError> {
    if transaction.deferred() >= MAX_DEFERRED {
        return Err(SubmitError::TooManyWaiting { limit: MAX_DEFERRED });
    }
    Ok(Admission::Deferred(rule))
}
