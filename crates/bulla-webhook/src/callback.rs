use std::pin::Pin;
use std::sync::Arc;

use bulla_base::{Clock, PhoneNumberId, Rng};
use thiserror::Error;

use crate::client::WebhookClient;
use crate::subscription::Subscription;
use crate::{Connector, InvalidWebhook, Webhook, WebhookError};

/// The port through which a sink learns whether a business's clients have set a callback of their own, to
/// which its updates go instead of to its [`Webhook`]. Handed over with
/// [`WebhookSink::callbacks`](crate::WebhookSink::callbacks).
///
/// # For implementors
/// It is asked before each update, so that a change holds from the next one on, and so that an update whose
/// callback is not known just now goes nowhere and comes again. Who gives out a URL has made the handshake
/// with it (`CallbackVerifier`); it is not made again. Where the URL leads is looked at with each call.
pub trait CallbackLookup: Send + Sync + 'static {
    /// The URL to which updates of `business` go, if one was set.
    fn callback(&self, business: PhoneNumberId) -> LookingUpCallback<'_>;
}

/// What [`CallbackLookup::callback`] returns.
pub type LookingUpCallback<'a> =
    Pin<Box<dyn Future<Output = Result<Option<String>, CallbackNotKnown>> + Send + 'a>>;

impl<L: CallbackLookup + ?Sized> CallbackLookup for Arc<L> {
    fn callback(&self, business: PhoneNumberId) -> LookingUpCallback<'_> {
        (**self).callback(business)
    }
}

/// Why it cannot be told which callback a business has.
#[derive(Debug, Error)]
#[error("which callback the business has cannot be looked up")]
pub struct CallbackNotKnown(#[source] Option<Box<dyn std::error::Error + Send + Sync>>);

impl CallbackNotKnown {
    /// Because of `source`.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(Some(source.into()))
    }

    /// Whoever knows is not there (any more).
    #[must_use]
    pub const fn unavailable() -> Self {
        Self(None)
    }
}

/// Makes the handshake with a callback before it is taken.
///
/// # Limits
/// As those of a [`WebhookSink`](crate::WebhookSink): an answer may take
/// [`ANSWER_TIMEOUT`](crate::ANSWER_TIMEOUT).
pub struct CallbackVerifier {
    client: WebhookClient,
    rng: Arc<dyn Rng>,
}

impl CallbackVerifier {
    /// One that calls by `connector`, which is to be that of the sink.
    #[must_use]
    pub fn new(connector: Connector, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        Self { client: WebhookClient::new(connector, clock), rng }
    }

    /// Asks the web server at `url` to show that it knows `verify_token`.
    ///
    /// # Errors
    /// When it is no URL of a webhook, one that may not be called, or it did not show that.
    pub async fn verify(&self, url: &str, verify_token: &str) -> Result<(), CallbackError> {
        // Nothing is signed in a handshake.
        let webhook = Webhook::new(url, verify_token, "-")?;
        self.client.connector().check(webhook.origin())?;
        Ok(Subscription::new(webhook).verify(&self.client, &*self.rng).await?)
    }
}

impl std::fmt::Debug for CallbackVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CallbackVerifier")
    }
}

/// Why a callback is not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// The client's move: it is none.
    #[error("the callback cannot be used")]
    Invalid(#[from] InvalidWebhook),
    /// The client's move: its web server may not be called, or did not make the handshake.
    #[error("the callback has not made the handshake")]
    NotVerified(#[from] WebhookError),
}
