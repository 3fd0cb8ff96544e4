use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use bulla_base::{Clock, PhoneNumberId, Rng};
use bulla_relay::{Business, Event, Sink, SinkError};
use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::request::Builder;
use http_body_util::Full;

use crate::client::WebhookClient;
use crate::subscription::Subscription;

use crate::{Webhook, WebhookError, payload, signature};

/// A [`Sink`] that posts every event to the business's webhook, one a request, as its clients know them.
///
/// Before the first update, the web server is asked to show that it knows the verify token (the handshake). Until it does, nothing is
/// delivered and every event comes back to the relay as an error, to be tried again.
///
/// An update counts as taken when the answer is 200, and only then, as in the original; redirects are not followed. The body is compact
/// JSON in pure ASCII, sent with its length, and signed over its exact bytes.
///
/// Statuses say nothing about prices yet. A user has no profile name here, so the number stands in its place; and as the relay does not
/// say who wrote a message that is answered, `context.from` is always the business.
///
/// # Limits
/// An answer may take [`ANSWER_TIMEOUT`](crate::ANSWER_TIMEOUT); of its body
/// [`MAX_RESPONSE_BODY_BYTES`](crate::MAX_RESPONSE_BODY_BYTES) are read. A server that answers 429 or 503 with `Retry-After` is left alone
/// for so long, at most [`MAX_RETRY_AFTER`](crate::MAX_RETRY_AFTER).
///
/// # Security
/// Updates hold what users write and their numbers, and plain HTTP hides neither: keep the way to the web server inside a trusted network
/// until TLS is there.
pub struct WebhookSink {
    destinations: HashMap<PhoneNumberId, Destination>,
    client: WebhookClient,
    rng: Arc<dyn Rng>,
}

struct Destination {
    business: Business,
    subscription: Arc<Subscription>,
}

impl WebhookSink {
    /// A sink that posts the events of all `businesses` to `webhook`.
    ///
    /// Calls are made on the tokio runtime under which the sink is used.
    #[must_use]
    pub fn new(
        webhook: Webhook,
        businesses: impl IntoIterator<Item = Business>,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Self {
        let subscription = Arc::new(Subscription::new(webhook));
        let destination = |business: Business| {
            (business.id(), Destination { business, subscription: subscription.clone() })
        };
        let destinations = businesses.into_iter().map(destination).collect();
        Self { destinations, client: WebhookClient::new(clock), rng }
    }

    /// Posts the events of `business` to a webhook of its own.
    #[must_use]
    pub fn with(mut self, business: Business, webhook: Webhook) -> Self {
        let subscription = Arc::new(Subscription::new(webhook));
        self.destinations.insert(business.id(), Destination { business, subscription });
        self
    }

    /// Asks every web server again to show that it knows its verify token. Those that do are delivered to from now on, the others not.
    ///
    /// # Errors
    /// When one did not; all have been asked all the same.
    pub async fn verify(&self) -> Result<(), WebhookError> {
        let mut asked: Vec<&Arc<Subscription>> = Vec::new();
        let mut outcome = Ok(());
        for Destination { business: _, subscription } in self.destinations.values() {
            if asked.iter().any(|other| Arc::ptr_eq(other, subscription)) {
                continue;
            }
            asked.push(subscription);
            outcome = outcome.and(subscription.verify(&self.client, &*self.rng).await);
        }
        outcome
    }

    async fn deliver(&self, event: &Event) -> Result<(), WebhookError> {
        let id = event.subject().business;
        let Destination { business, subscription } =
            self.destinations.get(&id).ok_or(WebhookError::UnknownBusiness { business: id })?;
        let body = payload::write(event, business)?;
        subscription.ensure_verified(&self.client, &*self.rng).await?;
        let webhook = subscription.webhook();
        let request = Builder::new()
            .method("POST")
            .uri(webhook.url().clone())
            .header(CONTENT_TYPE, "application/json")
            .header(signature::HEADER, signature::sign(webhook.app_secret(), &body))
            .body(Full::new(Bytes::from(body)))
            .map_err(WebhookError::broken)?;
        let answer = self.client.call(request).await?;
        match answer.status {
            StatusCode::OK => Ok(()),
            status => Err(WebhookError::Status { status: status.as_u16(), retry_after: answer.retry_after }),
        }
    }
}

impl Sink for WebhookSink {
    async fn forward(&self, event: &Event) -> Result<(), SinkError> {
        self.deliver(event).await.map_err(SinkError::from)
    }
}

impl fmt::Debug for WebhookSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { destinations, client: _, rng: _ } = self;
        let webhooks =
            destinations.iter().map(|(id, destination)| (id.number(), destination.subscription.webhook()));
        f.debug_map().entries(webhooks).finish()
    }
}
