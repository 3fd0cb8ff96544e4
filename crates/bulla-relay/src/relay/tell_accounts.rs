//! What is told of an account and of no conversation: a queue of its own for each account.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use bulla_base::{BusinessAccountId, MessageId, Partition, PhoneNumberId, Retries};
use bulla_store::{Batch, Key, Retention, Store, StoreError};
use bulla_transport::Transport;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::Notify;

use super::Inner;
use super::fault_isolation::{FailureScope, of_store};
use crate::limits::QUEUE_PAGE;
use crate::row::{AccountNewsItem, StoredAccountEvent};
use crate::store_layout::{self, ACCOUNT_EVENT};
use crate::{
    AccountEvent, EventSink, MessageTemplate, RelayError, RestrictionUpdate, SinkError, StandingUpdate,
    TemplateUpdate, VolumeTierUpdate,
};

/// The accounts of which there may be something to tell.
#[derive(Debug, Default)]
pub(super) struct AccountNews {
    accounts: Mutex<BTreeSet<BusinessAccountId>>,
    changed: Notify,
}

impl AccountNews {
    /// There is something to tell of `account`.
    pub(super) fn note(&self, account: BusinessAccountId) {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).insert(account);
        self.changed.notify_one();
    }

    /// Those of which there is, but for the ones that are `under_way`.
    fn take(&self, under_way: &BTreeSet<BusinessAccountId>) -> BTreeSet<BusinessAccountId> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = &*accounts - under_way;
        accounts.retain(|account| under_way.contains(account));
        taken
    }
}

/// Puts into `batch` that `template` is to be told of.
pub(super) fn put_news(batch: &mut Batch, template: &MessageTemplate, id: MessageId) {
    put_event(batch, &StoredAccountEvent::template(template), id);
}

pub(super) fn put_event(batch: &mut Batch, event: &StoredAccountEvent, id: MessageId) {
    let key = Key::dated(ACCOUNT_EVENT, id.day(), id.as_bytes().to_vec());
    batch.put_until(key, event.to_bytes(), Retention::LONGEST.from(id.time()));
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Tells businesses what there is of their accounts, in the order of each.
    pub(super) async fn keep_telling_accounts(self: Arc<Self>) -> Result<(), RelayError> {
        // What another run has left.
        for account in self.businesses.ids().into_iter().filter_map(|id| self.account(id).ok()) {
            self.account_news.note(account);
        }
        let (mut telling, mut under_way) = (FuturesUnordered::new(), BTreeSet::new());
        loop {
            for account in self.account_news.take(&under_way) {
                under_way.insert(account);
                telling.push(self.tell_account(account).map(move |told| (account, told)));
            }
            tokio::select! {
                Some((account, told)) = telling.next() => {
                    under_way.remove(&account);
                    told?;
                }
                () = self.account_news.changed.notified() => {}
            }
        }
    }

    /// Tells everything there is of `account`, again and again until it is taken.
    async fn tell_account(&self, account: BusinessAccountId) -> Result<(), RelayError> {
        let (home, mut retries) = (self.account_home(account), Retries::new(self.settings.backoff));
        loop {
            match self.tell_some(account, home).await {
                Ok(Told::Nothing) => return Ok(()),
                Ok(Told::Some) => retries = Retries::new(self.settings.backoff),
                Ok(Told::NotTaken(error)) => {
                    tracing::warn!(
                        account = %account,
                        error = &error as &dyn std::error::Error,
                        "what is told of an account is not taken; it is tried again"
                    );
                    let wait = retries.next_wait(&*self.rng).max(error.retry_after().unwrap_or_default());
                    self.clock.sleep(wait).await;
                }
                Err(error) if of_store(&error) == FailureScope::Relay => return Err(error.into()),
                Err(error) => {
                    tracing::error!(
                        account = %account,
                        error = &error as &dyn std::error::Error,
                        "what is to be told of an account cannot be read; it is tried again"
                    );
                    self.clock.sleep(retries.next_wait(&*self.rng)).await;
                }
            }
        }
    }

    async fn tell_some(&self, account: BusinessAccountId, home: Partition) -> Result<Told, StoreError> {
        let now = self.clock.now();
        let page =
            self.store.scan(home, &store_layout::all(ACCOUNT_EVENT, now).limit(QUEUE_PAGE), now).await?;
        if page.is_empty() {
            return Ok(Told::Nothing);
        }
        // Without one nobody is there to be told; it waits until one is.
        let Some(business) = self.number_of(account) else { return Ok(Told::Nothing) };
        for (key, record) in page {
            let id = MessageId::from_bytes(key.name()).map_err(|_| StoreError::Damaged { what: "event" })?;
            let event = match StoredAccountEvent::read(&record.value)?.item()? {
                AccountNewsItem::Template(template) => {
                    AccountEvent::Template(TemplateUpdate::new(business, account, *template, id.time()))
                }
                AccountNewsItem::VolumeTier(month, reached) => AccountEvent::VolumeTier(
                    VolumeTierUpdate::new((business, account), month, reached, id.time()),
                ),
                AccountNewsItem::Restriction(of, restriction, until) => {
                    let restriction = (restriction, until);
                    AccountEvent::Restriction(RestrictionUpdate::new(of, account, restriction, id.time()))
                }
                AccountNewsItem::Change(of, change) => {
                    AccountEvent::Standing(StandingUpdate::new(of, account, change, id.time()))
                }
            };
            let forwarded = {
                let _place = self.sink_permits.enter(business).await;
                let forwarding = AssertUnwindSafe(self.sink.forward_account(&event)).catch_unwind();
                forwarding.await.unwrap_or_else(|_| Err(SinkError::panicked()))
            };
            if let Err(error) = forwarded {
                return Ok(Told::NotTaken(error));
            }
            let mut batch = Batch::new(home);
            batch.delete(key);
            // It expects nothing, so nothing can be in the way.
            let _ = self.store.commit(batch).await?;
        }
        Ok(Told::Some)
    }

    /// A number of `account` that the relay has.
    fn number_of(&self, account: BusinessAccountId) -> Option<PhoneNumberId> {
        self.businesses.ids().into_iter().find(|id| self.account(*id).is_ok_and(|of| of == account))
    }
}

/// What became of a look at what there is to tell.
enum Told {
    /// There is nothing.
    Nothing,
    /// All that was found was taken.
    Some,
    /// Something was not.
    NotTaken(SinkError),
}
