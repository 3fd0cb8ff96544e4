use std::fmt;
use std::sync::{Arc, OnceLock};

use bulla_base::PhoneNumberId;
use bulla_graph::{
    Answering, CallbackHandshake, CallbackRecords, CallbackRefused, GraphApi, RelayApi, TokenLookup,
};
use bulla_webhook::{
    CallbackError, CallbackLookup, CallbackNotKnown, CallbackVerifier, LookingUpCallback, WebhookError,
};

/// Lets clients of the Graph API set where the webhooks of their numbers, their accounts and the app go: it
/// makes the handshake for the API, and tells the sink what was set.
///
/// The sink is there before the relay, and the API after it. So it is handed to the sink first, by
/// [`WebhookSink::callbacks`](crate::webhook::WebhookSink::callbacks), and then to the API, by
/// [`taken_by`](Self::taken_by). Before that, and once the API and its clones are gone, no event goes
/// anywhere: each stays with the relay, and is tried again.
///
/// # Security
/// Whoever has a token that may manage a number can then have all that is written to it sent elsewhere; and
/// whoever knows the app's secret, what is written to all that have no callback of their own.
#[derive(Clone)]
pub struct ClientCallbacks {
    verifier: Arc<CallbackVerifier>,
    records: Arc<OnceLock<Box<dyn Records>>>,
}

impl ClientCallbacks {
    /// Makes handshakes by `verifier`.
    #[must_use]
    pub fn by(verifier: CallbackVerifier) -> Self {
        Self { verifier: Arc::new(verifier), records: Arc::default() }
    }

    /// Has `api`, with its settings, take callbacks. The first that is handed over is the one that counts.
    #[must_use]
    pub fn taken_by<D: RelayApi, A: TokenLookup>(&self, api: GraphApi<D, A>) -> GraphApi<D, A> {
        self.records.get_or_init(|| Box::new(api.callback_records()));
        api.callbacks(self.clone())
    }
}

impl CallbackHandshake for ClientCallbacks {
    fn verify<'a>(&'a self, url: &'a str, verify_token: &'a str) -> Answering<'a, (), CallbackRefused> {
        Box::pin(async move { self.verifier.verify(url, verify_token).await.map_err(refused) })
    }
}

impl CallbackLookup for ClientCallbacks {
    fn callback(&self, business: PhoneNumberId) -> LookingUpCallback<'_> {
        match self.records.get() {
            Some(records) => records.callback(business),
            None => Box::pin(async { Err(CallbackNotKnown::unavailable()) }),
        }
    }
}

impl fmt::Debug for ClientCallbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verifier: _, records } = self;
        write!(f, "ClientCallbacks({})", if records.get().is_some() { "taken" } else { "not taken yet" })
    }
}

/// [`CallbackRecords`], of whichever relay.
trait Records: Send + Sync {
    fn callback(&self, business: PhoneNumberId) -> LookingUpCallback<'_>;
}

impl<D: RelayApi> Records for CallbackRecords<D> {
    fn callback(&self, business: PhoneNumberId) -> LookingUpCallback<'_> {
        Box::pin(async move { Self::callback(self, business).await.map_err(CallbackNotKnown::new) })
    }
}

fn refused(error: CallbackError) -> CallbackRefused {
    match error {
        CallbackError::Invalid(_)
        | CallbackError::NotVerified(WebhookError::ForbiddenAddress { .. } | WebhookError::NoTls) => {
            CallbackRefused::Url(error.into())
        }
        error => CallbackRefused::Handshake(error.into()),
    }
}
