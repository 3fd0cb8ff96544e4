//! All devices of a user, to which a message goes at once.

use std::sync::Arc;

use bulla_base::{Address, Category, DeviceSet, MessageId, Number, Party, Rng, Timestamp};
use bulla_content::Content;
use bulla_endpoint::{Peer, SealError};
use bulla_envelope::Kind;
use bulla_store::{Expiry, Store};
use bulla_transport::Transport;
use bytes::Bytes;

use super::Inner;
use super::active_business::ActiveBusiness;
use super::identities::Changed;
use super::resends::is_of_peer;
use super::submit::Reachable;
use super::transaction::Transaction;
use crate::row::{Outbound, OutboxEntry, UnconfirmedCopies};
use crate::{EventSink, SubmitError};

/// Whether the devices of a user can be written to.
pub(super) enum Audience<'v> {
    /// There is a session with each that has usable keys.
    InSession(Recipients<'v>),
    /// The carrier knows no such user.
    Unknown,
    /// The new identity of one of them waits for approval; it may have come just now.
    Held(Recipients<'v>),
}

/// The sessions with the devices of a user.
#[derive(Default)]
pub(super) struct Recipients<'v> {
    peers: Vec<Peer<'v>>,
    changed: Vec<Changed>,
}

/// A message, sealed for each device of its user.
pub(super) struct SealedCopies {
    entry: OutboxEntry,
    copies: UnconfirmedCopies,
    devices: DeviceSet,
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Makes sure that there is a session with each device of the user with this number, if there can be one.
    ///
    /// Which devices there are the carrier says with the keys of each. One whose keys cannot be used is left
    /// out here: the carrier does not take the message without it, and whoever hands it over sees to that.
    pub(super) async fn audience<'v>(
        &self,
        tenant: &'v Arc<ActiveBusiness>,
        transaction: &mut Transaction,
        number: &Number,
    ) -> Result<Audience<'v>, SubmitError> {
        let (mut recipients, mut looked_at) = (Recipients::default(), DeviceSet::EMPTY);
        let (mut held, mut unusable) = (false, None);
        while let Some(device) = transaction.devices().difference(looked_at).iter().next() {
            looked_at = looked_at.with(device);
            let address = Address::new(Party::User(number.clone()), device);
            let user = transaction.conversation.user;
            let peer = tenant.endpoint.peer(&self.store, user, &address, transaction.now).await;
            let mut peer = peer.map_err(SubmitError::Seal)?;
            let changed = match self.reachable(tenant, &mut peer, &address, transaction).await {
                Ok(Reachable::InSession(changed)) => changed,
                Ok(Reachable::Held(changed)) => {
                    held = true;
                    changed
                }
                Ok(Reachable::Gone | Reachable::Unknown) => continue,
                Err(error) if is_of_peer(&error) => {
                    unusable = Some(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            recipients.changed.extend(changed);
            recipients.peers.push(peer);
        }
        // Some may have been known that are no more.
        let devices = transaction.devices();
        recipients.peers.retain(|peer| devices.contains(peer.address().device()));
        match (recipients.peers.is_empty(), unusable) {
            (true, Some(error)) => Err(error),
            (true, None) => Ok(Audience::Unknown),
            (false, _) if held => Ok(Audience::Held(recipients)),
            (false, _) => Ok(Audience::InSession(recipients)),
        }
    }
}

impl Recipients<'_> {
    /// Takes one ratchet step for each, with which `content` is sealed.
    pub(super) fn seal(
        &mut self,
        (id, category): (MessageId, Category),
        (content, words): (&Content, Bytes),
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<SealedCopies, SealError> {
        let devices: DeviceSet = self.peers.iter().map(|peer| peer.address().device()).collect();
        let (mut envelopes, mut copies) = (Vec::new(), UnconfirmedCopies::new(words));
        for peer in &mut self.peers {
            let sealed = peer.seal(id, Kind::Message(category), content, now, rng)?;
            envelopes.push(sealed.among(devices)?);
            copies.sealed_for(peer.address().device(), peer.session(), peer.carrier_generation());
        }
        let entry = OutboxEntry::of_all(envelopes).ok_or(SealError::NoSession)?;
        Ok(SealedCopies { entry, copies, devices })
    }

    /// Puts the sessions into `transaction`, and says whose identities are others than before.
    pub(super) fn put(self, transaction: &mut Transaction) -> Vec<Changed> {
        self.peers.into_iter().for_each(|peer| transaction.put_sessions(peer));
        self.changed
    }
}

impl SealedCopies {
    /// Puts them into the outbox, and notes in `outbound` where they stand and who is to confirm them.
    pub(super) fn put(
        &self,
        transaction: &mut Transaction,
        (id, outbound): (MessageId, &mut Outbound),
        expiry: Expiry,
    ) {
        (outbound.held, outbound.deferred) = (false, false);
        outbound.outbox_place = transaction.push_outbox(&self.entry);
        outbound.set_awaited(self.devices);
        transaction.put_content(id, &self.copies, expiry);
    }
}
