use bulla_base::Address;
use bulla_envelope::{Envelope, KeyBundle, KeyUpload};

use crate::{Caller, Connected, Delivery, Sequence, TransportError};

/// The port between an endpoint and the carrier.
///
/// # For implementors
/// Every call but `receive` is safe to repeat and is repeated: after an `Unavailable`, callers do not know whether it was carried out.
/// An `Ok` means that the carrier has made it durable. Calls may overtake each other; callers that need an order wait in between.
pub trait Transport: Send + Sync + 'static {
    /// Says that from now on only this incarnation, or a later one, speaks for the address.
    ///
    /// # Errors
    /// [`TransportError::Fenced`] when a later one has connected.
    fn connect(&self, caller: &Caller) -> impl Future<Output = Result<Connected, TransportError>> + Send;

    /// Leaves public keys with the carrier.
    ///
    /// # Errors
    /// [`TransportError::Invalid`] when a key is missing or a bound is broken.
    fn publish(
        &self,
        caller: &Caller,
        keys: KeyUpload,
    ) -> impl Future<Output = Result<Connected, TransportError>> + Send;

    /// The keys with which to write to `of` first. Uses up one of its one-time keys.
    ///
    /// # Errors
    /// [`TransportError::UnknownRecipient`] when it has left none.
    fn bundle(
        &self,
        caller: &Caller,
        of: &Address,
    ) -> impl Future<Output = Result<KeyBundle, TransportError>> + Send;

    /// Hands over an envelope, to be queued for its recipient. The same envelope again is answered with the same `Ok`.
    ///
    /// # Errors
    /// [`TransportError::NotTheSender`], [`TransportError::UnknownRecipient`], [`TransportError::Id`] or
    /// [`TransportError::Invalid`]; nothing is queued then.
    fn send(
        &self,
        caller: &Caller,
        envelope: Envelope,
    ) -> impl Future<Output = Result<(), TransportError>> + Send;

    /// The caller's queued envelopes after `after`, in their order, at most [`MAX_DELIVERIES`](crate::MAX_DELIVERIES). Waits until there
    /// is one.
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

    /// Says that these envelopes, at most [`MAX_DELIVERIES`](crate::MAX_DELIVERIES), are durable with the caller. The carrier forgets them.
    ///
    /// # Errors
    /// [`TransportError::Fenced`], or [`TransportError::Invalid`] when there are too many; then nothing is forgotten.
    fn acknowledge(
        &self,
        caller: &Caller,
        sequences: &[Sequence],
    ) -> impl Future<Output = Result<(), TransportError>> + Send;
}
