use std::sync::Arc;

use bulla_base::{Number, PhoneNumberId};
use thiserror::Error;

use crate::Answering;

/// By which way a code is told to whoever holds a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodeMethod {
    /// By a text message.
    Sms,
    /// By a call.
    Voice,
}

/// The port through which a code reaches whoever holds a number, by SMS or a call: the host's, which has the
/// means. Handed over with [`GraphApi::number_codes`](crate::GraphApi::number_codes).
///
/// # For implementors
/// The API draws the code, keeps a digest of it for ten minutes, and compares. The code is a secret: it is
/// not to be logged.
pub trait NumberCodes: Send + Sync + 'static {
    /// Tells `code` to whoever holds `number`, in `language`, such as `en_US`.
    fn send<'a>(
        &'a self,
        number: &'a Number,
        code: &'a str,
        by: CodeMethod,
        language: &'a str,
    ) -> Answering<'a, (), CodeNotSent>;

    /// Hears that whoever asked for the code has told it back: the number is theirs.
    fn verified(&self, _business: PhoneNumberId) {}
}

impl<C: NumberCodes + ?Sized> NumberCodes for Arc<C> {
    fn send<'a>(
        &'a self,
        number: &'a Number,
        code: &'a str,
        by: CodeMethod,
        language: &'a str,
    ) -> Answering<'a, (), CodeNotSent> {
        (**self).send(number, code, by, language)
    }

    fn verified(&self, business: PhoneNumberId) {
        (**self).verified(business);
    }
}

/// Why a code was not sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CodeNotSent {
    /// The operator's: whoever sends codes does not answer, or there is nobody who does.
    #[error("the code could not be sent")]
    Unavailable {
        /// What it said.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}
