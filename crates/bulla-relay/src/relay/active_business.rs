use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bulla_base::{Address, Party, PhoneNumberId};
use bulla_endpoint::Endpoint;
use bulla_store::Store;
use bulla_transport::{Caller, Incarnation, Transport};
use tokio::sync::Notify;

use super::Inner;
use super::gate::Gate;
use super::leased_store::LeasedStore;
use super::pace_notice::PaceNotice;
use super::rule_state::RuleState;
use super::shutdown::TaskGroup;
use crate::user_ids::UserIds;
use crate::{EventSink, RelayError};

/// A business number that the relay speaks for, in one incarnation of it.
#[derive(Debug)]
pub(crate) struct ActiveBusiness {
    pub(super) endpoint: Endpoint,
    pub(super) caller: Caller,
    pub(super) user_ids: UserIds,
    business: PhoneNumberId,
    /// Everything that is done for it.
    pub(super) tasks: Arc<TaskGroup>,
    /// Told when what was passed over in the queue at the carrier is to be received again.
    pub(super) again: Notify,
    /// Whether that will be told after a while, in any case.
    pub(super) looks_again: AtomicBool,
    /// Whether what the carrier may have lost is being sent again.
    pub(super) sends_again: AtomicBool,
    /// Whether the carrier knows this incarnation and has keys of it.
    pub(super) is_connected: AtomicBool,
    /// Which rules hold for it, and what they know.
    pub(super) rules: RuleState,
    /// Which users are blocked, and whether the number may send.
    pub(super) gate: Gate,
    pub(super) pace_notice: PaceNotice,
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Takes the next incarnation of `business`, and its keys from the store, or new ones.
    pub(super) async fn activate(
        self: &Arc<Self>,
        business: PhoneNumberId,
    ) -> Result<ActiveBusiness, RelayError> {
        let address = Address::business(business);
        let home = self.pepper.partition(&Party::Business(business));
        let store = LeasedStore::of(self);
        let endpoint = Endpoint::open(&store, home, address.clone(), self.clock.now(), &*self.rng)
            .await
            .map_err(|source| RelayError::Identity { business, source })?;
        let endpoint = endpoint
            .with_identity_policy(self.settings.changed_identities)
            .with_session_cache(self.session_cache.clone());
        if let Some(log) = &self.key_log {
            // It is new, so it has none.
            let _is_first = endpoint.check_with(log.clone());
        }
        let incarnation = Incarnation::new(endpoint.incarnation());
        let caller = Caller::new(address, endpoint.installation(), incarnation);
        self.transport.identify(endpoint.signer());
        let user_ids = UserIds::new(&self.pepper, business);
        let (tasks, again) = (Arc::default(), Notify::new());
        let (looks_again, sends_again, is_connected) = Default::default();
        let rules = RuleState::new(self.rules_of(business), self.clock.now());
        let read = Gate::read(&self.store, home).await;
        let gate = read.map_err(RelayError::Store)?;
        Ok(ActiveBusiness {
            endpoint,
            caller,
            user_ids,
            business,
            tasks,
            again,
            looks_again,
            sends_again,
            is_connected,
            rules,
            gate,
            pace_notice: PaceNotice::default(),
        })
    }
}

impl ActiveBusiness {
    pub(super) const fn business(&self) -> PhoneNumberId {
        self.business
    }
}
