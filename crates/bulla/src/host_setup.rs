use std::sync::Arc;

use bulla_base::{Clock, Rng};

use crate::{SystemClock, SystemRng};

#[cfg(feature = "fjall")]
mod open_sealed_store;

#[cfg(feature = "fjall")]
pub use open_sealed_store::{OpenStoreError, SealedStore};

/// Opens the parts of a whole system, all with one clock and one source of randomness.
///
/// Every part is handed both; here they have a default, which are the machine's. Whoever wants more than a
/// method here offers makes the part by itself, as its own page says: nothing here is known to them.
///
/// ```text
///   Host ──► open_store ──► open_carrier ──► relay ──► graph_api        in this order they are opened,
///               stores   ◄──   carrier   ◄── relay ◄── graph_api        and in this order they are closed
/// ```
///
/// # Examples
/// A relay, the carrier and a user's device, all in memory:
///
/// ```
/// use bulla::base::{BusinessAccountId, Number, PhoneNumberId};
/// use bulla::content::{Content, Text};
/// use bulla::device::DeviceEventKind;
/// use bulla::relay::{Business, Event, EventSink, Outgoing, OutgoingBody, SinkError};
/// use bulla::store::MemoryStore;
/// use bulla::transport::InProcess;
/// use bulla::Host;
///
/// struct Print;
///
/// impl EventSink for Print {
///     async fn forward(&self, event: &Event) -> Result<(), SinkError> {
///         println!("{event:?}");
///         Ok(())
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let host = Host::new();
/// let carrier = host.open_carrier(MemoryStore::new()).await?;
///
/// let shop = PhoneNumberId::new(106_540_352_242_922);
/// let business = Business::new(shop, BusinessAccountId::new(1), Number::parse("15550783881")?);
/// let link = InProcess::new(carrier);
/// let relay = host.relay(MemoryStore::new(), link.clone(), Print).business(business).open().await?;
///
/// let alice = Number::parse("16505551234")?;
/// let device = host.open_device(MemoryStore::new(), link, alice.clone()).await?;
/// relay.submit(shop, Outgoing::new(alice, OutgoingBody::Text(Text::new("your order is on its way")?))).await?;
///
/// let event = device.next().await?;
/// assert_eq!(event.kind(), &DeviceEventKind::Message(Content::text(Text::new("your order is on its way")?)));
/// relay.close().await;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Host {
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
}

impl Host {
    /// With the clock and the randomness of the machine.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Arc::new(SystemClock), Arc::new(SystemRng))
    }

    /// With this clock and this source of randomness.
    ///
    /// # Security
    /// Every key comes from `rng`. Anything but the operating system's generator is for tests.
    #[must_use]
    pub fn with(clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        Self { clock, rng }
    }

    /// The clock that all parts are handed.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// The source of randomness that all parts are handed.
    #[must_use]
    pub fn rng(&self) -> Arc<dyn Rng> {
        self.rng.clone()
    }

    /// A relay that keeps its records in `store`, reaches the carrier by `transport`, and hands to `sink`
    /// what it has for businesses. It is still to be [opened](crate::relay::RelayBuilder::open).
    #[cfg(feature = "relay")]
    pub fn relay<S, T, K>(&self, store: S, transport: T, sink: K) -> crate::relay::RelayBuilder<S, T, K>
    where
        S: bulla_store::Store,
        T: bulla_transport::Transport,
        K: crate::relay::EventSink,
    {
        crate::relay::Relay::builder(store, transport, sink, self.clock(), self.rng())
    }

    /// A carrier that keeps its records in `store`, to be shared by whoever reaches it. It takes the word of
    /// this program for whose a number is.
    ///
    /// # Errors
    /// As [`Carrier::open`](crate::carrier::Carrier::open).
    #[cfg(feature = "carrier")]
    pub async fn open_carrier<S: bulla_store::Store>(
        &self,
        store: S,
    ) -> Result<Arc<crate::carrier::Carrier<S>>, bulla_store::StoreError> {
        Ok(Arc::new(crate::carrier::Carrier::open(store, self.clock(), &*self.rng).await?))
    }

    /// The device of the user with this `number`.
    ///
    /// # Errors
    /// As [`Device::open`](crate::device::Device::open).
    #[cfg(feature = "device")]
    pub async fn open_device<S: bulla_store::Store, T: bulla_transport::Transport>(
        &self,
        store: S,
        transport: T,
        number: bulla_base::Number,
    ) -> Result<crate::device::Device<S, T>, crate::device::DeviceError> {
        crate::device::Device::open(store, transport, self.clock(), self.rng(), number).await
    }

    /// A sink that posts events to the webhooks of those that are subscribed, by way of `connector`.
    #[cfg(feature = "webhook")]
    #[must_use]
    pub fn webhook_sink(&self, connector: crate::webhook::Connector) -> crate::webhook::WebhookSink {
        crate::webhook::WebhookSink::new(connector, self.clock(), self.rng())
    }

    /// Fetches files for the [Graph API](crate::graph::GraphApi::links) from where `connector` may go.
    #[cfg(all(feature = "graph", feature = "webhook"))]
    #[must_use]
    pub fn fetch_links(&self, connector: crate::webhook::Connector) -> crate::FetchLinks {
        crate::FetchLinks::by(crate::webhook::Fetcher::new(connector, self.clock()))
    }

    /// Lets clients of the Graph API say where their webhooks go, to where `connector` may go.
    #[cfg(all(feature = "graph", feature = "webhook"))]
    #[must_use]
    pub fn client_callbacks(&self, connector: crate::webhook::Connector) -> crate::ClientCallbacks {
        let verifier = crate::webhook::CallbackVerifier::new(connector, self.clock(), self.rng());
        crate::ClientCallbacks::by(verifier)
    }

    /// Bearer tokens for the Graph API: none yet, so that nothing is opened.
    #[cfg(feature = "graph")]
    #[must_use]
    pub fn tokens(&self) -> crate::graph::Tokens {
        crate::graph::Tokens::new(&*self.rng)
    }

    /// The Graph API over `relay`, opened by the bearer tokens that `tokens` knows. It is still to be
    /// [served](crate::graph::GraphApi::serve).
    #[cfg(feature = "graph")]
    #[must_use]
    pub fn graph_api<D: crate::graph::RelayApi, A: crate::graph::TokenLookup>(
        &self,
        relay: D,
        tokens: A,
    ) -> crate::graph::GraphApi<D, A> {
        crate::graph::GraphApi::new(relay, tokens, self.clock(), self.rng())
    }
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}
