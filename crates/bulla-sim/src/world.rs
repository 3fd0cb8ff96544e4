use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla::RelayBuilder;
use bulla::base::{BusinessAccountId, Clock, MessageId, Number, PhoneNumberId, Rng, SeededRng, Timestamp};
use bulla::carrier::Carrier;
use bulla::content::{Body, Content, Progress, Text};
use bulla::device::{Device, News};
use bulla::meter::Flow;
use bulla::relay::{Business, Event, Incoming, Outgoing, Relay, Saying, Sink, SinkError, Status};
use bulla::store::MemoryStore;
use bulla::transport::{InProcess, Transport};

use super::VirtualClock;
use super::disk::Disk;
use super::network::{Network, below};
use super::oracle::Oracle;

const SHOP: PhoneNumberId = PhoneNumberId::new(106_540_352_242_922);
const USERS: [&str; 2] = ["16505551234", "4915112345678"];
/// Messages each way with each user.
const MESSAGES: usize = 20;
/// How often a relay and the devices die.
const DEATHS: usize = 6;
/// By when, in virtual time, everything must have arrived.
const PATIENCE: Duration = Duration::from_secs(6 * 3600);

type Line = Network<InProcess<Carrier<Arc<MemoryStore>>>>;

/// What one run showed.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// What happened, line by line.
    pub trace: Vec<String>,
    /// How many faults there were.
    pub faults: u64,
    /// How many ratchet steps were taken.
    pub steps: usize,
}

/// Runs the system of `seed` to its end and checks everything on the way.
pub fn run(seed: u64) -> Outcome {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::new(seed).await;
        world.live().await;
        world.check().await
    })
}

struct World {
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    oracle: Arc<Oracle>,
    carrier: Arc<Carrier<Arc<MemoryStore>>>,
    relay_store: Arc<MemoryStore>,
    device_store: Arc<MemoryStore>,
    /// Of the machine that runs now: whether it has died.
    is_dead: Mutex<Arc<AtomicBool>>,
    sightings: Arc<Sightings>,
}

/// What the business and the users have seen, by conversation.
#[derive(Default)]
struct Sightings(Mutex<BTreeMap<&'static str, Conversation>>);

#[derive(Default, Clone)]
struct Conversation {
    /// What the business was told by this user, in the order of first sight, with the ids.
    to_business: Vec<(String, MessageId)>,
    /// What the user was shown, in the order of first sight, with the ids.
    to_user: Vec<(String, MessageId)>,
    /// What the business was told of its own messages.
    statuses: BTreeMap<MessageId, Vec<Status>>,
    /// How many messages the business has got an answer for, and their ids.
    accepted: Vec<MessageId>,
    /// How many messages the user has got an answer for, and their ids.
    said: Vec<MessageId>,
    /// How far the user was told its messages have come.
    progress: BTreeMap<MessageId, Progress>,
}

impl Sightings {
    fn of<R>(&self, user: &'static str, look: impl FnOnce(&mut Conversation) -> R) -> R {
        look(self.0.lock().unwrap().entry(user).or_default())
    }

    fn complete(&self) -> bool {
        USERS.iter().all(|user| self.of(user, |conversation| conversation.complete()))
    }
}

impl Conversation {
    fn complete(&self) -> bool {
        let last = |statuses: &Vec<Status>| statuses.last() == Some(&Status::Read);
        self.accepted.len() == MESSAGES
            && self.said.len() == MESSAGES
            && self.to_business.len() == MESSAGES
            && self.to_user.len() == MESSAGES
            && self.statuses.len() == MESSAGES
            && self.statuses.values().all(last)
            && self.progress.len() == MESSAGES
    }
}

/// The business: it refuses now and then, and notes what it takes.
struct Shop {
    rng: Arc<dyn Rng>,
    oracle: Arc<Oracle>,
    sightings: Arc<Sightings>,
}

impl Sink for Shop {
    async fn forward(&self, event: &Event) -> Result<(), SinkError> {
        let subject = event.subject();
        let (user, id) = (name(&subject.user), subject.message.id());
        match event {
            Event::Message(_, Incoming::Text { text, .. }) => {
                self.oracle.note(&format!("the business gets {id}"));
                self.sightings.of(user, |seen| see(&self.oracle, &mut seen.to_business, text.body(), id));
            }
            Event::Status(_, update) => {
                self.oracle.note(&format!("the business learns {:?} of {id}", update.status));
                self.sightings.of(user, |seen| {
                    let statuses = seen.statuses.entry(id).or_default();
                    match statuses.last() {
                        Some(last) if *last == update.status => return,
                        Some(last) if *last < update.status => {}
                        None if update.status == Status::Sent => {}
                        last => self.oracle.blame(format!("{id} came from {last:?} to {:?}", update.status)),
                    }
                    statuses.push(update.status);
                });
            }
            other => self.oracle.blame(format!("nobody sent {other:?}")),
        }
        // It may have taken the event and still not say so.
        if below(&*self.rng, 100) < 20 {
            self.oracle.count("refused event");
            return Err(SinkError::new("the business is busy"));
        }
        Ok(())
    }
}

/// Notes the first sight of `text`; a second one must be of the same message.
fn see(oracle: &Oracle, seen: &mut Vec<(String, MessageId)>, text: &str, id: MessageId) {
    match seen.iter().find(|(before, _)| before == text) {
        Some((_, before)) if *before == id => {}
        Some((_, before)) => oracle.blame(format!("{text} came as {before} and as {id}")),
        None => seen.push((text.to_owned(), id)),
    }
}

fn name(number: &Number) -> &'static str {
    USERS.into_iter().find(|user| *user == number.digits()).unwrap()
}

impl World {
    async fn new(seed: u64) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::new(Timestamp::from_millis(1_795_293_590_960)));
        let rng: Arc<dyn Rng> = Arc::new(SeededRng::new(seed));
        let carrier = Carrier::open(Arc::new(MemoryStore::new()), Arc::clone(&clock), &*rng).await.unwrap();
        Self {
            oracle: Arc::new(Oracle::new(Arc::clone(&clock))),
            carrier: Arc::new(carrier),
            relay_store: Arc::default(),
            device_store: Arc::default(),
            is_dead: Mutex::default(),
            sightings: Arc::default(),
            clock,
            rng,
        }
    }

    fn disk(&self, rows: &Arc<MemoryStore>) -> Disk {
        let is_dead = Arc::clone(&self.is_dead.lock().unwrap());
        Disk { rows: Arc::clone(rows), clock: Arc::clone(&self.clock), rng: Arc::clone(&self.rng), is_dead }
    }

    fn line(&self) -> Line {
        Network {
            is_calm: false,
            carrier: InProcess::new(Arc::clone(&self.carrier)),
            clock: Arc::clone(&self.clock),
            rng: Arc::clone(&self.rng),
            oracle: Arc::clone(&self.oracle),
        }
    }

    /// Users and business leave their keys with the carrier, before the network begins to fail: who is
    /// unknown cannot be written to.
    async fn join(&self) {
        let line = InProcess::new(Arc::clone(&self.carrier));
        for user in USERS {
            let (store, clock, rng) =
                (self.disk(&self.device_store), Arc::clone(&self.clock), Arc::clone(&self.rng));
            Device::open(store, line.clone(), clock, rng, Number::parse(user).unwrap())
                .await
                .unwrap()
                .close()
                .await;
        }
    }

    /// Lets relay and devices live, die and come back, until everything has been said and has arrived.
    async fn live(&self) {
        self.join().await;
        for death in 0..=DEATHS {
            let mut alive = tokio::task::JoinSet::new();
            let relay = self.open_relay().await;
            let devices = [self.open_device(USERS[0]).await, self.open_device(USERS[1]).await];
            alive.spawn(watch(relay.clone(), Arc::clone(&self.oracle)));
            for (user, device) in USERS.into_iter().zip(&devices) {
                alive.spawn(send_to_user(
                    relay.clone(),
                    Arc::clone(&self.sightings),
                    Arc::clone(&self.rng),
                    user,
                ));
                alive.spawn(say(device.clone(), Arc::clone(&self.sightings), Arc::clone(&self.rng), user));
                alive.spawn(read(
                    device.clone(),
                    Arc::clone(&self.oracle),
                    Arc::clone(&self.sightings),
                    user,
                ));
            }
            if death == DEATHS {
                let begun = self.clock.now();
                while !self.sightings.complete() {
                    let waited = self.clock.now().since(begun);
                    let seen = || self.sightings.0.lock().unwrap().values().map(lacking).collect::<Vec<_>>();
                    self.oracle.look();
                    assert!(waited < PATIENCE, "something does not arrive: {:#?}", seen());
                    self.clock.sleep(Duration::from_secs(1)).await;
                }
            } else {
                self.clock.sleep(Duration::from_millis(below(&*self.rng, 8_000))).await;
                self.oracle.count("death");
            }
            // Cut short wherever they are: what is not in a store has not happened.
            std::mem::take(&mut *self.is_dead.lock().unwrap()).store(true, Ordering::SeqCst);
            alive.shutdown().await;
            relay.close().await;
            for device in devices {
                device.close().await;
            }
        }
    }

    async fn open_relay(&self) -> Relay<Disk, Line, Shop> {
        self.open_relay_over(self.line()).await
    }

    async fn open_relay_over<T: Transport>(&self, line: T) -> Relay<Disk, T, Shop> {
        let business = Business::new(SHOP, BusinessAccountId::new(1), Number::parse("15550783881").unwrap());
        let (rng, oracle, sightings) =
            (Arc::clone(&self.rng), Arc::clone(&self.oracle), Arc::clone(&self.sightings));
        RelayBuilder::new(self.disk(&self.relay_store), line, Shop { rng, oracle, sightings })
            .clock(Arc::clone(&self.clock))
            .rng(Arc::clone(&self.rng))
            .speak_for(business)
            .open()
            .await
            .unwrap()
    }

    async fn open_device(&self, user: &str) -> Device<Disk, Line> {
        let (store, clock, rng) =
            (self.disk(&self.device_store), Arc::clone(&self.clock), Arc::clone(&self.rng));
        Device::open(store, self.line(), clock, rng, Number::parse(user).unwrap()).await.unwrap()
    }

    async fn check(&self) -> Outcome {
        self.oracle.look();
        for user in USERS {
            let seen = self.sightings.of(user, |seen| seen.clone());
            let expected = |from: &str| (0..MESSAGES).map(|number| text(from, number)).collect::<Vec<_>>();
            let texts =
                |seen: &[(String, MessageId)]| seen.iter().map(|(text, _)| text.clone()).collect::<Vec<_>>();
            assert_eq!(texts(&seen.to_business), expected("user"), "order to the business");
            assert_eq!(texts(&seen.to_user), expected("shop"), "order to the user");
            assert_eq!(seen.to_user.iter().map(|(_, id)| *id).collect::<Vec<_>>(), seen.accepted);
            for statuses in seen.statuses.values() {
                assert!(statuses.starts_with(&[Status::Sent]) && statuses.ends_with(&[Status::Read]));
            }
        }
        let relay = self.open_relay().await;
        let (ours, theirs) = (relay.bill(SHOP).await.unwrap(), self.carrier.bill(SHOP).await.unwrap());
        relay.close().await;
        assert_eq!(ours, theirs, "relay and carrier count alike");
        let all = (USERS.len() * MESSAGES) as u64;
        assert_eq!(ours.total(SHOP, Flow::ToUser), all);
        assert_eq!(ours.total(SHOP, Flow::ToBusiness), all);

        let faults =
            ["lost request", "doubled request", "lost answer", "lost delivery", "refused event", "death"];
        for fault in faults {
            assert!(self.oracle.counted(fault) > 0, "no {fault}: the run shows nothing about it");
        }
        let faults = faults.iter().map(|fault| self.oracle.counted(fault)).sum();
        Outcome { trace: self.oracle.trace(), faults, steps: self.oracle.steps() }
    }
}

/// What a conversation still lacks, for people to read.
fn lacking(conversation: &Conversation) -> String {
    let Conversation { to_business, to_user, statuses, accepted, said, progress } = conversation;
    let unread = statuses.iter().filter(|(_, statuses)| statuses.last() != Some(&Status::Read));
    format!(
        "business got {}, user got {}, accepted {}, said {}, progress {}, unread {:?}",
        to_business.len(),
        to_user.len(),
        accepted.len(),
        said.len(),
        progress.len(),
        unread.collect::<Vec<_>>(),
    )
}

fn text(from: &str, number: usize) -> String {
    format!("{from} says {number} ✉ مرحبا")
}

/// A relay stops for no reason but to be closed.
async fn watch(relay: Relay<Disk, Line, Shop>, oracle: Arc<Oracle>) {
    if let Err(error) = relay.stopped().await {
        oracle.blame(format!("the relay stopped: {error:?}"));
    }
}

/// The business writes to `user`, each message until it is accepted, however often it has to ask.
async fn send_to_user(
    relay: Relay<Disk, Line, Shop>,
    sightings: Arc<Sightings>,
    rng: Arc<dyn Rng>,
    user: &'static str,
) {
    let clock = VirtualClock::new(Timestamp::default());
    loop {
        let number = sightings.of(user, |seen| seen.accepted.len());
        if number == MESSAGES {
            return;
        }
        clock.sleep(Duration::from_millis(below(&*rng, 1_500))).await;
        let saying = Saying::Text(Text::new(text("shop", number)).unwrap());
        // A key is the business's, and for one recipient.
        let key = format!("message {number} to {user}");
        let message = Outgoing::new(Number::parse(user).unwrap(), saying).once(key);
        if let Ok(handle) = relay.accept(SHOP, message).await {
            sightings.of(user, |seen| seen.accepted.push(handle.id()));
        }
    }
}

/// The user writes to the business. What was sent when the device died is known by its having been sent, not
/// by an answer.
async fn say(device: Device<Disk, Line>, sightings: Arc<Sightings>, rng: Arc<dyn Rng>, user: &'static str) {
    let clock = VirtualClock::new(Timestamp::default());
    loop {
        let number = sightings.of(user, |seen| seen.said.len());
        if number == MESSAGES {
            return;
        }
        clock.sleep(Duration::from_millis(below(&*rng, 1_500))).await;
        let content = Content::text(Text::new(text("user", number)).unwrap());
        if let Ok(id) = device.send(SHOP, &content).await {
            sightings.of(user, |seen| seen.said.push(id));
        }
    }
}

/// The user reads what the business writes.
async fn read(
    device: Device<Disk, Line>,
    oracle: Arc<Oracle>,
    sightings: Arc<Sightings>,
    user: &'static str,
) {
    loop {
        let notice = match device.next().await {
            Ok(notice) => notice,
            Err(error) => return oracle.blame(format!("the device stopped: {error:?}")),
        };
        oracle.note(&format!("{user} is shown {}", notice.id()));
        match notice.news() {
            News::Said(content) => {
                let Body::Text(text) = content.body() else {
                    return oracle.blame("only texts were sent".to_owned());
                };
                sightings.of(user, |seen| see(&oracle, &mut seen.to_user, text.body(), notice.id()));
            }
            News::Progress(receipt) => sightings.of(user, |seen| {
                for id in receipt.messages() {
                    seen.progress.insert(*id, receipt.progress());
                }
            }),
            other => oracle.blame(format!("nothing can fail here: {other:?}")),
        }
        if let Err(error) = device.finish(notice).await {
            return oracle.blame(format!("a notice could not be finished: {error:?}"));
        }
    }
}
