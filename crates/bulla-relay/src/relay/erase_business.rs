use std::sync::Arc;

use bulla_base::{BusinessAccountId, Partition, PhoneNumberId};
use bulla_store::{BEFORE_ALL, Batch, Key, SYSTEM_PARTITION, Scan, Space, Store, StoreError, erase_names};
use bulla_transport::Transport;
use tracing::Instrument;

use super::conversation::Conversation;
use super::fault_isolation::{FailureScope, of_store};
use super::{Inner, Relay, trace_span};
use crate::store_layout::{
    self, ASKED, CONTACT, CONTENT, CONVERSATION, DEAD_LETTERS, DEFERRED, ERASING_BUSINESS, EVENTS, HEAD,
    HELD, MESSAGE, ONCE, OUTBOX, RECEIVED_MEDIA, REPORTABLE, SEEN, WAITING,
};
use crate::{BusinessError, EventSink, RelayError};

/// The spaces in users' partitions whose records are named after a business first.
const OF_CONVERSATIONS: [Space; 14] = [
    MESSAGE,
    CONTENT,
    SEEN,
    ASKED,
    OUTBOX,
    EVENTS,
    HELD,
    DEFERRED,
    DEAD_LETTERS,
    ONCE,
    RECEIVED_MEDIA,
    REPORTABLE,
    CONTACT,
    HEAD,
];

impl<S: Store, T: Transport, K: EventSink> Relay<S, T, K> {
    /// Speaks for the business no longer, and erases everything the relay keeps about it: its identity and
    /// prekeys, its sessions with users, its queues, what it has sent and received. Its sums stay, for the
    /// bill, and what was counted of deliveries as the [settings](crate::Settings::ledger) say. The relay
    /// need not have the business (any more).
    ///
    /// What belongs to its account, which is message templates, goes with it if the relay has no other number
    /// of the account. Of a business that the relay does not have the account is not known: [add
    /// it](Relay::add_business), and then erase it.
    ///
    /// It may be cut short. The wish is durable before anything is removed; after an error or a crash ask
    /// again, or open a relay on the store, which carries it out before it does anything else.
    ///
    /// # What happens next
    /// When the business is [added](Relay::add_business) again, it begins anew, with a new identity, of which
    /// users' devices are told; the carrier may ask for a proof that the number is its own. What the
    /// *carrier* keeps of it, queue and public keys, is erased there, by a call of its own.
    ///
    /// # Errors
    /// [`BusinessError::Store`] when the store fails.
    ///
    /// # Cost
    /// Some twenty scans, and a commit for each 128 records, for each conversation of the last 30 days.
    pub async fn erase_business(&self, id: PhoneNumberId) -> Result<(), BusinessError> {
        let inner = Arc::clone(&self.0);
        let erasing = async move {
            let _turn = inner.businesses.turn(id).await;
            let stands_by = || BusinessError::Suspended { business: id, why: Arc::new(RelayError::StandsBy) };
            if !inner.role.may_act() {
                return Err(stands_by());
            }
            let account = inner.account_that_ends_with(id);
            match inner.take_down(id).await {
                Ok(()) | Err(BusinessError::Unknown { .. }) => {}
                Err(error) => return Err(error),
            }
            let erasing = async {
                inner.wish_to_erase(id, account).await?;
                inner.erase_all_of(id, account).await
            };
            let erased = tokio::select! {
                biased;
                // Whoever takes over carries out what was begun.
                () = inner.role.lost() => return Err(stands_by()),
                erased = erasing => erased,
            };
            tracing::info!(business = %id, is_done = erased.is_ok(), "a business is erased");
            erased.map_err(|error| inner.survive(error).map_or(BusinessError::Stopped, BusinessError::Store))
        };
        let erased = self.0.see_through(erasing.instrument(trace_span::call("erase business", Some(id))));
        erased.await.unwrap_or(Err(BusinessError::Stopped))
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// The account of `business`, if the relay has no other number of it.
    fn account_that_ends_with(&self, business: PhoneNumberId) -> Option<BusinessAccountId> {
        let account = self.businesses.business(business)?.account();
        let is_of =
            |other: &PhoneNumberId| *other != business && self.account(*other).is_ok_and(|of| of == account);
        (!self.businesses.ids().iter().any(is_of)).then_some(account)
    }

    /// Notes the wish: from when this returns it is carried out, whatever happens.
    async fn wish_to_erase(
        &self,
        business: PhoneNumberId,
        account: Option<BusinessAccountId>,
    ) -> Result<(), StoreError> {
        let mut batch = Batch::new(SYSTEM_PARTITION);
        let account = account.map(|account| account.number().to_be_bytes().to_vec()).unwrap_or_default();
        batch.put(Key::undated(ERASING_BUSINESS, store_layout::of(business)), account);
        let _ = self.store.commit(batch).await?;
        Ok(())
    }

    /// Carries out what an earlier run of the relay began.
    ///
    /// # Errors
    /// When the store is dead, or it cannot be read what was begun.
    pub(super) async fn finish_erasures_of_businesses(&self) -> Result<(), StoreError> {
        for key in self.store.keys(SYSTEM_PARTITION, &Scan::undated(ERASING_BUSINESS), BEFORE_ALL).await? {
            let damaged = || StoreError::Damaged { what: "erasure" };
            let number = |bytes: &[u8]| bytes.try_into().map(u64::from_be_bytes).map_err(|_| damaged());
            let business = PhoneNumberId::new(number(key.name())?);
            let erasing = async {
                let wish = self.store.get(SYSTEM_PARTITION, &key, self.clock.now()).await?;
                let account = wish.map(|wish| wish.value).filter(|account| !account.is_empty());
                let account = account.map(|account| number(&account).map(BusinessAccountId::new));
                self.erase_all_of(business, account.transpose()?).await
            };
            if let Err(error) = erasing.await {
                if of_store(&error) == FailureScope::Relay {
                    return Err(error);
                }
                tracing::error!(error = &error as &dyn std::error::Error, "a business is still not erased");
            }
        }
        Ok(())
    }

    /// Erases everything of a business that nobody speaks for, and takes back the wish.
    async fn erase_all_of(
        &self,
        business: PhoneNumberId,
        account: Option<BusinessAccountId>,
    ) -> Result<(), StoreError> {
        let home = self.home(business);
        loop {
            // What is erased is listed no more.
            let page = self.store.keys(home, &Scan::undated(CONVERSATION), BEFORE_ALL).await?;
            if page.is_empty() {
                break;
            }
            for key in page {
                let _lock = self.lock(user(&key)?).await?;
                self.end_conversation(Conversation { business, user: user(&key)? }).await?;
            }
        }
        self.store.erase_partition(home).await?;
        self.erase_ledger(business).await?;
        if let Some(account) = account {
            let home = self.account_home(account);
            let _lock = self.keyed_mutex.lock(home).await;
            self.store.erase_partition(home).await?;
        }
        // Last: a crash before it begins again, and finds less.
        let mut batch = Batch::new(SYSTEM_PARTITION);
        batch.delete(Key::undated(ERASING_BUSINESS, store_layout::of(business)));
        let _ = self.store.commit(batch).await?;
        Ok(())
    }

    /// Removes everything of a conversation and takes it from the list, last. Under its lock.
    pub(super) async fn end_conversation(&self, conversation: Conversation) -> Result<(), StoreError> {
        let Conversation { business, user } = conversation;
        for space in OF_CONVERSATIONS {
            erase_names(&self.store, user, space, store_layout::of(business)).await?;
        }
        bulla_endpoint::forget_sessions(&self.store, user, business).await?;
        self.session_cache.forget(user);
        // Every conversation has a head until it is ended, and this one's is gone.
        let is_last = self.store.keys(user, &Scan::undated(HEAD).limit(1), BEFORE_ALL).await?.is_empty();
        if is_last {
            // The salt, and guards against sessions started twice belong to all conversations of the user.
            self.store.erase_partition(user).await?;
        }
        self.index.forget(user);
        self.workers.reset(|ended| *ended == conversation);
        self.acknowledged_events.reset(|ended| *ended == conversation);
        self.forwarded_messages.reset(|ended| *ended == conversation);
        let mut batch = Batch::new(self.home(business));
        for space in [CONVERSATION, WAITING] {
            batch.delete(Key::undated(space, user.as_bytes().to_vec()));
        }
        let _ = self.store.commit(batch).await?;
        Ok(())
    }
}

/// Whose conversation a record in a business's partition is about.
pub(super) fn user(key: &Key) -> Result<Partition, StoreError> {
    let user = key.name()[..].try_into().map_err(|_| StoreError::Damaged { what: "mark" })?;
    Ok(Partition::from_bytes(user))
}
