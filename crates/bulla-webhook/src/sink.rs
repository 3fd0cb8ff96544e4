use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bulla_base::{Clock, PhoneNumberId, Rng};
use bulla_relay::{AccountEvent, Business, Destination, Event, EventSink, SinkError};
use bytes::Bytes;
use futures_util::future::join_all;
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use http_body_util::Full;
use tracing::Instrument;

use crate::client::{Purpose, WebhookClient};
use crate::limits::MAX_UNKNOWN;
use crate::status_pricing::FreeAnswers;
use crate::subscription::Subscription;
use crate::{CallbackLookup, Connector, StatusPricing, Webhook, WebhookError, metrics, payload, signature};

/// An [`EventSink`] that posts every event to the business's webhook, one a request, as its clients know
/// them.
///
/// Before the first update, the web server is asked to show that it knows the verify token (the handshake).
/// Until it does, nothing is delivered and every event comes back to the relay as an error, to be tried
/// again.
///
/// An update counts as taken when the answer is 200, and only then, as in the original; redirects are not
/// followed. The body is compact JSON in pure ASCII, sent with its length, and signed over its exact bytes.
///
/// What becomes of message templates, and how a number stands, is told to those who
/// [ask for it](Webhook::account_updates); of qualities, as in the original, that one has become low, or is
/// not low any more.
///
/// Statuses tell what a message is billed as when it is sent, and when it has come to its user: see
/// [`StatusPricing`]. No amount is told. A user has no profile name here, so the number stands in its place;
/// and as the relay does not say who wrote a message that is answered, `context.from` is always the business.
///
/// # Limits
/// An answer may take [`ANSWER_TIMEOUT`](crate::ANSWER_TIMEOUT); of its body
/// [`MAX_RESPONSE_BODY_BYTES`](crate::MAX_RESPONSE_BODY_BYTES) are read. A server that answers 429 or 503
/// with `Retry-After` is left alone for so long, at most [`MAX_RETRY_AFTER`](crate::MAX_RETRY_AFTER).
///
/// At most [`MAX_CALLS_PER_WEBHOOK`](crate::MAX_CALLS_PER_WEBHOOK) connections to one webhook are in use, one
/// to a webhook that last gave no answer. In all there are at most [`MAX_CALLS`](crate::MAX_CALLS),
/// [`MAX_PROBES`](crate::MAX_PROBES) more to webhooks that gave no answer, and [`MAX_IDLE`](crate::MAX_IDLE)
/// unused ones: silent web servers do not use up a process's files.
///
/// # Security
/// Updates hold what users write and their numbers, and plain HTTP hides neither: what is not `https` belongs
/// inside a trusted network. Where that is may be called only if the [`Connector`] was told so; and `https`
/// is spoken only if it was told [how](Connector::https_by), with whom to trust. To a web server whose
/// certificate is not trusted nothing is said; its events come again, as those of one that is not there.
pub struct WebhookSink {
    subscribers: RwLock<HashMap<PhoneNumberId, Subscriber>>,
    /// Of those whose clients have set one, where their updates went last; at most one a subscriber.
    moved: Mutex<HashMap<PhoneNumberId, Arc<Subscription>>>,
    callbacks: Option<Box<dyn CallbackLookup>>,
    pricing: Box<dyn StatusPricing>,
    client: WebhookClient,
    rng: Arc<dyn Rng>,
    /// Numbers without a webhook of which the operator was told.
    unknown: Mutex<BTreeSet<PhoneNumberId>>,
}

#[derive(Clone)]
struct Subscriber {
    business: Business,
    subscription: Arc<Subscription>,
}

impl WebhookSink {
    /// A sink that posts nothing yet, and calls by `connector`.
    ///
    /// Calls are made on the tokio runtime under which the sink is used.
    #[must_use]
    pub fn new(connector: Connector, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        let client = WebhookClient::new(connector, clock);
        Self {
            subscribers: RwLock::default(),
            moved: Mutex::default(),
            callbacks: None,
            pricing: Box::new(FreeAnswers),
            client,
            rng,
            unknown: Mutex::default(),
        }
    }

    /// Posts the events of each business to the callback that `callbacks` knows of it, as to its webhook:
    /// signed with the same secret. Those of whom none is known go to their webhook.
    ///
    /// Default: none is asked for, and all goes to the webhooks.
    ///
    /// # Security
    /// Who may set a callback may have a business's messages sent to where they like.
    #[must_use]
    pub fn callbacks(mut self, callbacks: impl CallbackLookup) -> Self {
        self.callbacks = Some(Box::new(callbacks));
        self
    }

    /// Tells in statuses the types of prices that `pricing` says.
    #[must_use]
    pub fn pricing(mut self, pricing: impl StatusPricing) -> Self {
        self.pricing = Box::new(pricing);
        self
    }

    /// Posts the events of all `businesses` to `webhook` from now on, whatever they went to before. They
    /// share its handshake.
    ///
    /// # Errors
    /// When the URL is that of an address that may not be called, or `https` that is not spoken. Nothing has
    /// changed then.
    pub fn subscribe(
        &self,
        businesses: impl IntoIterator<Item = Business>,
        webhook: Webhook,
    ) -> Result<(), WebhookError> {
        self.client.connector().check(webhook.origin())?;
        // A new one even if the URL is the same: its secrets may be others, so that it has to show once
        // more that it knows them.
        let subscription = Arc::new(Subscription::new(webhook));
        let mut subscribers = self.write();
        for business in businesses {
            let subscription = Arc::clone(&subscription);
            subscribers.insert(business.id(), Subscriber { business, subscription });
        }
        Ok(())
    }

    /// Posts no events of `business` any more. Those that still come are refused, and stay with the relay for
    /// as long as it keeps them.
    pub fn unsubscribe(&self, business: PhoneNumberId) {
        self.write().remove(&business);
        self.moved().remove(&business);
    }

    /// Asks every web server again to show that it knows its verify token. Those that do are delivered to
    /// from now on, the others not.
    ///
    /// # Errors
    /// When one did not; all have been asked all the same.
    pub async fn verify(&self) -> Result<(), WebhookError> {
        let mut asked: Vec<(PhoneNumberId, Arc<Subscription>)> = Vec::new();
        // Taken out of the lock, which nobody holds while web servers are waited for; each once, however many
        // businesses share it.
        for (id, Subscriber { business: _, subscription }) in &*self.read() {
            if !asked.iter().any(|(_, other)| Arc::ptr_eq(other, subscription)) {
                asked.push((*id, Arc::clone(subscription)));
            }
        }
        let outcomes = asked.iter().map(|(business, subscription)| async {
            let outcome = subscription.verify(&self.client, &*self.rng).await;
            subscription.outage_log().observe(*business, &outcome);
            outcome
        });
        join_all(outcomes).await.into_iter().collect()
    }

    async fn deliver(&self, event: &Event) -> Result<(), WebhookError> {
        let id = event.subject().business;
        let Subscriber { business, subscription } = self.subscriber(id)?;
        let subscription = self.moved_subscription(id, subscription).await?;
        // Before the handshake: an event for which there is no update is none of the server's business.
        let outcome = match payload::write(event, &business, &*self.pricing) {
            Ok(body) => self.post(body, &subscription).await,
            Err(error) => Err(error),
        };
        subscription.outage_log().observe(id, &outcome);
        outcome
    }

    async fn deliver_account(&self, event: &AccountEvent) -> Result<(), WebhookError> {
        let id = event.business();
        let Subscriber { business, subscription } = self.subscriber(id)?;
        let subscription = self.moved_subscription(id, subscription).await?;
        if !subscription.webhook().has_account_updates() {
            return Ok(());
        }
        let Some(body) = payload::write_account(event, &business)? else { return Ok(()) };
        let outcome = self.post(body, &subscription).await;
        subscription.outage_log().observe(id, &outcome);
        let told = outcome.as_ref().map_or_else(WebhookError::reason, |()| "taken");
        ::metrics::counter!(metrics::UPDATES, "outcome" => told).increment(1);
        outcome
    }

    /// To whom events of `business` go. Cloned, so that the lock is not held during the call.
    fn subscriber(&self, business: PhoneNumberId) -> Result<Subscriber, WebhookError> {
        let subscriber = self.read().get(&business).cloned();
        subscriber.ok_or_else(|| {
            self.tell_of_unknown(business);
            WebhookError::UnknownBusiness { business }
        })
    }

    /// Where events of `business` go that has this `subscription`: to its callback, if one was set.
    async fn moved_subscription(
        &self,
        business: PhoneNumberId,
        subscription: Arc<Subscription>,
    ) -> Result<Arc<Subscription>, WebhookError> {
        let Some(callbacks) = &self.callbacks else { return Ok(subscription) };
        let unknown = |error: Box<dyn std::error::Error + Send + Sync>| WebhookError::UnknownCallback(error);
        let set = callbacks.callback(business).await.map_err(|error| unknown(error.into()))?;
        let mut moved = self.moved();
        let Some(url) = set else {
            moved.remove(&business);
            return Ok(subscription);
        };
        let webhook = subscription.webhook().moved_to(&url).map_err(|error| unknown(error.into()))?;
        let is_this = |known: &&Arc<Subscription>| known.webhook().is_same(&webhook);
        if let Some(known) = moved.get(&business).filter(is_this) {
            return Ok(Arc::clone(known));
        }
        // Numbers that share a callback share its outages.
        let shared = moved.values().find(is_this).cloned();
        let now = shared.unwrap_or_else(|| Arc::new(Subscription::verified(webhook)));
        moved.insert(business, Arc::clone(&now));
        Ok(now)
    }

    fn moved(&self) -> MutexGuard<'_, HashMap<PhoneNumberId, Arc<Subscription>>> {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn post(&self, body: Vec<u8>, subscription: &Subscription) -> Result<(), WebhookError> {
        subscription.ensure_verified(&self.client, &*self.rng).await?;
        let webhook = subscription.webhook();
        let target = webhook.target().ok_or_else(|| WebhookError::broken("the url has no path"))?;
        let request = Request::post(target)
            .header(CONTENT_TYPE, "application/json")
            .header(signature::HEADER, signature::sign(webhook.app_secret(), &body))
            .body(Full::new(Bytes::from(body)))
            .map_err(WebhookError::broken)?;
        let response = self.client.call(subscription.server(), Purpose::Update, request).await?;
        match response.status {
            StatusCode::OK => Ok(()),
            status => {
                Err(WebhookError::Status { status: status.as_u16(), retry_after: response.retry_after })
            }
        }
    }

    fn tell_of_unknown(&self, business: PhoneNumberId) {
        let mut unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        if is_news(&mut unknown, business) {
            tracing::warn!(%business, "there are updates for a business that has no webhook");
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<PhoneNumberId, Subscriber>> {
        self.subscribers.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<PhoneNumberId, Subscriber>> {
        self.subscribers.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventSink for WebhookSink {
    async fn forward(&self, event: &Event) -> Result<(), SinkError> {
        let subject = event.subject();
        let span =
            tracing::debug_span!("webhook", business = %subject.business, message = %subject.message.id());
        let outcome = self.deliver(event).instrument(span).await;
        let told = outcome.as_ref().map_or_else(WebhookError::reason, |()| "taken");
        ::metrics::counter!(metrics::UPDATES, "outcome" => told).increment(1);
        outcome.map_err(SinkError::from)
    }

    async fn forward_account(&self, event: &AccountEvent) -> Result<(), SinkError> {
        let span = tracing::debug_span!("webhook", business = %event.business());
        self.deliver_account(event).instrument(span).await.map_err(SinkError::from)
    }

    /// The webhook: businesses that share one share its outages.
    fn destination(&self, event: &Event) -> Destination {
        let business = event.subject().business;
        if let Some(moved) = self.moved().get(&business) {
            return moved.destination().clone();
        }
        match self.read().get(&business) {
            Some(Subscriber { business: _, subscription }) => subscription.destination().clone(),
            None => Destination::business(business),
        }
    }
}

impl fmt::Debug for WebhookSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subscribers: _, moved: _, callbacks: _, pricing: _, client: _, rng: _, unknown: _ } = self;
        let subscribers = self.read();
        let webhooks = subscribers.iter().map(|(id, to)| (id.number(), to.subscription.webhook()));
        f.debug_map().entries(webhooks).finish()
    }
}

/// Whether the operator is to be told that `business` has no webhook. It is remembered that one was, of so
/// many at most.
fn is_news(unknown: &mut BTreeSet<PhoneNumberId>, business: PhoneNumberId) -> bool {
    unknown.len() >= MAX_UNKNOWN && !unknown.contains(&business) || unknown.insert(business)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operator_is_told_once_of_each_that_is_remembered_and_always_of_others() {
        let (mut unknown, most) = (BTreeSet::new(), u64::try_from(MAX_UNKNOWN).unwrap());
        for business in (1..=most).map(PhoneNumberId::new) {
            assert!(is_news(&mut unknown, business));
            assert!(!is_news(&mut unknown, business));
        }
        for _ in 0..2 {
            assert!(is_news(&mut unknown, PhoneNumberId::new(most + 1)));
        }
        assert!(!is_news(&mut unknown, PhoneNumberId::new(1)) && unknown.len() == MAX_UNKNOWN);
    }
}
