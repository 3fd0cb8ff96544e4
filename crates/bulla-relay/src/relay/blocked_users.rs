use std::sync::Arc;

use bulla_base::{Number, PhoneNumberId};
use bulla_store::{Batch, Scan, Store, StoreError};
use bulla_transport::Transport;

use super::active_business::ActiveBusiness;
use super::gate::{blocked_key, deregistered_key, user_of};
use super::{Inner, Relay};
use crate::limits::{MAX_BLOCKED, MAX_BLOCKED_LISTED};
use crate::page_start::in_order;
use crate::store_layout::GATE;
use crate::{ConfigurationError, EventSink, PageStart, SubmitError, UserId};

/// Who passes: users that a business has blocked, and whether its number is registered at all.
///
/// What a blocked user sends is opened, so that the session goes on, and dropped: it is not forwarded, not
/// counted for the bill and opens no window. What is sent to one is refused; what was accepted before goes.
/// The list names numbers. It stands in the business's own partition, and a user goes from it with an
/// [erasure](Relay::erase).
impl<S: Store, T: Transport, K: EventSink> Relay<S, T, K> {
    /// Blocks `user`, or lifts the block. Whether that changed anything.
    ///
    /// # Errors
    /// [`ConfigurationError::TooMany`] when as many are blocked as may be; when the relay does not speak for
    /// `business`, or the store fails.
    ///
    /// # Cost
    /// A commit.
    pub async fn set_blocked(
        &self,
        business: PhoneNumberId,
        user: Number,
        is_blocked: bool,
    ) -> Result<bool, ConfigurationError> {
        let tenant = self.0.tenant(business)?;
        let blocking = async move |inner: Arc<Inner<S, T, K>>| inner.block(&tenant, &user, is_blocked).await;
        self.configuration_call(business, "block", blocking).await
    }

    /// The users that `business` has blocked, in an order of their own: from `start`, at most `limit`. Each
    /// with the id by which the business knows it.
    ///
    /// # Errors
    /// When the relay does not speak for `business`, or the store fails.
    ///
    /// # Cost
    /// A scan of what it returns.
    pub async fn blocked(
        &self,
        business: PhoneNumberId,
        start: PageStart<UserId>,
        limit: usize,
    ) -> Result<Vec<(UserId, Number)>, ConfigurationError> {
        let tenant = self.0.tenant(business)?;
        let listing = async move |inner: Arc<Inner<S, T, K>>| {
            let mut scan = Scan::undated(GATE).limit(limit.clamp(1, MAX_BLOCKED_LISTED));
            let is_back = start.is_back();
            // Behind the row about the number itself.
            scan = scan.after(deregistered_key());
            scan = start.map(|user| blocked_key(tenant.user_ids.partition(user))).begin(scan);
            let rows = inner.store.scan(inner.home(business), &scan, inner.clock.now()).await?;
            let listed = in_order(is_back, rows).into_iter().filter_map(|(key, row)| {
                let user = user_of(&key).transpose()?;
                Some(user.and_then(|user| Ok((tenant.user_ids.user_id(user), number(&row.value)?))))
            });
            Ok(listed.collect::<Result<_, StoreError>>()?)
        };
        self.configuration_call(business, "blocked", listing).await
    }

    /// Says whether the number is registered. One that is not sends nothing: it is refused. What users send
    /// is still forwarded. Every number is registered until this says otherwise.
    ///
    /// # Errors
    /// When the relay does not speak for `business`, or the store fails.
    ///
    /// # Cost
    /// A commit.
    pub async fn set_registered(
        &self,
        business: PhoneNumberId,
        is_registered: bool,
    ) -> Result<(), ConfigurationError> {
        let tenant = self.0.tenant(business)?;
        let registering = async move |inner: Arc<Inner<S, T, K>>| {
            let home = inner.home(business);
            let _lock = inner.keyed_mutex.lock(home).await;
            let mut batch = Batch::new(home);
            match is_registered {
                true => batch.delete(deregistered_key()),
                false => batch.put(deregistered_key(), Vec::new()),
            }
            // It expects nothing, so nothing can be in the way.
            let _is_committed = inner.commit_configuration(batch).await?;
            tenant.gate.set_registered(is_registered);
            tracing::info!(is_registered, "a number was registered, or is so no longer");
            Ok(())
        };
        self.configuration_call(business, "register", registering).await
    }

    /// Whether the number is registered.
    ///
    /// # Errors
    /// When the relay does not speak for `business`.
    pub fn is_registered(&self, business: PhoneNumberId) -> Result<bool, SubmitError> {
        Ok(self.0.tenant(business)?.gate.is_registered())
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    pub(super) async fn block(
        &self,
        tenant: &ActiveBusiness,
        user: &Number,
        is_blocked: bool,
    ) -> Result<bool, ConfigurationError> {
        let (home, of) = (self.home(tenant.business()), self.conversation(tenant, user).user);
        // An erasure that is under way is carried out first, and none begins before this is done.
        let _user = self.lock(of).await?;
        if tenant.gate.is_blocked(of) == is_blocked {
            return Ok(false);
        }
        // Others may be blocked at the same time.
        let place = if is_blocked { tenant.gate.reserve() } else { None };
        if is_blocked && place.is_none() {
            return Err(ConfigurationError::TooMany { limit: MAX_BLOCKED as u64 });
        }
        let mut batch = Batch::new(home);
        match is_blocked {
            true => batch.put(blocked_key(of), user.digits().as_bytes().to_vec()),
            false => batch.delete(blocked_key(of)),
        }
        // It expects nothing, so nothing can be in the way.
        let _is_committed = self.commit_configuration(batch).await?;
        tenant.gate.set_blocked(of, is_blocked);
        tracing::info!(is_blocked, "a user was blocked, or is so no longer");
        Ok(true)
    }
}

fn number(row: &[u8]) -> Result<Number, StoreError> {
    let digits = std::str::from_utf8(row).ok();
    digits.and_then(|digits| Number::parse(digits).ok()).ok_or(StoreError::Damaged { what: "blocked user" })
}
