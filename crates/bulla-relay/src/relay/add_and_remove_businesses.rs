use std::sync::Arc;

use bulla_base::{Party, PhoneNumberId};
use bulla_store::Store;
use bulla_transport::Transport;
use tracing::Instrument;

use super::active_business::ActiveBusiness;
use super::business_registry::BusinessState;
use super::conversation::Conversation;
use super::{Inner, Relay, trace_span};
use crate::{Business, BusinessError, EventSink, Report, SuspendedPart};

/// Businesses come and go while the relay runs.
impl<S: Store, T: Transport, K: EventSink> Relay<S, T, K> {
    /// The business with this number, if the relay has it, whether or not it speaks for it just now.
    #[must_use]
    pub fn business(&self, id: PhoneNumberId) -> Option<Business> {
        self.0.businesses.business(id)
    }

    /// Offers the events that wait for their business to the sink again, as when it takes another's: where
    /// they go has changed, and need not fail as before.
    pub fn sink_changed(&self) {
        self.0.sink_outages.succeed_all();
    }

    /// Speaks for `business` from now on, with the keys it had before, or new ones. A carrier that cannot be
    /// reached is no error: the relay goes on trying.
    ///
    /// # Errors
    /// [`BusinessError::Known`] when the relay has it; [`BusinessError::Suspended`] when its keys cannot be
    /// read or it was fenced: then the relay has it, suspended.
    ///
    /// # Cost
    /// Two commits and two calls to the carrier; a new business also makes keys, some ten milliseconds.
    pub async fn add_business(&self, business: Business) -> Result<(), BusinessError> {
        let (inner, id) = (Arc::clone(&self.0), business.id());
        let adding = async move {
            let _turn = inner.businesses.turn(id).await;
            if !inner.businesses.enter(business) {
                return Err(BusinessError::Known { business: id });
            }
            inner.bring_up(id).await;
            if let Ok(account) = inner.account(id) {
                inner.account_news.note(account);
            }
            tracing::info!(business = %id, "a business was added");
            inner.is_speaking(id)
        };
        let added = self.0.see_through(adding.instrument(trace_span::call("add business", Some(id))));
        added.await.unwrap_or(Err(BusinessError::Stopped))
    }

    /// Takes the account, the number users see and the [rules](Business::rules) from `business`, and with
    /// what it is [proven](Business::proven_by), if it says so. Nothing else of it changes, and nothing is
    /// interrupted.
    ///
    /// # Errors
    /// [`BusinessError::Unknown`] when the relay does not have it.
    pub async fn change_business(&self, business: Business) -> Result<(), BusinessError> {
        let id = business.id();
        let _turn = self.0.businesses.turn(id).await;
        match self.0.businesses.describe(business) {
            true => {
                if let Some(tenant) = self.0.businesses.tenant(id) {
                    tenant.rules.change(self.0.rules_of(id));
                }
                Ok(())
            }
            false => Err(BusinessError::Unknown { business: id }),
        }
    }

    /// Speaks for the business no longer. Its keys, sessions and queues stay, for when it is
    /// [added](Relay::add_business) again within their time; what users send waits at the carrier. To erase
    /// them, too, call [`erase_business`](Relay::erase_business).
    ///
    /// When this returns nothing of the business runs any more. Calls that were being made were carried out.
    ///
    /// # Errors
    /// [`BusinessError::Unknown`] when the relay does not have it.
    pub async fn remove_business(&self, id: PhoneNumberId) -> Result<(), BusinessError> {
        let inner = Arc::clone(&self.0);
        let removing = async move {
            let _turn = inner.businesses.turn(id).await;
            inner.take_down(id).await?;
            tracing::info!(business = %id, "a business was removed");
            Ok(())
        };
        let removed = self.0.see_through(removing.instrument(trace_span::call("remove business", Some(id))));
        removed.await.unwrap_or(Err(BusinessError::Stopped))
    }

    /// Lets what is suspended go on. It is suspended again if what stopped it is still so.
    ///
    /// # Errors
    /// [`BusinessError::NotSuspended`] when it is not suspended; [`BusinessError::Suspended`] when a business
    /// still cannot be spoken for.
    pub async fn resume(&self, part: SuspendedPart) -> Result<(), BusinessError> {
        let (inner, business) = (Arc::clone(&self.0), part.business());
        let resuming = async move {
            let _turn = inner.businesses.turn(business).await;
            let not_suspended = BusinessError::NotSuspended { part };
            // Whoever resumes may have mended what is stored.
            inner.store.forget_all();
            inner.session_cache.clear();
            match part {
                SuspendedPart::Business(_) => {
                    inner.reopen(business).await.ok_or(not_suspended)?;
                    inner.is_speaking(business)
                }
                SuspendedPart::Conversation { user, .. } => {
                    let tenant =
                        inner.businesses.tenant(business).ok_or(BusinessError::Unknown { business })?;
                    let conversation = Conversation { business, user: tenant.user_ids.partition(user) };
                    trace_span::is_with(conversation.user);
                    inner.suspensions.take(conversation).ok_or(not_suspended)?;
                    tracing::info!(%business, "a conversation is resumed");
                    inner.reports.tell(Report::Resumed(part));
                    inner.wake_all(conversation);
                    tenant.again.notify_one();
                    Ok(())
                }
            }
        };
        let resumed = self.0.see_through(resuming.instrument(trace_span::call("resume", Some(business))));
        resumed.await.unwrap_or(Err(BusinessError::Stopped))
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    fn is_speaking(&self, business: PhoneNumberId) -> Result<(), BusinessError> {
        match self.businesses.state(business) {
            _ if self.shutdown.is_stopped() => Err(BusinessError::Stopped),
            Some(BusinessState::Suspended(suspended, _)) => {
                Err(BusinessError::Suspended { business, why: Arc::clone(&suspended.why) })
            }
            Some(_) => Ok(()),
            None => Err(BusinessError::Unknown { business }),
        }
    }

    /// Ends everything that is done for a business, and forgets that it was. To be called by whoever has its
    /// turn.
    pub(super) async fn take_down(&self, business: PhoneNumberId) -> Result<(), BusinessError> {
        let state = self.businesses.state(business).ok_or(BusinessError::Unknown { business })?;
        self.businesses.remove(business);
        let tenant = match state {
            BusinessState::Speaking(tenant) => Some(tenant),
            BusinessState::Suspended(_, tenant) => tenant,
            BusinessState::Opening => None,
        };
        self.wind_up(business, tenant).await;
        self.suspensions.forget(|conversation| conversation.business == business);
        self.index.forget_business(business);
        Ok(())
    }

    /// Waits until nothing that `tenant` began runs any more.
    pub(super) async fn wind_up(&self, business: PhoneNumberId, tenant: Option<Arc<ActiveBusiness>>) {
        if let Some(tenant) = tenant {
            tenant.tasks.stop();
            tenant.tasks.all_ended().await;
        }
        self.workers.forget(business);
    }

    /// The partition of what belongs to the business and to no user.
    pub(super) fn home(&self, business: PhoneNumberId) -> bulla_base::Partition {
        self.pepper.partition(&Party::Business(business))
    }
}
