use bulla_meter::{InvalidForm, Unrated};
use bulla_store::StoreError;
use bulla_transport::TransportError;
use thiserror::Error;

use crate::SubmitError;

/// Why a statement was not had, answered or compared.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BillingError {
    /// The carrier's: it has no such statement, or does not take the answer. If it [may
    /// pass](TransportError::may_pass), ask again.
    #[error("the carrier does not say what was asked for")]
    Transport(#[from] TransportError),
    /// The carrier's, or the caller's: what it says or is to be told is not of its form, of another account
    /// or period, or rated by another card.
    #[error("it is not what was asked for")]
    Invalid(#[from] InvalidForm),
    /// Whose the card is: it does not say what a message costs that was counted.
    #[error("what was counted has no rate")]
    Unrated(#[from] Unrated),
    /// As when a message is accepted.
    #[error("the relay does not speak for the business just now")]
    Submit(#[from] SubmitError),
}

impl From<StoreError> for BillingError {
    fn from(source: StoreError) -> Self {
        Self::Submit(SubmitError::Store(source))
    }
}
