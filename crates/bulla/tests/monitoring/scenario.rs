//! The scenario: everything that can happen between a business, its users and those in between, once.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bulla::base::{
    Address, BusinessAccountId, Category, Clock, DeviceId, MessageId, Number, PhoneNumberId, Rng,
};
use bulla::carrier::Carrier;
use bulla::carrier::grpc::{GrpcService, GrpcSettings, Listening, ProvenIdentity, serve};
use bulla::content::attachment::Sealer;
use bulla::content::{Body, Content, Reaction, Text};
use bulla::device::Device;
use bulla::envelope::{
    Envelope, Form, FrankingTag, IdentitySigner, InstallationId, KeyUpload, Kind, SignedKey,
};
use bulla::integrity::{Reason, Report, ReportedMessage, Stamp, commitment};
use bulla::meter::{
    BillingSigner, Currency, LedgerSettings, LocalDate, PricingType, RateCard, SignedStatement, Statement,
    StatementParts, TagKey, Tariff, TypeRule, Zone,
};
use bulla::relay::{
    Business, ConfigurationKey, ConfigurationOwner, MediaDescription, MessageRef, OnBreach, Outgoing,
    OutgoingBody, OutgoingTemplate, PageStart, Relay, Review, Rules, ServiceWindow, SuspendedPart,
    TemplateDefinition, TemplateQuery, TemplateText, UPLOAD_SPAN, UserId,
};
use bulla::session::IdentityKeyPair;
use bulla::store::{MemoryStore, Retention, Store};
use bulla::transport::grpc::{GrpcTransport, PlainTcp};
use bulla::transport::{
    BlobId, BlobSize, Blobs, Caller, InProcess, Incarnation, NumberProof, Sequence, Transport,
};
use bulla::{SystemClock, SystemRng};
use tokio::net::TcpListener;

use crate::attackers;
use crate::business::{Behaviour, TestBusiness};
use crate::faults::{self, PutBackStore, SetClock, copy};
use crate::personal_data::{EMOJI, PersonalData};
use crate::requests::{self, Request};
use crate::system_under_test::{RunningRelay, SHOP, System, User, a_moment, log_signer};

pub(crate) async fn run(folder: &Path, personal: &PersonalData) {
    let shop = TestBusiness::open().await;
    shop.behave(Behaviour::UnknownToken);
    let secrets = [personal.text(), personal.text(), personal.text()];
    let mut system = System::open(folder, &shop, secrets).await;
    let running = system.relay("relay").await.unwrap();
    let alice = User::open(&system, personal.number(0), "alice").await;
    let scenario = Scenario { personal, shop, running };

    scenario.everything_goes_well(&alice).await;
    scenario.the_log_of_keys_grows(&system).await;
    scenario.requests_are_refused().await;
    scenario.the_webhook_behaves_badly(&system, &alice).await;
    scenario.the_way_to_the_carrier_is_cut(&system, &alice).await;
    scenario.nobody_is_there().await;
    scenario.a_blob_is_kept(&system).await;
    scenario.files_come_and_go(&system).await;
    scenario.a_second_device_is_listed(&system).await;
    somebody_proves_who_they_are(&system, personal.number(2)).await;
    the_log_of_keys_stands_still().await;
    an_upload_is_forgotten(&system).await;
    a_message_is_reported(personal.number(3), &personal.text()).await;
    somebody_tries_numbers().await;
    a_delivery_is_counted(personal.number(3)).await;
    let scenario = scenario.a_message_comes_too_late(&mut system).await;
    let scenario = scenario.an_event_is_given_up(&mut system, &alice).await;
    let alice = scenario.a_phone_is_lost(&system, alice).await;
    let scenario = scenario.a_backup_is_put_back(&system, &alice).await;
    scenario.somebody_is_erased(&system).await;
    let scenario = scenario.a_copy_is_fenced(&system).await;
    let scenario = scenario.the_disk_fails(&system).await;
    scenario.rows_are_spoilt(&alice).await;
    scenario.the_business_begins_anew(&system, &alice).await;
    system.one_takes_over("pair").await;
    alice.close().await;
    system.carrier.sweep().await.unwrap();
    system.carrier.stats().await.unwrap();
    system.carrier.bill(SHOP).await.unwrap();
    system.carrier.close().await;
    the_clock_is_set(&system).await;
    faults::power_goes(&system.folder("power")).await;
    faults::files_are_wanting(&system.folder("wanting")).await;
}

/// A key of somebody who has nothing else.
#[derive(Debug)]
struct Signer(IdentityKeyPair);

impl IdentitySigner for Signer {
    fn identity_key(&self) -> [u8; 33] {
        self.0.public().to_bytes()
    }

    fn sign(&self, statement: &[u8], rng: &dyn Rng) -> [u8; 64] {
        *self.0.sign(statement, &mut rng.draw()).as_bytes()
    }
}

/// Somebody comes over the network, at first without a proof of who they are.
async fn somebody_proves_who_they_are(system: &System, number: &str) {
    let (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>) = (Arc::new(SystemClock), Arc::new(SystemRng));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connector = PlainTcp::new(listener.local_addr().unwrap().to_string()).unwrap();
    let identities = ProvenIdentity::new(Arc::clone(&clock), &*rng).with_plain_connections();
    let service = GrpcService::new(system.carrier.clone(), identities, GrpcSettings::default());
    let serving = tokio::spawn(serve(service, Listening::in_plain(listener), std::future::pending()));

    let signer = Arc::new(Signer(IdentityKeyPair::generate(&mut rng.draw())));
    let installation = InstallationId::of_identity(&signer.identity_key());
    let user = Address::user(Number::parse(number).unwrap());
    let caller = Caller::new(user, installation, Incarnation::new(1));
    attackers::come(&caller, Arc::clone(&rng)).await;
    let transport = GrpcTransport::new(connector, clock, Arc::clone(&rng));
    transport.register(&caller, &NumberProof::none()).await.unwrap_err();
    transport.identify(signer);
    transport.register(&caller, &NumberProof::none()).await.unwrap();
    serving.abort();
}

/// A carrier that was put back from a backup appends no key to its log.
async fn the_log_of_keys_stands_still() {
    let store = PutBackStore::default();
    let carrier = Carrier::open(store, Arc::new(SystemClock), &SystemRng).await.unwrap();
    let carrier = carrier.with_key_log(log_signer()).await.unwrap();
    publish_keys(&carrier, SHOP).await;
    carrier.close().await;
}

/// A user's device acknowledges a message, which was sent to it twice.
async fn a_delivery_is_counted(number: &str) {
    let (clock, rng) = (SystemClock, SystemRng);
    let carrier = Carrier::open(MemoryStore::new(), Arc::new(SystemClock), &rng).await.unwrap();
    let carrier = carrier.with_ledger(LedgerSettings::new(TagKey::from_bytes([7; 32].into())));
    let caller = |address| Caller::new(address, InstallationId::of_identity(&[5; 33]), Incarnation::new(1));
    let us = caller(Address::business(SHOP));
    let user = caller(Address::user(Number::parse(number).unwrap()));
    for who in [&us, &user] {
        carrier.register(who, &NumberProof::none()).await.unwrap();
    }
    let (id, kind) = (MessageId::new(clock.now(), &rng), Kind::Message(Category::Utility));
    let (from, to, tag) = (us.address().clone(), user.address().clone(), FrankingTag::from_bytes([9; 32]));
    let sent = Envelope::new(id, from, to, kind, tag, Form::Signal, vec![1; 40]).unwrap();
    for envelope in [sent.clone(), sent.sent_again(1).unwrap()] {
        carrier.send(&us, envelope).await.unwrap();
    }
    let received = carrier.receive(&user, Sequence::START).await.unwrap();
    let sequences: Vec<_> = received.iter().map(|delivery| delivery.sequence).collect();
    carrier.acknowledge(&user, &sequences).await.unwrap();
    a_bill_is_issued(&carrier).await;
    carrier.close().await;
}

/// Who bills issues a statement, for the relay to ask for.
async fn a_bill_is_issued<S: Store>(carrier: &Carrier<S>) {
    let (zone, from) = (Zone::utc(), LocalDate::parse("2026-01-01").unwrap());
    let rules = TypeRule::everywhere(from, |_, _| PricingType::Regular);
    let card = RateCard::new("ours", Currency::parse("EUR").unwrap(), rules, Vec::new(), Vec::new()).unwrap();
    let (tariff, signer) = (Tariff::new(&card, &zone), BillingSigner::generate(&SystemRng));
    let parts = StatementParts::new(BusinessAccountId::new(1), zone.month(from), &zone, &tariff);
    let signed = SignedStatement::issue(Statement::new(parts, &[]).unwrap(), &signer);
    carrier.issue_statement(SHOP, &signed, &card, signer.public()).await.unwrap();
}

/// Somebody publishes keys for a business, of which the log takes the identity.
async fn publish_keys<S: Store>(carrier: &Carrier<S>, business: PhoneNumberId) {
    let identity = [&[5][..], &[9; 32]].concat();
    let installation = InstallationId::of_identity(&identity);
    let us = Caller::new(Address::business(business), installation, Incarnation::new(1));
    carrier.register(&us, &NumberProof::none()).await.unwrap();
    let signed = SignedKey::new(1, vec![1; 33], vec![2; 64]);
    let keys = KeyUpload::new(7, identity, signed.clone(), signed, Vec::new());
    carrier.publish(&us, keys).await.unwrap();
}

/// A user shows the carrier what a business has sent.
async fn a_message_is_reported(number: &str, said: &str) {
    let (clock, rng) = (SystemClock, SystemRng);
    let carrier = Carrier::open(MemoryStore::new(), Arc::new(SystemClock), &rng).await.unwrap();
    let caller = |address| Caller::new(address, InstallationId::of_identity(&[5; 33]), Incarnation::new(1));
    let us = caller(Address::business(SHOP));
    let user = caller(Address::user(Number::parse(number).unwrap()));
    for who in [&us, &user] {
        carrier.register(who, &NumberProof::none()).await.unwrap();
    }
    let (id, kind) = (MessageId::new(clock.now(), &rng), Kind::Message(Category::Marketing));
    let plaintext = [&[7; 32], said.as_bytes()].concat();
    let tag = FrankingTag::from_bytes(commitment(&plaintext).unwrap());
    let (from, to) = (us.address().clone(), user.address().clone());
    let sent = Envelope::new(id, from.clone(), to, kind, tag, Form::Signal, vec![1; 40]).unwrap();
    carrier.send(&us, sent).await.unwrap();
    let received = carrier.receive(&user, Sequence::START).await.unwrap();
    let stamp = Stamp::from_bytes(received[0].envelope.stamp().unwrap().as_bytes()).unwrap();
    let message = ReportedMessage::new(id, from, 1, Some(Category::Marketing), stamp, plaintext.into());
    let report = Report::new(Reason::Spam, vec![message.unwrap()]).unwrap().with_note(said).unwrap();
    carrier.report(&user, report.to_bytes().to_vec().into()).await.unwrap();
    assert_eq!(carrier.reports(us.address().party(), None, 5).await.unwrap().len(), 1);
    carrier.close().await;
}

/// A business asks for the keys of numbers that nobody has, until it is warned; then it is told that it was a
/// mistake.
async fn somebody_tries_numbers() {
    let rng = SystemRng;
    let carrier = Carrier::open(MemoryStore::new(), Arc::new(SystemClock), &rng).await.unwrap();
    let carrier = carrier.with_protection(Arc::new(SystemRng));
    let installation = InstallationId::of_identity(&[5; 33]);
    let us = Caller::new(Address::business(SHOP), installation, Incarnation::new(1));
    carrier.register(&us, &NumberProof::none()).await.unwrap();
    for number in 16_505_570_000_u64..16_505_570_009 {
        let nobody = Address::user(Number::parse(&number.to_string()).unwrap());
        carrier.bundle(&us, &nobody).await.unwrap_err();
    }
    assert!(!carrier.enforcements(SHOP, 0, 5).await.unwrap().is_empty());
    assert!(carrier.appeal(SHOP).await.unwrap() && carrier.decide_appeal(SHOP, true).await.unwrap());
    // Somebody finds out who it is: it rises when it is judged next, which is now at the latest.
    assert!(carrier.verify_business(SHOP).await.unwrap());
    carrier.close().await;
}

/// Hours pass, and then the clock leaps and is set right again.
async fn the_clock_is_set(system: &System) {
    const MINUTES: u64 = 60;
    let clock = Arc::new(SetClock::default());
    let store = faults::open_by(clock.clone(), &system.folder("clock")).await;
    for minutes in [50, 100, 150, 4_000, 150] {
        clock.set(Duration::from_secs(minutes * MINUTES));
        store.tick().await.unwrap();
    }
}

/// An upload in several parts is begun and left, and is removed a day later, when another one is begun.
async fn an_upload_is_forgotten(system: &System) {
    const FORGETFUL: PhoneNumberId = PhoneNumberId::new(9);
    let (store, clock, rng) = (MemoryStore::new(), Arc::new(SetClock::default()), Arc::new(SystemRng));
    let relay = Relay::builder(store, system.transport.clone(), system.sink.clone(), clock.clone(), rng);
    let number = Number::parse("15550783889").unwrap();
    let business = Business::new(FORGETFUL, BusinessAccountId::new(9), number);
    let relay = relay.business(business).open().await.unwrap();
    let begin = || relay.begin_upload(FORGETFUL, "image/png".into(), 5);
    begin().await.unwrap();
    clock.set(2 * UPLOAD_SPAN);
    begin().await.unwrap();
    relay.close().await;
}

struct Scenario<'a> {
    personal: &'a PersonalData,
    shop: TestBusiness,
    running: RunningRelay,
}

impl Scenario<'_> {
    async fn everything_goes_well(&self, alice: &User) {
        let first = says(self.personal, alice).await;
        self.shop.turns_away().await;
        self.shop.behave(Behaviour::Accept);
        self.shop.is_told(&[&first]).await;
        let api = self.running.api;
        let again = write(self.personal, 0);
        let sent = again.succeed(api).await;
        assert_eq!(sent, again.succeed(api).await, "the same key names the same message");
        self.shop.is_told(&[&sent, "\"read\""]).await;
        let heard = self.shop.id_of(&first);
        for request in requests::about(self.personal.number(0), &heard, self.personal) {
            request.succeed(api).await;
        }
        alice.say(Content::new(Body::Reaction(Reaction::put(message_id(&sent), EMOJI).unwrap()))).await;
        self.shop.is_told(&["\"emoji\"", &sent]).await;
        alice.device.report(SHOP, &[message_id(&sent)], Reason::Spam, false).await.unwrap();
        self.running.relay.report(SHOP, &[message_ref(&heard)], Reason::Other, false).await.unwrap();
        let period = Zone::utc().month(LocalDate::parse("2026-01-01").unwrap());
        self.running.relay.statement(SHOP, period).await.unwrap_err();
        let stranger = PhoneNumberId::new(999_999_999);
        let text = Content::text(Text::new(self.personal.text()).unwrap());
        drop(alice.device.send(stranger, &text).await);
        self.the_host_looks(alice).await;
        self.running.nobody_can_be_accepted().await;
    }

    /// Another business comes. A user who hears of the log's new head from the carrier tells the relay, which
    /// tells the user who has not.
    async fn the_log_of_keys_grows(&self, system: &System) {
        publish_keys(&system.carrier, PhoneNumberId::new(106_540_352_242_924)).await;
        let carol = User::open(system, self.personal.number(3), "carol").await;
        let text = says(self.personal, &carol).await;
        self.shop.is_told(&[&text]).await;
        // The relay compares what it was told, which nobody waits for.
        a_moment().await;
        let sent = write(self.personal, 0).succeed(self.running.api).await;
        self.shop.is_told(&[&sent, "\"read\""]).await;
        carol.close().await;
    }

    /// Whatever else a relay and a device can be asked.
    async fn the_host_looks(&self, alice: &User) {
        let (relay, number) = (&self.running.relay, Number::parse(self.personal.number(0)).unwrap());
        let ours = relay.safety_number(SHOP, number.clone()).await.unwrap().unwrap();
        let theirs = alice.device.safety_number(SHOP).await.unwrap().unwrap();
        assert_eq!(ours.to_string(), theirs.to_string());
        let identity = relay.identity(SHOP, number.clone()).await.unwrap().unwrap();
        assert!(!relay.approve_identity(SHOP, number.clone(), identity).await.unwrap(), "none waits");
        Box::pin(self.a_rule_keeps_something_back(number)).await;
        relay.bill(SHOP).await.unwrap();
        let other = PhoneNumberId::new(106_540_352_242_923);
        let business = Business::new(other, BusinessAccountId::new(1), Number::parse("15550783882").unwrap());
        relay.add_business(business).await.unwrap();
        relay.remove_business(other).await.unwrap();
        relay.erase_business(other).await.unwrap();
        assert!(relay.resume(SuspendedPart::Business(SHOP)).await.is_err(), "it is not suspended");
        let nobody = UserId::from_bytes([7; 16]);
        assert!(relay.set_aside(SHOP, nobody).await.is_err(), "it is not suspended");
    }

    /// A business has a rule for a moment.
    async fn a_rule_keeps_something_back(&self, user: Number) {
        let (relay, usual) = (&self.running.relay, self.running.relay.business(SHOP).unwrap());
        let rules = Rules::none().service_window(OnBreach::Defer);
        relay.change_business(usual.clone().rules(rules)).await.unwrap();
        assert_eq!(relay.window(SHOP, user.clone()).await.unwrap(), ServiceWindow::Closed);
        let text = OutgoingBody::Text(Text::new(self.personal.text()).unwrap());
        relay.submit(SHOP, Outgoing::new(user, text)).await.unwrap();
        relay.change_business(usual).await.unwrap();
    }

    async fn requests_are_refused(&self) {
        let api = self.running.api;
        let refused = requests::refused(self.personal);
        // The last is refused because of one before it.
        let (last, others) = refused.split_last().unwrap();
        for request in others {
            request.fail(api).await;
        }
        // Whether this one is refused is said elsewhere.
        drop(requests::to_itself(self.personal).make(api).await);
        requests::same_key(last, self.personal.number(0), self.personal).succeed(api).await;
        last.fail(api).await;
    }

    async fn the_webhook_behaves_badly(&self, system: &System, alice: &User) {
        let behaviours = [
            Behaviour::Status(500, ""),
            Behaviour::Status(302, "location: http://example.org/elsewhere\r\n"),
            Behaviour::Status(429, "retry-after: 1\r\n"),
            Behaviour::HangUp,
            Behaviour::Nonsense,
        ];
        for behaviour in behaviours {
            self.shop.behave(behaviour);
            let text = says(self.personal, alice).await;
            self.shop.turns_away().await;
            self.shop.behave(Behaviour::Accept);
            self.shop.is_told(&[&text]).await;
        }
        system.sink.breaks.store(true, Ordering::Relaxed);
        let text = says(self.personal, alice).await;
        self.shop.turns_away().await;
        system.sink.breaks.store(false, Ordering::Relaxed);
        self.shop.is_told(&[&text]).await;
    }

    async fn the_way_to_the_carrier_is_cut(&self, system: &System, alice: &User) {
        system.transport.cut.store(true, Ordering::Relaxed);
        let text = says(self.personal, alice).await;
        let sent = write(self.personal, 0).succeed(self.running.api).await;
        write(self.personal, 1).fail(self.running.api).await;
        a_moment().await;
        system.transport.cut.store(false, Ordering::Relaxed);
        self.shop.is_told(&[&text]).await;
        self.shop.is_told(&[&sent, "\"delivered\""]).await;
        system.transport.garbles.store(true, Ordering::Relaxed);
        says(self.personal, alice).await;
        drop(write(self.personal, 0).make(self.running.api).await);
        a_moment().await;
        system.transport.garbles.store(false, Ordering::Relaxed);
    }

    async fn nobody_is_there(&self) {
        let request = requests::text(self.personal.stranger(), &self.personal.text(), self.personal);
        let sent = request.succeed(self.running.api).await;
        self.shop.is_told(&[&sent, "\"failed\""]).await;
    }

    /// A relay that keeps nothing for long, and a phone that is switched off.
    async fn a_message_comes_too_late(self, system: &mut System) -> Self {
        let Self { personal, shop, running } = self;
        User::open(system, personal.number(2), "bob").await.close().await;
        running.close().await;
        let brief = Retention::new(Duration::from_millis(1)).unwrap();
        let usual = std::mem::take(&mut system.settings);
        system.settings = usual.clone().time_to_live(brief);
        let running = system.relay("relay").await.unwrap();
        let sent = write(personal, 2).succeed(running.api).await;
        shop.is_told(&[&sent, "\"failed\""]).await;
        running.close().await;
        system.settings = usual;
        let running = system.relay("relay").await.unwrap();
        Self { personal, shop, running }
    }

    /// The business does not take an event as often as the settings say.
    async fn an_event_is_given_up(self, system: &mut System, alice: &User) -> Self {
        let Self { personal, shop, running } = self;
        running.close().await;
        let usual = system.settings.clone();
        system.settings = usual.clone().event_tries(std::num::NonZeroU32::MIN);
        let running = system.relay("relay").await.unwrap();
        shop.behave(Behaviour::Status(500, ""));
        let texts = [says(personal, alice).await, says(personal, alice).await];
        let mut letters = Vec::new();
        while letters.len() < texts.len() {
            a_moment().await;
            letters = running.relay.dead_letters(SHOP, None).await.unwrap();
        }
        shop.behave(Behaviour::Accept);
        assert!(running.relay.replay(SHOP, letters[0].id).await.unwrap());
        assert!(running.relay.discard(SHOP, letters[1].id).await.unwrap());
        shop.is_told(&[&texts[0]]).await;
        running.close().await;
        system.settings = usual;
        let running = system.relay("relay").await.unwrap();
        Self { personal, shop, running }
    }

    /// The user has a new phone, with a new identity.
    async fn a_phone_is_lost(&self, system: &System, alice: User) -> User {
        alice.close().await;
        // Queued for the phone that is lost.
        write(self.personal, 0).succeed(self.running.api).await;
        a_moment().await;
        let alice = User::open(system, self.personal.number(0), "alice-anew").await;
        // Sealed for the phone that is lost.
        drop(write(self.personal, 0).make(self.running.api).await);
        let text = says(self.personal, &alice).await;
        self.shop.is_told(&[&text]).await;
        drop(write(self.personal, 0).make(self.running.api).await);
        a_moment().await;
        alice
    }

    async fn a_backup_is_put_back(self, system: &System, alice: &User) -> Self {
        let Self { personal, shop, running } = self;
        running.close().await;
        let (store, backup) = (system.folder("relay/store"), system.folder("backup"));
        copy(&store, &backup);
        let running = system.relay("relay").await.unwrap();
        let text = says(personal, alice).await;
        shop.is_told(&[&text]).await;
        write(personal, 0).succeed(running.api).await;
        a_moment().await;
        running.close().await;
        // Under way while the relay is down, in a session that the backup does not know.
        says(personal, alice).await;
        std::fs::remove_dir_all(&store).unwrap();
        copy(&backup, &store);
        let running = system.relay("relay").await.unwrap();
        write(personal, 0).succeed(running.api).await;
        a_moment().await;
        Self { personal, shop, running }
    }

    /// An image of the machine is started beside it. One of the two is refused, and begins again until it is
    /// the later one.
    async fn a_copy_is_fenced(self, system: &System) -> Self {
        let Self { personal, shop, running } = self;
        copy(&system.folder("relay"), &system.folder("copy"));
        let other = system.relay("copy").await;
        for running in other.iter().chain([&running]) {
            drop(write(personal, 0).make(running.api).await);
        }
        a_moment().await;
        if let Ok(other) = other {
            other.close().await;
        }
        running.close().await;
        for _ in 0..4 {
            match system.relay("relay").await {
                Ok(running) if running.relay.suspended().is_empty() => {
                    return Self { personal, shop, running };
                }
                Ok(running) => running.close().await,
                Err(error) => tracing::info!(error = &error as &dyn std::error::Error, "fenced"),
            }
        }
        panic!("it never becomes the later one");
    }

    /// A blob is brought, read and deleted; and one is that nobody has begun.
    async fn a_blob_is_kept(&self, system: &System) {
        let (carrier, user) = (&system.carrier, Number::parse(self.personal.number(2)).unwrap());
        let installation = InstallationId::of_identity(b"an identity");
        let caller = Caller::new(Address::user(user), installation, Incarnation::new(1));
        carrier.register(&caller, &NumberProof::none()).await.unwrap();
        let sealed_bytes = Sealer::new(100, &SystemRng).unwrap().sealed_bytes();
        let (blob, size) = (BlobId::new(&SystemRng), BlobSize::new(sealed_bytes).unwrap());
        carrier.upload_progress(&caller, &blob).await.unwrap_err();
        carrier.begin_upload(&caller, &blob, size).await.unwrap();
        let sealed = vec![0xa5; usize::try_from(size.bytes()).unwrap()];
        assert!(carrier.upload(&caller, &blob, 0, sealed.into()).await.unwrap().is_complete());
        carrier.upload_progress(&caller, &blob).await.unwrap();
        carrier.download(&caller, &blob, 0, 100).await.unwrap();
        carrier.delete(&caller, &blob).await.unwrap();
    }

    /// A device brings a file to the carrier and fetches it, and the relay keeps one of the business.
    async fn files_come_and_go(&self, system: &System) {
        let number = Number::parse(self.personal.number(2)).unwrap();
        let (clock, rng) = (Arc::new(SystemClock), Arc::new(SystemRng));
        let (line, proof) = (InProcess::new(system.carrier.clone()), NumberProof::none());
        let device = Device::register(MemoryStore::new(), line, clock, rng, number, proof).await.unwrap();
        let pointer = device.upload(5, "text/plain", &mut &b"words"[..]).await.unwrap();
        device.download(&pointer, &mut Vec::new()).await.unwrap();
        device.close().await;

        let relay = &self.running.relay;
        let media = relay.begin_media(SHOP).unwrap();
        relay.put_media_chunk(SHOP, media, 0, (&b"words"[..]).into()).await.unwrap();
        let described = MediaDescription::new("text/plain", 5, [7; 32]).unwrap();
        relay.finish_media(SHOP, media, described).await.unwrap();
        relay.media(SHOP, media).await.unwrap();
        relay.delete_media(SHOP, media).await.unwrap();
        self.a_template_comes_and_goes().await;
    }

    async fn a_template_comes_and_goes(&self) {
        let relay = &self.running.relay;
        let hello = TemplateText::new("Hello");
        let hello = TemplateDefinition::new("hello", "en", Category::Utility, hello);
        let id = relay.create_template(SHOP, hello.clone()).await.unwrap().id;
        assert_eq!(relay.templates(SHOP, TemplateQuery::new(1)).await.unwrap().total, 1);
        relay.edit_template(SHOP, id, hello).await.unwrap();
        relay.review_template(SHOP, id, Review::approved()).await.unwrap();
        relay.preview_template(SHOP, OutgoingTemplate::new("hello", "en")).await.unwrap();
        relay.delete_template(SHOP, id).await.unwrap();
        self.something_is_configured().await;
    }

    async fn something_is_configured(&self) {
        let (relay, stranger) = (&self.running.relay, Number::parse(self.personal.stranger()).unwrap());
        let key = ConfigurationKey::new(ConfigurationOwner::Number, 1, "profile");
        let value = self.personal.text().into();
        relay.configure(SHOP, key.clone(), None, Some(value)).await.unwrap();
        let since = relay.configured(SHOP, key.clone()).await.unwrap().unwrap().version;
        relay.configure(SHOP, key, Some(since), None).await.unwrap();
        relay.set_blocked(SHOP, stranger.clone(), true).await.unwrap();
        assert_eq!(relay.blocked(SHOP, PageStart::First, 9).await.unwrap().len(), 1);
        relay.set_blocked(SHOP, stranger, false).await.unwrap();
        relay.set_registered(SHOP, true).await.unwrap();
    }

    /// A user's second device writes before the first has listed it, and after that.
    async fn a_second_device_is_listed(&self, system: &System) {
        let number = Number::parse(self.personal.number(2)).unwrap();
        let open = async |id: DeviceId| {
            let (clock, rng, proof) = (Arc::new(SystemClock), Arc::new(SystemRng), NumberProof::none());
            let (store, line) = (MemoryStore::new(), InProcess::new(system.carrier.clone()));
            Device::register_as(store, line, clock, rng, number.clone(), id, proof).await.unwrap()
        };
        let second = DeviceId::new(2).unwrap();
        let (phone, desk) = (open(DeviceId::PRIMARY).await, open(second).await);
        for _ in 0..2 {
            let words = Text::new(self.personal.text()).unwrap();
            desk.send(SHOP, &Content::text(words)).await.unwrap();
            a_moment().await;
            assert!(phone.approve_device(second, &desk.identity()).await.unwrap());
        }
        desk.close().await;
        phone.close().await;
    }

    async fn somebody_is_erased(&self, system: &System) {
        let gone = Number::parse(self.personal.number(2)).unwrap();
        self.running.relay.erase(&gone).await.unwrap();
        system.carrier.remove_device(&gone, DeviceId::PRIMARY).await.unwrap();
        system.carrier.erase(&gone).await.unwrap();
    }

    async fn the_disk_fails(self, system: &System) -> Self {
        let Self { personal, shop, running } = self;
        running.store.engine().stop();
        let request = write(personal, 0);
        request.fail(running.api).await;
        drop(running.relay.stopped().await);
        request.fail(running.api).await;
        running.close().await;
        let running = system.relay("relay").await.unwrap();
        Self { personal, shop, running }
    }

    /// Everything of the business is lost, and it registers its number again.
    async fn the_business_begins_anew(self, system: &System, alice: &User) {
        let Self { personal, shop, running } = self;
        running.close().await;
        let running = system.relay("anew").await.unwrap();
        // Sealed for the business that was.
        says(personal, alice).await;
        a_moment().await;
        let text = says(personal, alice).await;
        shop.is_told(&[&text]).await;
        running.close().await;
        // Now there is none to seal it for.
        system.carrier.erase_business(SHOP).await.unwrap();
        says(personal, alice).await;
        a_moment().await;
    }

    async fn rows_are_spoilt(&self, alice: &User) {
        // Of this relay alone: what it has not written is not spoilt.
        let text = says(self.personal, alice).await;
        self.shop.is_told(&[&text]).await;
        write(self.personal, 0).succeed(self.running.api).await;
        a_moment().await;
        assert!(self.running.store.engine().spoil().await > 0, "nothing was spoilt");
        let text = self.personal.text();
        drop(alice.device.send(SHOP, &Content::text(Text::new(text).unwrap())).await);
        drop(write(self.personal, 0).make(self.running.api).await);
        drop(write(self.personal, 3).make(self.running.api).await);
        a_moment().await;
    }
}

/// The user writes something.
async fn says(personal: &PersonalData, user: &User) -> String {
    let text = personal.text();
    user.say(Content::text(Text::new(&text).unwrap())).await;
    text
}

/// The business writes to user `place`.
fn write(personal: &PersonalData, place: usize) -> Request {
    requests::text(&personal.spelled(place), &personal.text(), personal)
}

/// What a name of the Graph API stands for.
fn message_ref(name: &str) -> MessageRef {
    use base64::Engine;
    let handle =
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(name.strip_prefix("wamid.").unwrap());
    MessageRef::from_bytes(handle.unwrap()[..].try_into().unwrap()).unwrap()
}

fn message_id(name: &str) -> MessageId {
    message_ref(name).id()
}
