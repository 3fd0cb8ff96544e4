//! Which devices are a user's: those that the user's first device has listed, and nobody the carrier adds.

use bulla_base::Address;
use bulla_endpoint::{Begun, NotListed, Peer, SealError, SeenDevices};
use bulla_envelope::{Envelope, KeyBundle};
use bulla_store::{Store, StoreError};
use bulla_transport::{Transport, TransportError};

use super::Inner;
use super::active_business::ActiveBusiness;
use super::transaction::Transaction;
use crate::metrics::UNLISTED;
use crate::{EventSink, RelayError};

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Begins a session with the keys of one of the user's devices, and notes in `transaction` which devices
    /// the user has.
    pub(super) async fn begin_listed(
        &self,
        tenant: &ActiveBusiness,
        transaction: &mut Transaction,
        peer: &mut Peer<'_>,
        keys: &KeyBundle,
    ) -> Result<Begun, SealError> {
        let device = peer.address().device();
        let told = keys.devices()?;
        let mut seen = self.seen_devices(tenant, transaction, peer.address()).await?;
        let begun = peer.begin_among(&self.store, keys, &mut seen, transaction.now, &*self.rng).await;
        transaction.set_devices(match (&begun, seen.devices()) {
            (Err(SealError::NotListed(_)), _) => told.without(device),
            (_, Some(listed)) => told.intersection(listed),
            (_, None) => told,
        });
        transaction.put_seen_devices(seen);
        match &begun {
            Ok(begun) if begun.is_list_older => older(),
            Err(SealError::NotListed(error)) => unlisted(*error),
            _ => {}
        }
        begun
    }

    /// Looks up whether the device that has sent `envelope` is one of the user's.
    pub(super) async fn look_up_sender(
        &self,
        tenant: &ActiveBusiness,
        transaction: &mut Transaction,
        peer: &mut Peer<'_>,
        envelope: &Envelope,
    ) -> Result<(), RelayError> {
        let keys = match self.transport.bundle(&tenant.caller, envelope.from()).await {
            Ok(keys) => keys,
            // It comes again. What comes of a device that has left no keys yet does so too: it is about to.
            Err(error @ (TransportError::Fenced { .. } | TransportError::NoKeys)) => return Err(error.into()),
            Err(error) if error.may_pass() => return Err(error.into()),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "the carrier does not know the device that has sent something");
                return Ok(());
            }
        };
        let mut seen = match self.seen_devices(tenant, transaction, peer.address()).await {
            Ok(seen) => seen,
            Err(SealError::Store(error)) => return Err(error.into()),
            // As with the sender's own: better to suspend the conversation than to pass over what can be
            // repaired.
            Err(_) => return Err(StoreError::Damaged { what: "session" }.into()),
        };
        match peer.note_listing(&keys, &mut seen) {
            Ok(true) => older(),
            Ok(false) => {}
            Err(error) => unlisted(error),
        }
        transaction.put_seen_devices(seen);
        Ok(())
    }

    async fn seen_devices(
        &self,
        tenant: &ActiveBusiness,
        transaction: &mut Transaction,
        address: &Address,
    ) -> Result<SeenDevices, SealError> {
        match transaction.take_seen_devices() {
            Some(seen) => Ok(seen),
            None => {
                let (user, now) = (transaction.conversation.user, transaction.now);
                tenant.endpoint.seen_devices(&self.store, user, address, now).await
            }
        }
    }
}

fn older() {
    metrics::counter!(UNLISTED, "reason" => "older_list").increment(1);
    tracing::warn!("the carrier has given an older list of a user's devices than it gave before");
}

fn unlisted(error: NotListed) {
    metrics::counter!(UNLISTED, "reason" => error.reason()).increment(1);
    let error: &dyn std::error::Error = &error;
    tracing::warn!(error, "a device that the carrier names is not known to be the user's");
}
