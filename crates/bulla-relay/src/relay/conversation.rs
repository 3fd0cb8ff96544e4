use bulla_base::{Number, Partition, Party, PhoneNumberId};
use bulla_store::{Key, Store, StoreError, UserErasure};
use bulla_transport::Transport;
use tokio::sync::MutexGuard;

use super::Inner;
use super::active_business::ActiveBusiness;
use crate::limits::MAX_COMMIT_ATTEMPTS;
use crate::store_layout::{self, CONTACT, ERASING};
use crate::{EventSink, MarkReadError, RelayError, SubmitError};

/// A business and a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Conversation {
    pub(super) business: PhoneNumberId,
    pub(super) user: Partition,
}

/// The attempts to make one record.
#[derive(Debug, Default)]
pub(super) struct Attempts(usize);

/// What came of an attempt to make a record.
#[derive(Debug)]
pub(super) enum Attempt<R> {
    Done(R),
    /// Another changed the conversation first. Nothing was stored, and it is tried again.
    Conflict,
}

/// Others changed the conversation first, at each attempt.
#[derive(Debug)]
pub(super) struct Contended {
    attempts: usize,
}

impl Attempts {
    /// Counts one more attempt.
    pub(super) const fn begin(&mut self) -> Result<(), Contended> {
        if self.0 == MAX_COMMIT_ATTEMPTS {
            return Err(Contended { attempts: MAX_COMMIT_ATTEMPTS });
        }
        self.0 += 1;
        Ok(())
    }
}

impl<R> Attempt<R> {
    /// `done`, if what it came to was `committed`.
    pub(super) fn of(committed: bool, done: R) -> Self {
        if committed { Self::Done(done) } else { Self::Conflict }
    }
}

impl From<Contended> for RelayError {
    fn from(Contended { attempts }: Contended) -> Self {
        Self::Contended { attempts }
    }
}

impl From<Contended> for MarkReadError {
    fn from(contended: Contended) -> Self {
        SubmitError::from(contended).into()
    }
}

impl From<Contended> for SubmitError {
    fn from(Contended { attempts }: Contended) -> Self {
        Self::Contended { attempts }
    }
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
        let digits =
            std::str::from_utf8(&record.value).map_err(|_| StoreError::Damaged { what: "number" })?;
        Number::parse(digits).map(Some).map_err(|_| StoreError::Damaged { what: "number" })
    }
}
