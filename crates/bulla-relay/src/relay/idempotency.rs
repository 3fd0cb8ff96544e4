use bulla_base::{HASHING_STACK_BYTES, MessageId, Partition, Party, SeededRng, without_trace};
use bulla_content::Content;
use bulla_store::{Batch, Commit, Key, Retention, Store};
use bulla_transport::Transport;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::Inner;
use super::active_business::ActiveBusiness;
use super::attempts::Attempts;
use super::conversation::Conversation;
use super::submit::Checked;
use super::transaction::Transaction;
use crate::limits::MAX_IDEMPOTENCY_BYTES;
use crate::row::plain_rows;
use crate::store_layout::{self, KEY, ONCE};
use crate::{EventSink, MessageRef, Outgoing, SubmitError};

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Makes sure that the message's idempotency key, if it has one, is used for no other user.
    ///
    /// That a key was used for a user stands in the user's partition, where the message does; a batch touches
    /// no other. So the key is bound to its user first, in the partition of the business. If nothing comes of
    /// the message then, the key stays bound: it named a wish to write to this user. What stands there is a
    /// digest that says nothing to who has not the key and the user's partition, so an erasure leaves it.
    pub(super) async fn bind_key(
        &self,
        conversation: Conversation,
        checked: &Checked,
    ) -> Result<(), SubmitError> {
        let Some(key) = key(&checked.message) else { return Ok(()) };
        let key = &key[..];
        let business = conversation.business;
        let (name, of) = (digest(&[key]), digest(&[conversation.user.as_bytes(), key]));
        // One at a time binds this key. A lock like any other, let go before that of the user is taken.
        let lock = digest(&[&business.number().to_be_bytes(), key]);
        let _lock = self.keyed_mutex.lock(Partition::from_bytes(std::array::from_fn(|at| lock[at]))).await;
        let home = self.pepper.partition(&Party::Business(business));
        let mut attempts = Attempts::new();
        loop {
            attempts.begin()?;
            let now = self.clock.now();
            // Over all days that can be read: the key may have been bound before midnight.
            let scan = store_layout::all(KEY, now).prefix(Bytes::copy_from_slice(&name)).limit(1);
            if let Some((_, record)) = self.store.scan(home, &scan, now).await?.first() {
                return if record.value[..] == of { Ok(()) } else { Err(reused(&checked.message)) };
            }
            let mut batch = Batch::new(home);
            let key = Key::dated(KEY, now.day(), Bytes::copy_from_slice(&name));
            batch.expect_absent(key.clone());
            batch.put_until(key, Bytes::copy_from_slice(&of), Retention::LONGEST.from(now));
            if matches!(self.store.commit(batch).await?, Commit::Committed(_)) {
                return Ok(());
            }
        }
    }

    /// Claims the message's idempotency key, if it has one. The reference of the message sent under it
    /// before, if there is one.
    pub(super) async fn claim_key(
        &self,
        tenant: &ActiveBusiness,
        transaction: &mut Transaction,
        id: MessageId,
        checked: &Checked,
    ) -> Result<Option<MessageRef>, SubmitError> {
        let Some(key) = key(&checked.message) else { return Ok(None) };
        let name = store_layout::named(transaction.conversation.business, &digest(&[&key]));
        let fingerprint = fingerprint(checked);
        let under = (name.clone(), fingerprint);
        if let Some(first) = self.find_sent(tenant, transaction.conversation, checked, under).await? {
            return Ok(Some(first));
        }
        let value = [&id.as_bytes()[..], &fingerprint].concat();
        let (key, expiry) = (Key::dated(ONCE, transaction.now.day(), name), transaction.expiry());
        transaction.batch.expect_absent(key.clone());
        transaction.batch.put_until(key, value, expiry);
        Ok(None)
    }

    /// The reference of the message that was sent under the message's idempotency key, if it has one and
    /// there is one.
    pub(super) async fn sent_under_key(
        &self,
        tenant: &ActiveBusiness,
        conversation: Conversation,
        checked: &Checked,
    ) -> Result<Option<MessageRef>, SubmitError> {
        let Some(key) = key(&checked.message) else { return Ok(None) };
        let name = store_layout::named(conversation.business, &digest(&[&key]));
        self.find_sent(tenant, conversation, checked, (name, fingerprint(checked))).await
    }

    /// What was sent under the key called `name`, if it was the same.
    async fn find_sent(
        &self,
        tenant: &ActiveBusiness,
        conversation: Conversation,
        checked: &Checked,
        (name, fingerprint): (Bytes, [u8; 32]),
    ) -> Result<Option<MessageRef>, SubmitError> {
        let (user, now) = (conversation.user, self.clock.now());
        let scan = store_layout::all(ONCE, now).prefix(name).limit(1);
        let Some((_, record)) = self.store.scan(user, &scan, now).await?.into_iter().next() else {
            return Ok(None);
        };
        let (first, of) = plain_rows::sent_once(&record.value)?;
        if of != fingerprint {
            return Err(reused(&checked.message));
        }
        Ok(Some(MessageRef::new(first, tenant.user_ids.user_id(user))))
    }
}

/// The key under which `message` is sent at most once, if there is one.
fn key(message: &Outgoing) -> Option<Bytes> {
    let of_tracking = || {
        let tracking = message.tracking.as_deref().filter(|_| message.tracking_is_key)?;
        // Longer than a key can be, so that it is none that somebody has drawn.
        Some(Bytes::from([&digest(&[tracking.as_bytes()])[..], &[0; MAX_IDEMPOTENCY_BYTES]].concat()))
    };
    message.idempotency_key.clone().or_else(of_tracking)
}

/// That the key of `message` belongs to another.
const fn reused(message: &Outgoing) -> SubmitError {
    SubmitError::KeyReused {
        field: if message.idempotency_key.is_some() { "idempotency key" } else { "tracking" },
    }
}

/// What makes a message the same as another sent under its idempotency key: what the business asked for,
/// whatever came of it.
fn fingerprint(checked: &Checked) -> [u8; 32] {
    let Outgoing { category, in_reply_to, tracking, time_to_live, fallback, .. } = &checked.message;
    // With randomness that never varies, a content has one encoding.
    let content = checked.asked_for.as_ref().unwrap_or(&checked.content);
    let encoded = Content::new(content.body().clone()).encode(&SeededRng::new(0));
    let tracking = tracking.as_deref().unwrap_or_default().as_bytes();
    let answered = in_reply_to.map(MessageRef::to_bytes);
    let lives =
        time_to_live.map_or(u64::MAX, |lives| u64::try_from(lives.span().as_millis()).unwrap_or(u64::MAX));
    let fallback = fallback.as_ref().map(|fallback| (fallback.category().code(), fallback.body().body()));
    let (of_fallback, instead) = fallback.unwrap_or_default();
    // Each part has a length that is known by what stands before it.
    digest(&[
        &[category.code(), u8::from(answered.is_some())],
        answered.as_ref().map_or(&[], |reference| &reference[..]),
        &lives.to_be_bytes(),
        &tracking.len().to_be_bytes(),
        tracking,
        &[of_fallback],
        &instead.len().to_be_bytes(),
        instead.as_bytes(),
        encoded.plaintext(),
    ])
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let digest = || parts.iter().fold(Sha256::new(), |digest, part| digest.chain_update(part)).finalize();
    without_trace::<HASHING_STACK_BYTES, _>(digest).into()
}
