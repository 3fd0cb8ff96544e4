use bulla_base::{Number, Partition, Party, PhoneNumberId};
use bulla_store::{Key, Store, StoreError, UserErasure};
use bulla_transport::Transport;
use tokio::sync::MutexGuard;

use super::Inner;
use super::active_business::ActiveBusiness;
use crate::EventSink;
use crate::row::plain_rows;
use crate::store_layout::{self, CONTACT, ERASING};

/// A business and a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Conversation {
    pub(super) business: PhoneNumberId,
    pub(super) user: Partition,
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// The lock of `user`. Nobody who has it meets an erasure that is not done.
    pub(super) async fn lock(&self, user: Partition) -> Result<MutexGuard<'_, ()>, StoreError> {
        let lock = self.keyed_mutex.lock(user).await;
        if self.erasures.is_under_way(user) {
            Box::pin(self.carry_out(UserErasure::new(user, ERASING))).await?;
        }
        Ok(lock)
    }

    /// The conversation between `tenant` and the user with this number.
    pub(super) fn conversation(&self, tenant: &ActiveBusiness, number: &Number) -> Conversation {
        let user = self.pepper.partition(&Party::User(number.clone()));
        Conversation { business: tenant.business(), user }
    }

    /// The number of the conversation's user, as long as something exchanged in it lives.
    ///
    /// What a user has to do with another business tells this one nothing.
    pub(super) async fn number(&self, conversation: Conversation) -> Result<Option<Number>, StoreError> {
        let now = self.clock.now();
        // While something is exchanged, it is that of today.
        let today = Key::dated(CONTACT, now.day(), store_layout::of(conversation.business));
        let mut found = self.store.get(conversation.user, &today, now).await?;
        if found.is_none() {
            let contact =
                store_layout::all(CONTACT, now).prefix(store_layout::of(conversation.business)).limit(1);
            found = self.store.scan(conversation.user, &contact, now).await?.pop().map(|(_, record)| record);
        }
        let Some(record) = found else { return Ok(None) };
        plain_rows::contact(&record.value).map(Some)
    }
}
