//! The carrier was put back from a backup: what it had taken since is gone, and is sent again.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bulla_base::{Address, DeviceId, DeviceSet, MessageId, Party, PhoneNumberId, Retries};
use bulla_store::{BEFORE_ALL, Key, Scan, Store, StoreError};
use bulla_transport::Transport;

use super::Inner;
use super::active_business::ActiveBusiness;
use super::attempts::Attempts;
use super::conversation::Conversation;
use super::erase_business::user;
use super::fault_isolation::FailureScope;
use super::pending_identity_approval::passing;
use super::resends::{Way, is_of_peer};
use crate::row::{Outbound, Stage};
use crate::store_layout::{self, CONTENT, CONVERSATION, MESSAGE};
use crate::{EventSink, RelayError, SubmitError};

/// What became of a copy of a message that the carrier may have lost.
enum Again {
    Sent,
    /// It is confirmed, or was sealed for the carrier as it is now.
    NotLost,
    /// Nothing can be sealed for its device now.
    Unreachable,
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Takes note of the generation of the carrier's store. When it is another than the last time, everything
    /// that the business's users have not confirmed is sent again, beside whatever else there is to do.
    pub(super) fn meet_carrier(self: &Arc<Self>, tenant: &Arc<ActiveBusiness>, generation: u64) {
        if !tenant.endpoint.meet_carrier(generation) || tenant.sends_again.swap(true, Ordering::Relaxed) {
            return;
        }
        let business = tenant.business();
        tracing::warn!(
            %business,
            "the carrier was put back from a backup: what users have not confirmed is sent again"
        );
        let sending = Arc::clone(tenant);
        let is_begun = self.spawn_for(tenant, None, move |inner| async move {
            let sent = Box::pin(inner.send_unconfirmed_again(&sending)).await;
            sending.sends_again.store(false, Ordering::Relaxed);
            sent
        });
        if !is_begun {
            tenant.sends_again.store(false, Ordering::Relaxed);
        }
    }

    /// Sends again what was not sealed in the present generation of the carrier's store, and then writes down
    /// that nothing of it is left. Cut short, it begins anew, and passes over what is done.
    async fn send_unconfirmed_again(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
    ) -> Result<(), RelayError> {
        let business = tenant.business();
        let (home, mut count) = (self.home(business), 0_u64);
        loop {
            let (generation, mut is_whole) = (tenant.endpoint.carrier_generation(), true);
            let mut scan = Scan::undated(CONVERSATION);
            loop {
                let page = self.store.keys(home, &scan, BEFORE_ALL).await?;
                let Some(last) = page.last() else { break };
                scan = Scan::undated(CONVERSATION).after(last.clone());
                for key in page {
                    let conversation = Conversation { business, user: user(&key)? };
                    is_whole &= self.send_conversation_again(tenant, conversation, &mut count).await?;
                }
            }
            // It may have been put back once more meanwhile.
            if tenant.endpoint.carrier_generation() == generation {
                if is_whole {
                    let settling =
                        tenant.endpoint.settle_carrier_generation(&self.store, generation, self.clock.now());
                    settling.await.map_err(|source| RelayError::Identity { business, source })?;
                }
                tracing::info!(%business, count, "what users had not confirmed is on its way again");
                return Ok(());
            }
        }
    }

    /// Sends again what is unconfirmed of one conversation. False when something of it is left.
    async fn send_conversation_again(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
        count: &mut u64,
    ) -> Result<bool, RelayError> {
        let mut retries = Retries::new(self.settings.backoff);
        loop {
            if self.suspensions.of(conversation).is_some() {
                return Ok(false);
            }
            match Box::pin(self.send_each_again(tenant, conversation, count)).await {
                Ok(is_whole) => return Ok(is_whole),
                Err(error) if error.failure_scope() == FailureScope::Passing => {
                    self.counts.retried("carrier");
                    self.clock.sleep(retries.next_wait(&*self.rng)).await;
                }
                Err(error) => {
                    // Whatever it stops, more than this conversation as well, nothing is sent here.
                    self.contain(tenant, Some(conversation), error)?;
                    return Ok(false);
                }
            }
        }
    }

    async fn send_each_again(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
        count: &mut u64,
    ) -> Result<bool, RelayError> {
        let scan =
            || store_layout::all(CONTENT, self.clock.now()).prefix(store_layout::of(conversation.business));
        let (mut next, mut is_whole) = (scan(), true);
        loop {
            let page = self.store.keys(conversation.user, &next, self.clock.now()).await?;
            let Some(last) = page.last() else { return Ok(is_whole) };
            next = scan().after(last.clone());
            for (_, id, awaited) in self.in_order(conversation, &page).await? {
                for device in awaited.iter() {
                    match self.send_copy_again(tenant, conversation, (id, device)).await? {
                        Again::Sent => *count += 1,
                        Again::NotLost => {}
                        Again::Unreachable => is_whole = false,
                    }
                }
            }
        }
    }

    /// What is unconfirmed under `keys` and which devices have not confirmed it, in the order in which it was
    /// sent: ids of one millisecond tell none.
    async fn in_order(
        &self,
        conversation: Conversation,
        keys: &[Key],
    ) -> Result<Vec<(u64, MessageId, DeviceSet)>, StoreError> {
        let mut messages = Vec::with_capacity(keys.len());
        for key in keys {
            let id = message(conversation.business, key.name())?;
            let key = store_layout::about(MESSAGE, conversation.business, id);
            if let Some(record) = self.store.get(conversation.user, &key, self.clock.now()).await? {
                let outbound = Outbound::read(&record.value)?;
                messages.push((outbound.outbox_place, id, outbound.awaited()?));
            }
        }
        messages.sort_unstable_by_key(|(place, id, _)| (*place, *id));
        Ok(messages)
    }

    /// Seals the message once more for the device, if that has it from an earlier generation of the carrier's
    /// store.
    ///
    /// In the session in use: nothing is known to be wrong with it.
    async fn send_copy_again(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
        (id, device): (MessageId, DeviceId),
    ) -> Result<Again, RelayError> {
        let mut attempts = Attempts::new();
        loop {
            self.begin_attempt(&mut attempts).await?;
            let _lock = self.lock(conversation.user).await?;
            let mut transaction = self.transaction(conversation).await?;
            let Some((record, outbound)) = self.unconfirmed(&transaction, id, device).await? else {
                return Ok(Again::NotLost);
            };
            // What the carrier was never given is on its way in any case.
            if outbound.stage()? == Stage::Accepted || outbound.held || outbound.deferred {
                return Ok(Again::NotLost);
            }
            let Some((copies, version)) = self.copies_of(&transaction, id).await? else {
                return Ok(Again::NotLost);
            };
            let generation = tenant.endpoint.carrier_generation();
            let Some(copy) = copies.of(device).filter(|copy| copy.resend_in(generation).is_some()) else {
                return Ok(Again::NotLost);
            };
            let address = Address::new(Party::User(outbound.user()?), device);
            let peer = tenant.endpoint.peer(&self.store, conversation.user, &address, transaction.now).await;
            let mut peer = peer.map_err(|error| passing(SubmitError::Seal(error)))?;
            let way = match self.seal_anew(tenant, &mut transaction, &mut peer, (id, &record)).await {
                Err(error) if is_of_peer(&error) => Way::Unknown,
                way => way.map_err(passing)?,
            };
            match &way {
                // It may leave keys later.
                Way::Unknown => return Ok(Again::Unreachable),
                // It is on its way from now on, once it is approved.
                Way::Held(_) => {
                    let (mut copies, mut copy) = (copies.clone(), copy.clone());
                    copy.kept_in(generation);
                    copies.put(device, copy);
                    transaction.put_content_if(id, (&copies, version), &record);
                }
                Way::Sealed(..) => {}
            }
            let changed =
                self.put_again(&mut transaction, (id, &record, &outbound), device, way, "carrier_restored")?;
            transaction.put_sessions(peer);
            if self.commit(transaction).await? {
                self.tell_identities(tenant, conversation, changed);
                return Ok(Again::Sent);
            }
        }
    }
}

/// Which message of `business` a record about it is named after.
fn message(business: PhoneNumberId, name: &[u8]) -> Result<MessageId, StoreError> {
    let id = name.strip_prefix(&store_layout::of(business)[..]);
    id.and_then(|id| MessageId::from_bytes(id).ok())
        .ok_or(StoreError::Damaged { what: "name of an unconfirmed message" })
}
