use std::collections::BTreeSet;
use std::sync::Arc;

use bulla_base::{Number, Partition, Party, PhoneNumberId};
use bulla_store::{BEFORE_ALL, Batch, Erased, Scan, Store, StoreError, UserErasure, erase_names};
use bulla_transport::Transport;
use bytes::Bytes;
use tracing::Instrument;

use super::fault_isolation::{FailureScope, of_store};
use super::trace_span::Tag;
use super::{Inner, Relay, trace_span};
use crate::store_layout::{BUSY, CONVERSATION, DEAD_LETTERS, DUE, ERASING, GATE, HEAD, RECIPIENT, WAITING};
use crate::{EraseError, EventSink};

impl<S: Store, T: Transport, K: EventSink> Relay<S, T, K> {
    /// Erases everything the relay keeps about `user`, with whatever business: messages, sessions, queues,
    /// guards against duplicates, events the business does not have yet, idempotency keys, the number, marks.
    /// When this returns, the store was read once more and held nothing.
    ///
    /// It may be cut short. The wish is durable before anything is removed: a caller that drops the future,
    /// an error and a crash put it off, and it is carried out before anything else is written about the user,
    /// and before a relay opened on the store does anything.
    ///
    /// # What is left
    /// Sums by business, day and category, which say nothing about anybody. Logs, backups and what a business
    /// was told are the operator's and the business's: under a vault the keys to what has an expiry are gone
    /// from backups within 30 days. The engine's files hold what was deleted until they are compacted; under
    /// a vault it is noise from now on. What the *carrier* keeps is erased there, by a call of its own; erase
    /// there first, or what it still delivers begins a new conversation here.
    ///
    /// # What happens next
    /// What comes from the user afterwards, or is sent to them, is a new conversation: the limits on
    /// duplicates and idempotency keys begin anew. A device that still has its old session does not know. The
    /// first thing it sends in it cannot be opened; the relay begins a new session, in which it asks the
    /// device to send it again. A first message of old, whose prekeys were not used up, could
    /// be opened once more, if the carrier delivered it again: within 30 days the carrier's own guard keeps
    /// it from that. Ids are as before: the same business knows the same user by the same id.
    ///
    /// # Errors
    /// [`EraseError`]; then ask again.
    ///
    /// # Cost
    /// Two commits, one for each business and one for each 128 records. Two passes, of which the second finds
    /// nothing: each is 257 scans and three more for each business.
    pub async fn erase(&self, user: &Number) -> Result<Erased, EraseError> {
        let inner = Arc::clone(&self.0);
        let user = inner.pepper.partition(&Party::User(user.clone()));
        let erasing = async move {
            trace_span::is_with(user);
            let erased = tokio::select! {
                biased;
                // Whoever takes over carries out what was begun.
                () = inner.role.lost() => return Err(EraseError::StandsBy),
                erased = inner.erase(user) => erased,
            };
            erased.map_err(|error| match inner.survive(error) {
                Some(error) => EraseError::Store(error),
                None => EraseError::Stopped,
            })
        };
        let erased = self.0.see_through(erasing.instrument(trace_span::call("erase", None)));
        erased.await.unwrap_or(Err(EraseError::Stopped))
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    async fn erase(&self, user: Partition) -> Result<Erased, StoreError> {
        // Not by way of `lock`, which would first carry out an erasure that is under way.
        let _lock = self.keyed_mutex.lock(user).await;
        // What is on its way out is called back before the wish is durable, or it could leave after it.
        self.erasures.begin(user);
        let erasure = UserErasure::new(user, ERASING);
        erasure.begin(&self.store).await?;
        self.carry_out(erasure).await
    }

    /// Carries out what an earlier run of the relay began.
    ///
    /// # Errors
    /// When the store is dead, or it cannot be read what was begun.
    pub(super) async fn finish_erasures(&self) -> Result<(), StoreError> {
        for begun in UserErasure::begun(&self.store, ERASING, self.clock.now()).await? {
            let _lock = self.keyed_mutex.lock(begun.user()).await;
            self.erasures.begin(begun.user());
            if let Err(error) = self.carry_out(begun).await {
                if of_store(&error) == FailureScope::Relay {
                    return Err(error);
                }
                // It is carried out before anything else is written about the user.
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "an erasure is still not carried out"
                );
            }
        }
        Ok(())
    }

    /// Removes everything about a user whose lock is held and whose erasure was begun.
    pub(super) async fn carry_out(&self, erasure: UserErasure) -> Result<Erased, StoreError> {
        let user = erasure.user();
        self.erasures.nothing_leaves(user).await;
        // Before the passes: what is read from here on is not to be taken for what was there.
        self.index.forget(user);
        self.workers.reset(|conversation| conversation.user == user);
        let pass = || async move {
            // The marks first: which businesses to look at is told by what is still there.
            Ok(self.remove_marks(user).await? + self.store.erase_partition(user).await?)
        };
        let erased = erasure.carry_out(&self.store, &*self.clock, pass).await?;
        // What was read meanwhile was of the old queues and sessions.
        self.workers.reset(|conversation| conversation.user == user);
        self.acknowledged_events.reset(|conversation| conversation.user == user);
        self.forwarded_messages.reset(|conversation| conversation.user == user);
        self.session_cache.forget(user);
        self.pending_approval.forget_user(user);
        for tenant in self.businesses.ids().into_iter().filter_map(|id| self.businesses.tenant(id)) {
            tenant.rules.erase(user);
            tenant.gate.set_blocked(user, false);
        }
        self.erasures.end(user);
        tracing::info!(user = %Tag(user), records = erased.records(), "a user is erased");
        Ok(erased)
    }

    /// Removes the marks of the user's conversations from the partitions of the businesses, and says how many
    /// there were.
    ///
    /// By their keys: a vault does not open those whose hour is over.
    async fn remove_marks(&self, user: Partition) -> Result<usize, StoreError> {
        let name = Bytes::copy_from_slice(user.as_bytes());
        let mut seen = 0;
        for home in self.homes(user).await? {
            // It is counted before there is a conversation.
            seen += erase_names(&self.store, home, RECIPIENT, name.clone()).await?;
            // Whoever was never written to may be blocked.
            seen += erase_names(&self.store, home, GATE, name.clone()).await?;
            // One look-up for a business that the user has nothing to do with.
            let listed = Scan::undated(CONVERSATION).prefix(name.clone());
            let listed = self.store.keys(home, &listed, BEFORE_ALL).await?;
            if listed.is_empty() {
                continue;
            }
            // Of these there may be many.
            seen += erase_names(&self.store, home, DUE, name.clone()).await?;
            seen += erase_names(&self.store, home, DEAD_LETTERS, name.clone()).await?;
            let mut batch = Batch::new(home);
            listed.into_iter().for_each(|key| batch.delete(key));
            for marks in [Scan::everything(BUSY), Scan::undated(WAITING)] {
                let marks = self.store.keys(home, &marks.prefix(name.clone()), BEFORE_ALL).await?;
                marks.into_iter().for_each(|key| batch.delete(key));
            }
            seen += batch.deletes().len();
            // It expects nothing, so nothing can be in the way.
            let _ = self.store.commit(batch).await?;
        }
        Ok(seen)
    }

    /// The partitions of the businesses that have talked to `user`.
    async fn homes(&self, user: Partition) -> Result<Vec<Partition>, StoreError> {
        let mut businesses: BTreeSet<PhoneNumberId> = self.businesses.ids().into_iter().collect();
        // Also of those the relay spoke for once.
        for key in self.store.keys(user, &Scan::undated(HEAD), BEFORE_ALL).await? {
            let number =
                key.name()[..].try_into().map_err(|_| StoreError::Damaged { what: "conversation" })?;
            businesses.insert(PhoneNumberId::new(u64::from_be_bytes(number)));
        }
        Ok(businesses.into_iter().map(|id| self.pepper.partition(&Party::Business(id))).collect())
    }
}
