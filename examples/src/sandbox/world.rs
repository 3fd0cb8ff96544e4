//! Everything that a seed file says: a carrier, a relay, the Graph API and users' devices, on one clock.

mod businesses;
mod people;
mod templates;
mod write;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use bulla::base::{Clock, Number, PhoneNumberId};
use bulla::carrier::{BlobSettings, BlobStorage, Carrier, TrustedHost};
use bulla::relay::{Relay, Settings};
use bulla::store::MemoryStore;
use bulla::transport::InProcess;
use bulla::webhook::{AllowedNetworks, Connector, TcpDialer, TlsDialer, WebhookSink};
use bulla::{Host, SystemClock};
use tokio::task::AbortHandle;

use self::people::People;
use super::chance;
use super::clock::SandboxClock;
use super::log::Log;
use super::memory_blobs::MemoryBlobs;
use super::quiet::Quiet;
use super::seed::Seed;
use super::tap::{Tap, TapDialer};
use crate::exit_error::ExitError;

/// The carrier.
pub(crate) type SandboxCarrier = Carrier<MemoryStore>;
type SandboxRelay = Relay<MemoryStore, InProcess<SandboxCarrier>, WebhookSink>;

/// How long before its start it is opened: a relay sends nothing in its first second.
const BEFORE: Duration = Duration::from_secs(2);
/// How often a clock that runs is moved.
const TICK: Duration = Duration::from_millis(20);
/// How long is waited, by the machine's clock, for what is on its way to the program, while time is pushed.
const PUSH_PATIENCE: Duration = Duration::from_secs(5);

/// All that is there between one reset and the next.
pub(crate) struct World {
    pub(crate) seed: Arc<Seed>,
    pub(crate) clock: Arc<SandboxClock>,
    pub(crate) log: Arc<Log>,
    pub(crate) api: Router,
    pub(crate) people: People,
    tap: Arc<Tap>,
    quiet: Quiet,
    relay: SandboxRelay,
    carrier: Arc<SandboxCarrier>,
    running: Option<AbortHandle>,
    pushing: tokio::sync::Mutex<()>,
    has_ended: AtomicBool,
}

impl World {
    /// Opens what `seed` says, which speaks to web servers that are `https` by `tls`, if at all. It is quiet
    /// then, and the time is its start.
    ///
    /// # Errors
    /// When something of it cannot be.
    pub(crate) async fn open(
        seed: Arc<Seed>,
        quiet: Quiet,
        tls: Option<TlsDialer>,
    ) -> Result<Self, ExitError> {
        let start = seed.start();
        let clock = SandboxClock::new(start.before(BEFORE));
        let log = Log::new(clock.clone());
        let part = |name: &str| Host::with(clock.clone(), chance::of(seed.seed, name));

        let (host, verifier) = (part("carrier"), Arc::new(TrustedHost));
        let blobs = BlobStorage::new(MemoryBlobs::default(), BlobSettings::default());
        let (store, rng) = (MemoryStore::new(), host.rng());
        let opened = Carrier::open_with_blobs(store, host.clock(), &*rng, verifier, blobs);
        let carrier = Arc::new(opened.await.map_err(ExitError::because("the carrier cannot be opened"))?);
        let link = InProcess::new(carrier.clone());

        let webhook = businesses::webhook(&seed, tls.is_some())?;
        let allowed = seed.webhook.iter().map(|webhook| webhook.allowed()).next();
        let allowed = allowed.transpose().map_err(ExitError::new)?;
        let allowed = allowed.unwrap_or_else(AllowedNetworks::loopback);
        let secret = seed.webhook.as_ref().map_or(businesses::NO_SECRET, |webhook| &webhook.app_secret);
        let tap = Tap::new(log.clone(), secret, seed.webhook.is_some());
        let mut connector = Connector::new().allow(allowed);
        let mut tapped = connector.clone().dial_by(TapDialer::new(tap.clone(), "http", TcpDialer));
        if let Some(tls) = tls {
            tapped = tapped.https_by(TapDialer::new(tap.clone(), "https", tls.clone()));
            connector = connector.https_by(tls);
        }
        let sink = part("webhook").webhook_sink(tapped);
        let numbers = businesses::of(&seed)?;
        sink.subscribe(numbers.clone(), webhook).map_err(ExitError::because("webhook: it cannot be used"))?;

        let host = part("relay");
        // One after the other, so that what they are told comes in one order.
        let settings = Settings::default().events_at_sink(1, 1).rules(businesses::rules(&seed.rules)?);
        let relay = host.relay(MemoryStore::new(), link.clone(), sink).blobs(link.clone());
        let relay = relay.settings(settings).businesses(numbers).open().await;
        let relay = relay.map_err(ExitError::because("the relay cannot be opened"))?;

        let host = part("graph");
        let tokens = businesses::tokens(&seed, &host)?;
        let internal = businesses::grant_internal(&seed, &host, &tokens)?;
        let links = host.fetch_links(connector);
        let api = host.graph_api(relay.clone(), tokens.clone()).links(links).router();

        let people = People::new(seed.clone(), link, clock.clone());
        let (running, pushing, has_ended) = (None, tokio::sync::Mutex::default(), AtomicBool::new(false));
        let mut world =
            Self { seed, clock, log, api, people, tap, quiet, relay, carrier, running, pushing, has_ended };
        world.people.open_all().await?;
        world.settle(PUSH_PATIENCE).await;
        world.push(BEFORE).await;
        world.open_templates(&internal).await?;
        tokens.revoke(&internal);
        world.settle(PUSH_PATIENCE).await;
        world.tap.open();
        if world.seed.clock.runs {
            let ticking = run(world.clock.clone(), world.quiet.clone());
            world.running = Some(tokio::spawn(ticking).abort_handle());
        }
        Ok(world)
    }

    /// Waits until nobody can go on but by the clock or a request. For what is on its way to the program it
    /// waits no longer than `patience`, by the machine's clock. Whether nothing is on its way.
    pub(crate) async fn settle(&self, patience: Duration) -> bool {
        let began = SystemClock.now();
        loop {
            self.quiet.reached().await;
            if self.tap.in_flight().is_none() {
                return true;
            }
            let Some(left) = patience.checked_sub(SystemClock.now().since(began)) else { return false };
            tokio::select! {
                biased;
                () = self.tap.in_flight().landed() => {}
                () = SystemClock.sleep(left.max(Duration::from_millis(1))) => {}
            }
        }
    }

    /// Lets `span` pass: whoever waits for a moment in it acts at that moment, and what comes of it is done
    /// before the next.
    pub(crate) async fn push(&self, span: Duration) {
        let _pushing = self.pushing.lock().await;
        let until = self.clock.now().after(span);
        loop {
            self.settle(PUSH_PATIENCE).await;
            if !self.clock.step(until) {
                return;
            }
        }
    }

    /// Has the user with these digits, who is called by a magic number, there and in their window with
    /// `business`.
    ///
    /// # Errors
    /// When their device cannot be opened.
    pub(crate) async fn call(&self, user: &Number, business: PhoneNumberId) -> Result<(), ExitError> {
        if self.people.is_to_write(user, business) {
            self.tap.do_not_hear(user.digits());
            self.people.write_magic(user, business).await?;
            self.settle(PUSH_PATIENCE).await;
        }
        Ok(())
    }

    /// Ends it all, or goes away from it after `timeout`, by the machine's clock.
    pub(crate) async fn end(&self, timeout: Duration) {
        self.has_ended.store(true, Ordering::SeqCst);
        self.tap.close();
        self.running.iter().for_each(AbortHandle::abort);
        let closing = async {
            self.people.close().await;
            self.relay.close().await;
            self.carrier.close().await;
        };
        tokio::select! {
            biased;
            () = closing => {}
            () = SystemClock.sleep(timeout) => tracing::warn!("the old sandbox did not end in time"),
        }
    }

    /// Whether it was ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::SeqCst)
    }

    /// Why the relay has stopped, when it has.
    pub(crate) async fn stopped(&self) -> ExitError {
        match self.relay.stopped().await {
            Ok(()) => ExitError::new("the relay has stopped"),
            Err(why) => ExitError::because("the relay has stopped")(why),
        }
    }
}

/// Moves the clock with the machine's.
async fn run(clock: Arc<SandboxClock>, quiet: Quiet) {
    let mut last = SystemClock.now();
    loop {
        SystemClock.sleep(TICK).await;
        let now = SystemClock.now();
        let until = clock.now().after(now.since(last));
        last = now;
        while clock.step(until) {
            quiet.reached().await;
        }
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("clock", &self.clock).finish_non_exhaustive()
    }
}
