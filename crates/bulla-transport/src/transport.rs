use std::sync::Arc;

use bulla_base::{Address, DeviceId};
use bulla_envelope::{Envelope, IdentitySigner, KeyBundle, KeyUpload};
use bytes::Bytes;

use crate::{
    Caller, Connected, Delivery, LogConsistency, LogLeaves, NumberProof, SendOutcome, Sequence,
    TransportError,
};

/// The port between an endpoint and the carrier.
///
/// # For implementors
/// A transport that connects anew by itself hides no change of the carrier's
/// [generation](Connected::generation): until its caller has called [`connect`](Transport::connect), sending
/// and receiving are `Unavailable`.
///
/// Every call but those that wait is safe to repeat and is repeated: after an `Unavailable`, callers do not
/// know whether it was carried out. An `Ok` means that the carrier has made it durable. Calls may overtake
/// each other; callers that need an order wait in between.
pub trait Transport: Send + Sync + 'static {
    /// Hands over what signs for an installation, before it makes its first call: relay and device do so for
    /// each that they open.
    ///
    /// # For implementors
    /// A transport on whose other side nobody knows who calls proves with it who does, and keeps it for as
    /// long as it may have to prove it again. One that wraps another passes it on. Where caller and carrier
    /// are in one program, as is taken for granted unless this is written, there is nothing to prove.
    fn identify(&self, signer: Arc<dyn IdentitySigner>) {
        drop(signer);
    }

    /// Proves that the number is the caller's, and says that from now on only this installation speaks for
    /// the device, in this incarnation or a later one. Another installation of the device, and every copy of
    /// it, is shut out for good, and its keys are forgotten. What is queued stays, and so do the user's other
    /// devices.
    ///
    /// To be called once by each installation, before it connects; thereafter [`connect`](Self::connect) is
    /// enough. A store remembers whether it was, so that a copy of yesterday's does not come in as tomorrow's
    /// phone does.
    ///
    /// # Errors
    /// [`TransportError::Unproven`], or [`TransportError::Fenced`] when a later incarnation of the
    /// installation has connected.
    fn register(
        &self,
        caller: &Caller,
        proof: &NumberProof,
    ) -> impl Future<Output = Result<Connected, TransportError>> + Send;

    /// Says that from now on only this incarnation, or a later one, speaks for the address. A number that the
    /// carrier does not know (any more) is registered without a proof.
    ///
    /// # Errors
    /// [`TransportError::Fenced`] when a later incarnation or another installation has come in since;
    /// [`TransportError::Unproven`] when the number has to be registered; [`TransportError::Removed`] when
    /// the device was [removed](Self::remove) since it has.
    fn connect(&self, caller: &Caller) -> impl Future<Output = Result<Connected, TransportError>> + Send;

    /// Leaves public keys with the carrier.
    ///
    /// # Errors
    /// [`TransportError::Invalid`] when a key is missing, a bound is broken, or there is a list of devices
    /// that is not the next one which the identity of the user's first device has signed.
    fn publish(
        &self,
        caller: &Caller,
        keys: KeyUpload,
    ) -> impl Future<Output = Result<Connected, TransportError>> + Send;

    /// The keys with which to write to `of` first. Uses up one of its one-time keys, unless the caller has
    /// had its share of them for now. It tells which devices there are besides.
    ///
    /// # Errors
    /// [`TransportError::UnknownRecipient`] when nobody has ever connected there, [`TransportError::Devices`]
    /// when other devices of the party have, and [`TransportError::NoKeys`] when it has left none.
    fn bundle(
        &self,
        caller: &Caller,
        of: &Address,
    ) -> impl Future<Output = Result<KeyBundle, TransportError>> + Send;

    /// Hands over an envelope, to be queued for its recipient. The same envelope again is answered with the
    /// same `Ok`, also if it says something else of the recipient's [devices](Envelope::devices).
    ///
    /// # Errors
    /// [`TransportError::NotTheSender`], [`TransportError::UnknownRecipient`], [`TransportError::Devices`],
    /// [`TransportError::Reinstalled`], [`TransportError::Id`] or [`TransportError::Invalid`]; nothing is
    /// queued then. Where a user's first device was replaced and there are others besides, it is the former
    /// that is said: who believes the first device that is no more believes nothing of the new one's list.
    fn send(
        &self,
        caller: &Caller,
        envelope: Envelope,
    ) -> impl Future<Output = Result<(), TransportError>> + Send;

    /// Hands over envelopes as [`send`](Self::send) does, in their order, at most
    /// [`MAX_DELIVERIES`](crate::MAX_DELIVERIES). Ends with the first that is not taken.
    ///
    /// # For implementors
    /// Unless it is written, it is one call for each. A carrier queues what goes to one party in one record.
    fn send_all(
        &self,
        caller: &Caller,
        envelopes: Vec<Envelope>,
    ) -> impl Future<Output = SendOutcome> + Send {
        async move {
            let mut sent = SendOutcome::default();
            for envelope in envelopes {
                if let Err(error) = self.send(caller, envelope).await {
                    sent.error = Some(error);
                    break;
                }
                sent.taken += 1;
            }
            sent
        }
    }

    /// The caller's queued envelopes after `after`, in their order, at most
    /// [`MAX_DELIVERIES`](crate::MAX_DELIVERIES). Waits until there is one.
    ///
    /// They stay queued until they are acknowledged or expire. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`TransportError::Fenced`] also while it waits.
    fn receive(
        &self,
        caller: &Caller,
        after: Sequence,
    ) -> impl Future<Output = Result<Vec<Delivery>, TransportError>> + Send;

    /// Removes a device of the caller's party, perhaps the caller itself: what is queued for it and its keys
    /// are forgotten, and it is written to no more. To come back it has to [register](Self::register). One
    /// that is not there is removed already.
    ///
    /// # Errors
    /// [`TransportError::Fenced`]; [`TransportError::Invalid`] from a business, which has one device for
    /// good.
    fn remove(
        &self,
        caller: &Caller,
        device: DeviceId,
    ) -> impl Future<Output = Result<(), TransportError>> + Send;

    /// Waits until the carrier has `at_most` so many one-time keys of the caller's left, and tells how many:
    /// the time to [`publish`](Self::publish) more, whoever has taken them. Or until a business stands
    /// otherwise than this call has told: then it tells [how](Connected::standing), and how many keys are
    /// left as far as that matters. What [`connect`](Self::connect) tells does not count: who asks for the
    /// first time may hear it once more.
    ///
    /// # Errors
    /// [`TransportError::Fenced`] also while it waits.
    fn low_stock(
        &self,
        caller: &Caller,
        at_most: usize,
    ) -> impl Future<Output = Result<Connected, TransportError>> + Send;

    /// Says that these envelopes, at most [`MAX_DELIVERIES`](crate::MAX_DELIVERIES), are durable with the
    /// caller. The carrier forgets them: as long as it runs they come to nobody any more. If it dies soon
    /// after, they come once more.
    ///
    /// # Errors
    /// [`TransportError::Fenced`], or [`TransportError::Invalid`] when there are too many; then nothing is
    /// forgotten.
    fn acknowledge(
        &self,
        caller: &Caller,
        sequences: &[Sequence],
    ) -> impl Future<Output = Result<(), TransportError>> + Send;

    /// The newest head of the carrier's log of keys, with the log's signature: 104 bytes, as
    /// `bulla-transparency` writes a signed head.
    ///
    /// # Errors
    /// [`TransportError::NoLog`] when the carrier keeps none.
    ///
    /// # For implementors
    /// Unless it is written, there is no log.
    fn log_head(&self, _caller: &Caller) -> impl Future<Output = Result<Bytes, TransportError>> + Send {
        async { Err(TransportError::NoLog) }
    }

    /// How the carrier's log of keys grew from `old` leaves to `new`.
    ///
    /// # Errors
    /// [`TransportError::NoLog`] when the carrier keeps none, or it has not so many leaves, or `old` is more
    /// than `new`.
    ///
    /// # For implementors
    /// Unless it is written, there is no log.
    fn log_consistency(
        &self,
        _caller: &Caller,
        _old: u64,
        _new: u64,
    ) -> impl Future<Output = Result<LogConsistency, TransportError>> + Send {
        async { Err(TransportError::NoLog) }
    }

    /// The leaves of the carrier's log of keys from that of index `first` on, in their order: as many as one
    /// call tells, and none from the log's end on.
    ///
    /// # Errors
    /// [`TransportError::NoLog`] when the carrier keeps none.
    ///
    /// # For implementors
    /// Unless it is written, there is no log.
    fn log_leaves(
        &self,
        _caller: &Caller,
        _first: u64,
    ) -> impl Future<Output = Result<LogLeaves, TransportError>> + Send {
        async { Err(TransportError::NoLog) }
    }

    /// Shows the carrier messages that came to the caller, with their stamps: a report, as `bulla-integrity`
    /// writes it. It counts once: the same again is answered with the same `Ok`.
    ///
    /// # Errors
    /// [`TransportError::NotProven`] when one of them was not sent as it says, or too long ago;
    /// [`TransportError::NoReports`] when the carrier takes none; [`TransportError::Invalid`].
    ///
    /// # For implementors
    /// Unless it is written, none are taken.
    fn report(
        &self,
        _caller: &Caller,
        _report: Bytes,
    ) -> impl Future<Output = Result<(), TransportError>> + Send {
        async { Err(TransportError::NoReports) }
    }

    /// Asks for the statement of a period of the caller, which is a business, answers it, or compares what
    /// was counted: a request, and what it is answered with, as `bulla-meter` writes them.
    ///
    /// # Errors
    /// [`TransportError::NoStatement`] when the carrier has none of that period;
    /// [`TransportError::Invalid`], also of an answer that is not signed by who is billed.
    ///
    /// # For implementors
    /// Unless it is written, there are none.
    fn billing(
        &self,
        _caller: &Caller,
        _request: Bytes,
    ) -> impl Future<Output = Result<Bytes, TransportError>> + Send {
        async { Err(TransportError::NoStatement) }
    }
}
