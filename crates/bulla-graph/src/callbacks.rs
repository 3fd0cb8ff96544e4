use std::fmt;
use std::sync::{Arc, Weak};

use bulla_base::PhoneNumberId;
use bulla_relay::ConfigurationError;
use thiserror::Error;

use crate::api::callback_in;
use crate::{Answering, RelayApi};

/// The port through which a callback that a client sets is shown to be the client's: the handshake with its
/// web server. Handed over with [`GraphApi::callbacks`](crate::GraphApi::callbacks).
///
/// # For implementors
/// A business's client writes the URL, and it is called from where the host stands: go nowhere it must not,
/// and end by yourself. The verify token is a secret, and not to be logged. Dropping the future gives it up.
pub trait CallbackHandshake: Send + Sync + 'static {
    /// Asks the web server at `url` to show that it knows `verify_token`.
    fn verify<'a>(&'a self, url: &'a str, verify_token: &'a str) -> Answering<'a, (), CallbackRefused>;
}

impl<C: CallbackHandshake + ?Sized> CallbackHandshake for Arc<C> {
    fn verify<'a>(&'a self, url: &'a str, verify_token: &'a str) -> Answering<'a, (), CallbackRefused> {
        (**self).verify(url, verify_token)
    }
}

/// Why a callback is not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CallbackRefused {
    /// The business's move: it is none that is called.
    #[error("the callback is none that is called")]
    Url(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The web server's: it cannot be reached, or has not shown that it knows the verify token.
    #[error("the callback has not made the handshake")]
    Handshake(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Tells which callbacks clients have set, to whoever sends webhooks. It does so for as long as the
/// [`GraphApi`](crate::GraphApi) it is from, or a clone of it, is there.
pub struct CallbackRecords<D> {
    relay: Weak<D>,
    app: String,
}

impl<D: RelayApi> CallbackRecords<D> {
    pub(crate) fn new(relay: &Arc<D>, app: u64) -> Self {
        Self { relay: Arc::downgrade(relay), app: app.to_string() }
    }

    /// Where the updates of `business` go: to the number's callback, or else its account's, or else the
    /// app's, if any is set.
    ///
    /// # Errors
    /// When that cannot be told now.
    ///
    /// # Cost
    /// Up to three reads, of memory when they were read lately.
    pub async fn callback(&self, business: PhoneNumberId) -> Result<Option<String>, CallbackRecordError> {
        let relay = self.relay.upgrade().ok_or(CallbackRecordError::Ended)?;
        callback_in(&*relay, business, &self.app).await
    }
}

impl<D> fmt::Debug for CallbackRecords<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { relay: _, app } = self;
        write!(f, "CallbackRecords({app})")
    }
}

/// Why it cannot be told which callback is set.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CallbackRecordError {
    /// The host's move: the API is not there any more.
    #[error("the API that knows the callbacks has ended")]
    Ended,
    /// The relay's.
    #[error("the record of a callback cannot be read")]
    Relay(#[from] ConfigurationError),
    /// The store's: the record is none.
    #[error("the record of a callback is damaged")]
    Damaged(#[source] serde_json::Error),
}
