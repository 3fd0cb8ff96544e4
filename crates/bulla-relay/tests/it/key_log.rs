//! The relay as a witness of the carrier's log of keys, for the users who write to it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla_base::{Address, Number, Party, PhoneNumberId};
use bulla_carrier::Carrier;
use bulla_device::{Device, DeviceEventKind, NotLogged, OnSplitLog, SealError, SendError};
use bulla_envelope::{InstallationId, KeyBundle, KeyUpload, SignedKey};
use bulla_relay::{Relay, Report, Settings};
use bulla_store::{BoxStore, MemoryStore};
use bulla_transparency::{Evidence, LogKey, LogSigner, Origin, Verdict};
use bulla_transport::{Caller, Incarnation, NumberProof, Transport, TransportError};

use crate::world::{BAKERY, Line, SHOP, TestDevice, TestRelay, World, alice, bob, business, says, to};

type TestCarrier = Carrier<Arc<MemoryStore>>;

/// A third business, for a log that grows.
const FLORIST: PhoneNumberId = PhoneNumberId::new(106_540_352_242_924);

fn signer() -> LogSigner {
    LogSigner::from_seed(Origin::parse("carrier.example/keys").unwrap(), &[7; 32])
}

fn key() -> LogKey {
    signer().public().clone()
}

/// What the carrier at the other end of a line shows of its log: to one user a second history, if there is
/// one to be fooled, in which the shop has another key, and all others their own.
pub(crate) struct ShownLog {
    second: TestCarrier,
    fooled: Option<Party>,
    /// Whose key is another there.
    forged: PhoneNumberId,
    /// Whether it proves how its log grew.
    proves: Mutex<bool>,
    /// Whether it shows the leaves of its log, or says that there are none.
    shows_leaves: Mutex<bool>,
}

impl ShownLog {
    /// The second history, if `caller` is shown that.
    pub(crate) fn shown_to(&self, caller: &Caller) -> Option<&TestCarrier> {
        (self.fooled.as_ref() == Some(caller.address().party())).then_some(&self.second)
    }

    pub(crate) fn proves(&self) -> Result<(), TransportError> {
        if *self.proves.lock().unwrap() { Ok(()) } else { Err(TransportError::NoLog) }
    }

    /// Shows its leaves, or not.
    pub(crate) fn shows_leaves(&self) -> bool {
        *self.shows_leaves.lock().unwrap()
    }

    /// From now on it shows its leaves, or not.
    pub(crate) fn show_leaves(&self, shown: bool) {
        *self.shows_leaves.lock().unwrap() = shown;
    }

    pub(crate) async fn connects(&self, caller: &Caller) -> Result<(), TransportError> {
        if matches!(caller.address().party(), Party::User(_)) {
            self.second.connect(caller).await?;
        }
        Ok(())
    }

    pub(crate) async fn publishes(&self, caller: &Caller, keys: &KeyUpload) -> Result<(), TransportError> {
        let (mut keys, mut caller) = (keys.clone(), caller.clone());
        if *caller.address() == Address::business(self.forged) {
            keys.identity = [&[5][..], &[9; 32]].concat().into();
            let installation = InstallationId::of_identity(&keys.identity);
            caller = Caller::new(caller.address().clone(), installation, Incarnation::new(1));
        }
        self.second.register(&caller, &NumberProof::none()).await?;
        self.second.publish(&caller, keys).await.map(drop)
    }

    /// `bundle`, with the proof from the history that `caller` is shown.
    pub(crate) async fn given(
        &self,
        caller: &Caller,
        of: &Address,
        bundle: KeyBundle,
    ) -> Result<KeyBundle, TransportError> {
        let Some(second) = self.shown_to(caller) else { return Ok(bundle) };
        match second.bundle(caller, of).await?.log {
            Some(entry) => Ok(bundle.logged(entry)?),
            None => Ok(bundle),
        }
    }
}

/// A line to a carrier that keeps a log.
async fn line(world: &World, fooled: Option<Party>) -> (Line, Arc<ShownLog>) {
    line_with(world, fooled, SHOP).await
}

/// A line to a carrier that keeps a log, in the second history of which the key of `forged` is another.
pub(crate) async fn line_with(
    world: &World,
    fooled: Option<Party>,
    forged: PhoneNumberId,
) -> (Line, Arc<ShownLog>) {
    let keeping = || async {
        let store = Arc::new(MemoryStore::new());
        let carrier = Carrier::open(store, Arc::clone(&world.clock), &*world.rng).await.unwrap();
        carrier.with_key_log(signer()).await.unwrap()
    };
    let log = Arc::new(ShownLog {
        second: keeping().await,
        fooled,
        forged,
        proves: Mutex::new(true),
        shows_leaves: Mutex::new(true),
    });
    (Line::to(keeping().await).showing(Arc::clone(&log)), log)
}

/// A relay for the shop and the bakery that looks at the log.
pub(crate) async fn relay(world: &World, line: &Line, store: &BoxStore) -> TestRelay {
    let (clock, rng) = (Arc::clone(&world.clock), Arc::clone(&world.rng));
    Relay::builder(store.clone(), line.clone(), world.sink.clone(), clock, rng)
        .businesses([business(SHOP), business(BAKERY)])
        .settings(Settings::default().key_log(key()))
        .open()
        .await
        .unwrap()
}

async fn phone(world: &World, line: &Line, user: Number, on_split: OnSplitLog) -> TestDevice {
    let (clock, rng) = (Arc::clone(&world.clock), Arc::clone(&world.rng));
    let phone = Device::open(MemoryStore::new(), line.clone(), clock, rng, user).await.unwrap();
    assert!(phone.check_log(key(), on_split).await.unwrap());
    phone
}

/// The evidence that the relay has told so far.
async fn told(world: &World, relay: &TestRelay) -> Vec<Arc<str>> {
    world.pass(Duration::from_secs(5)).await;
    let (mut reports, mut found) = (relay.reports(), Vec::new());
    loop {
        tokio::select! {
            biased;
            report = reports.next() => match report {
                Some(Report::LogSplit { evidence }) => found.push(evidence),
                Some(other) => panic!("{other:?}"),
                None => return found,
            },
            () = world.pass(Duration::from_millis(1)) => return found,
        }
    }
}

fn verdict(evidence: &str) -> Verdict {
    let read = Evidence::parse(evidence.as_bytes()).unwrap();
    assert_eq!(read.to_string(), evidence);
    read.verify(&key())
}

async fn hears(phone: &TestDevice, words: &str) {
    while phone.next().await.unwrap().kind() != &DeviceEventKind::Message(says(words)) {}
}

#[tokio::test(start_paused = true)]
async fn an_honest_carrier_is_checked_and_nobody_hears_of_it() {
    let world = World::new().await;
    let ((line, _), store) = (line(&world, None).await, BoxStore::new(MemoryStore::new()));
    let relay = relay(&world, &line, &store).await;
    let phones = [
        phone(&world, &line, alice(), OnSplitLog::StopNewSessions).await,
        phone(&world, &line, bob(), OnSplitLog::StopNewSessions).await,
    ];
    for (phone, user) in phones.iter().zip([alice(), bob()]) {
        phone.send(SHOP, &says("hello")).await.unwrap();
        phone.send(BAKERY, &says("hello")).await.unwrap();
        relay.submit(SHOP, to(user, "good day")).await.unwrap();
        hears(phone, "good day").await;
        // The log grows in between.
        let other = business(FLORIST);
        let _ = relay.add_business(other).await;
    }
    phones[0].send(FLORIST, &says("flowers")).await.unwrap();
    phones[0].send(SHOP, &says("again")).await.unwrap();
    world.sink.wait_for(6, &*world.clock).await;
    assert_eq!(told(&world, &relay).await, Vec::<Arc<str>>::new());
    relay.close().await;
}

/// The bakery's keys are the right ones, and come with a log in which the shop has another key than it has.
/// The first message that crosses brings the head of that log to the relay.
#[tokio::test(start_paused = true)]
async fn a_carrier_that_shows_two_keys_for_one_number_is_caught_at_the_first_message() {
    let world = World::new().await;
    let ((line, _), store) =
        (line(&world, Some(Party::User(alice()))).await, BoxStore::new(MemoryStore::new()));
    let witness = relay(&world, &line, &store).await;
    let fooled = phone(&world, &line, alice(), OnSplitLog::StopNewSessions).await;
    fooled.send(BAKERY, &says("hello")).await.unwrap();
    world.sink.wait_for(1, &*world.clock).await;
    let found = told(&world, &witness).await;
    assert_eq!(found.len(), 1, "it is told once");
    assert_eq!(verdict(&found[0]), Verdict::Equivocation);
    // What it does not have is the key of anybody, nor a number of a user.
    assert!(!found[0].contains(alice().digits()));

    // The relay's answer brings its own head: the device has the evidence, too, and takes no more keys.
    witness.submit(BAKERY, to(alice(), "good day")).await.unwrap();
    hears(&fooled, "good day").await;
    assert_eq!(verdict(&fooled.log_split().await), Verdict::Equivocation);
    let refused = fooled.send(SHOP, &says("hello")).await;
    assert!(matches!(refused, Err(SendError::Seal(SealError::NotLogged(NotLogged::Split)))), "{refused:?}");
    fooled.send(BAKERY, &says("again")).await.unwrap();
    world.sink.wait_for(2, &*world.clock).await;

    // It is durable.
    witness.close().await;
    let witness = relay(&world, &line, &store).await;
    assert_eq!(told(&world, &witness).await, found);
    witness.close().await;
}

/// The shop's key in that log is not the one in the bundle, so the carrier would have to give the other.
#[tokio::test(start_paused = true)]
async fn a_key_that_the_log_does_not_have_is_refused_by_name() {
    let world = World::new().await;
    let ((line, _), store) =
        (line(&world, Some(Party::User(alice()))).await, BoxStore::new(MemoryStore::new()));
    let witness = relay(&world, &line, &store).await;
    let fooled = phone(&world, &line, alice(), OnSplitLog::StopNewSessions).await;
    let refused = fooled.send(SHOP, &says("hello")).await;
    assert!(
        matches!(refused, Err(SendError::Seal(SealError::NotLogged(NotLogged::OtherKey)))),
        "{refused:?}"
    );
    witness.close().await;
}

/// The relay's history has grown meanwhile: the carrier's own proof shows that the other is none of it.
#[tokio::test(start_paused = true)]
async fn two_histories_of_different_sizes_are_caught_with_the_carriers_own_proof() {
    let world = World::new().await;
    let ((line, _), store) =
        (line(&world, Some(Party::User(alice()))).await, BoxStore::new(MemoryStore::new()));
    relay(&world, &line, &store).await.close().await;
    let fooled = phone(&world, &line, alice(), OnSplitLog::GoOn).await;
    fooled.send(BAKERY, &says("hello")).await.unwrap();
    // Sealed under a head of two leaves, and on its way; a third business comes.
    let identity = [&[5][..], &[3; 32]].concat();
    let installation = InstallationId::of_identity(&identity);
    let florist = Caller::new(Address::business(FLORIST), installation, Incarnation::new(1));
    let signed = SignedKey::new(1, vec![1; 33], vec![2; 64]);
    line.connect(&florist).await.unwrap();
    line.publish(&florist, KeyUpload::new(7, identity, signed.clone(), signed, Vec::new())).await.unwrap();

    let witness = relay(&world, &line, &store).await;
    world.sink.wait_for(1, &*world.clock).await;
    let found = told(&world, &witness).await;
    assert_eq!(found.len(), 1);
    assert_eq!(verdict(&found[0]), Verdict::Equivocation);
    assert!(found[0].contains("root of the older size under the newer checkpoint"), "{}", found[0]);
    // Who has chosen to go on does, with the evidence at hand.
    witness.submit(BAKERY, to(alice(), "good day")).await.unwrap();
    hears(&fooled, "good day").await;
    assert_eq!(verdict(&fooled.log_split().await), Verdict::Equivocation);
    let refused = fooled.send(SHOP, &says("hello")).await;
    assert!(
        matches!(refused, Err(SendError::Seal(SealError::NotLogged(NotLogged::OtherKey)))),
        "{refused:?}"
    );
    fooled.send(BAKERY, &says("again")).await.unwrap();
    world.sink.wait_for(2, &*world.clock).await;
    witness.close().await;
}

/// A carrier that proves nothing shows nothing: there is no evidence, and no new key is taken.
#[tokio::test(start_paused = true)]
async fn a_carrier_that_does_not_prove_that_its_log_grew_is_given_no_more_trust() {
    let world = World::new().await;
    let ((line, log), store) = (line(&world, None).await, BoxStore::new(MemoryStore::new()));
    let witness = relay(&world, &line, &store).await;
    let phone = phone(&world, &line, alice(), OnSplitLog::StopNewSessions).await;
    phone.send(SHOP, &says("hello")).await.unwrap();
    world.sink.wait_for(1, &*world.clock).await;
    *log.proves.lock().unwrap() = false;
    let _ = witness.add_business(business(FLORIST)).await;
    world.pass(Duration::from_secs(5)).await;
    let refused = phone.send(FLORIST, &says("flowers")).await;
    assert!(
        matches!(refused, Err(SendError::Seal(SealError::NotLogged(NotLogged::Unproven)))),
        "{refused:?}"
    );
    assert_eq!(told(&world, &witness).await, Vec::<Arc<str>>::new());
    *log.proves.lock().unwrap() = true;
    phone.send(FLORIST, &says("flowers")).await.unwrap();
    witness.close().await;
}

/// The world's own carrier keeps no log.
#[tokio::test(start_paused = true)]
async fn keys_without_a_proof_are_refused_by_name() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    assert!(phone.check_log(key(), OnSplitLog::StopNewSessions).await.unwrap());
    assert!(!phone.check_log(key(), OnSplitLog::GoOn).await.unwrap(), "it was told before");
    let refused = phone.send(SHOP, &says("hello")).await;
    assert!(matches!(refused, Err(SendError::Seal(SealError::NotLogged(NotLogged::Missing)))), "{refused:?}");
}
