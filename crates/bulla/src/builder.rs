use std::sync::Arc;

use bulla_base::{Clock, Rng};
use bulla_relay::{Business, EventSink, Relay, RelayError, Settings};
use bulla_store::Store;
use bulla_transport::Transport;

use crate::{SystemClock, SystemRng};

/// Puts a relay together from its ports.
///
/// What it is opened with is a beginning: businesses are [added](Relay::add_business),
/// [changed](Relay::change_business), [removed](Relay::remove_business) and [erased](Relay::erase_business)
/// while it runs. Once it is open, a host reads its [reports](Relay::reports) and awaits the
/// [end](Relay::stopped).
///
/// # Examples
/// A relay, the carrier and a user's device, all in memory:
///
/// ```
/// use std::sync::Arc;
///
/// use bulla::base::{BusinessAccountId, Number, PhoneNumberId};
/// use bulla::carrier::Carrier;
/// use bulla::content::{Content, Text};
/// use bulla::device::{Device, DeviceEventKind};
/// use bulla::relay::{Business, Event, Outgoing, OutgoingBody, EventSink, SinkError};
/// use bulla::store::MemoryStore;
/// use bulla::transport::InProcess;
/// use bulla::{RelayBuilder, SystemClock, SystemRng};
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
/// let (clock, rng) = (Arc::new(SystemClock), Arc::new(SystemRng));
/// let carrier = Arc::new(Carrier::open(MemoryStore::new(), clock.clone(), &SystemRng).await?);
///
/// let shop = PhoneNumberId::new(106_540_352_242_922);
/// let business = Business::new(shop, BusinessAccountId::new(1), Number::parse("15550783881")?);
/// let relay = RelayBuilder::new(MemoryStore::new(), InProcess::new(carrier.clone()), Print).speak_for(business).open().await?;
///
/// let alice = Number::parse("16505551234")?;
/// let device = Device::open(MemoryStore::new(), InProcess::new(carrier), clock, rng, alice.clone()).await?;
/// relay.submit(shop, Outgoing::new(alice, OutgoingBody::Text(Text::new("your order is on its way")?))).await?;
///
/// let event = device.next().await?;
/// assert_eq!(event.kind(), &DeviceEventKind::Message(Content::text(Text::new("your order is on its way")?)));
/// relay.close().await;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct RelayBuilder<S, T, K> {
    store: S,
    transport: T,
    sink: K,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    businesses: Vec<Business>,
    settings: Settings,
}

impl<S: Store, T: Transport, K: EventSink> RelayBuilder<S, T, K> {
    /// A relay that keeps its records in `store`, reaches the carrier by `transport`, and hands to `sink`
    /// what it has for businesses.
    ///
    /// Unless told otherwise it goes by the machine's clock and randomness, has default settings and speaks
    /// for nobody.
    pub fn new(store: S, transport: T, sink: K) -> Self {
        Self {
            store,
            transport,
            sink,
            clock: Arc::new(SystemClock),
            rng: Arc::new(SystemRng),
            businesses: Vec::new(),
            settings: Settings::default(),
        }
    }

    /// Speaks for `business`, beside those named before; of two with one id, for the first. For a carrier
    /// that wants the number proven it has a [proof](Business::proven_by). One whose number the carrier
    /// refuses is suspended and reported; the relay opens all the same.
    pub fn speak_for(mut self, business: Business) -> Self {
        self.businesses.push(business);
        self
    }

    /// Takes the time from `clock`.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Draws randomness from `rng`.
    ///
    /// # Security
    /// Every key comes from here. Anything but the operating system's generator is for tests.
    pub fn rng(mut self, rng: Arc<dyn Rng>) -> Self {
        self.rng = rng;
        self
    }

    /// Goes by `settings`.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Opens the relay, on the tokio runtime this is called on. What its store needs regularly, such as a
    /// vault that forgets, it does for as long as it runs.
    ///
    /// # Errors
    /// As [`Relay::open`].
    pub async fn open(self) -> Result<Relay<S, T, K>, RelayError> {
        let Self { store, transport, sink, clock, rng, businesses, settings } = self;
        Relay::open(store, transport, sink, clock, rng, businesses, settings).await
    }
}
