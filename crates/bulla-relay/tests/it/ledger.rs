//! Carrier and relay count deliveries each from their own records, and agree on the bill.

use std::sync::Arc;
use std::time::Duration;

use bulla_base::{BusinessAccountId, Category, DeviceId, MessageId, Number, SeededRng};
use bulla_device::Device;
use bulla_meter::{
    Answer, BillingSigner, Comparison, CountedPeriod, Currency, DifferenceKind, Hour, Leaf, LedgerSettings,
    LocalDate, Period, Price, PricingCategory, PricingType, RateCard, Rater, Report, Side, SignedStatement,
    Statement, StatementParts, TagKey, Tariff, TypeRule, UsageKey, Zone,
};
use bulla_relay::{Outgoing, Settings};
use bulla_store::{Counter, MemoryStore, Retention, Space, Store};
use bulla_transport::NumberProof;

use crate::world::{SHOP, World, alice, to};

const LEDGER_COUNTS: Space = Space::new(0x7f);
const LEDGER_MESSAGES: Space = Space::new(0x80);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// More than a device takes to say what it has, and a carrier to take note of it.
const SETTLED: Duration = Duration::from_secs(60);

fn ledger() -> LedgerSettings {
    LedgerSettings::new(TagKey::from_bytes([7; 32].into()))
}

fn always() -> Period {
    Period::new(Hour::from_minutes(0), Hour::from_minutes(u32::MAX)).unwrap()
}

fn french() -> Number {
    Number::parse("+33612345678").unwrap()
}

impl World {
    async fn metered() -> Self {
        Self::metered_as(ledger(), Settings::default()).await
    }

    async fn metered_as(ledger: LedgerSettings, settings: Settings) -> Self {
        let ours = ledger.clone();
        Self::on(settings.ledger(ours), |carrier| carrier.with_ledger(ledger)).await
    }

    fn account(&self) -> BusinessAccountId {
        self.relay.business(SHOP).unwrap().account()
    }

    /// What the relay has counted, and what the carrier has.
    async fn both(&self) -> [CountedPeriod; 2] {
        let theirs = self.line.ledger().ledger(SHOP, self.account(), always()).await.unwrap();
        [self.relay.ledger(SHOP, self.account(), always()).await.unwrap(), theirs]
    }

    /// The same of both, which agree and have no drift.
    async fn agreed(&self) -> CountedPeriod {
        let [relay, carrier] = self.both().await;
        assert_eq!(relay, carrier);
        assert_eq!((relay.drift(), carrier.drift()), (vec![], vec![]));
        assert!(relay.messages().iter().all(|(_, times)| *times == 1), "{relay:?}");
        relay
    }

    async fn send(&self, message: Outgoing) -> MessageId {
        self.relay.submit(SHOP, message).await.unwrap().id()
    }

    async fn phone(
        &self,
        store: &Arc<MemoryStore>,
        number: u8,
    ) -> Device<Arc<MemoryStore>, crate::world::Line> {
        let (clock, rng) = (Arc::clone(&self.clock), Arc::clone(&self.rng));
        let (store, line, proof) = (Arc::clone(store), self.line.clone(), NumberProof::none());
        let number = DeviceId::new(number).unwrap();
        Device::register_as(store, line, clock, rng, alice(), number, proof).await.unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn both_sides_have_each_delivered_message_once_under_the_same_key() {
    let world = World::metered().await;
    let (phone, other) = (world.device(alice()).await, world.device(french()).await);
    let sent = [
        world.send(to(alice(), "one").category(Category::Utility)).await,
        world.send(to(alice(), "two").category(Category::Utility)).await,
        world.send(to(french(), "buy").category(Category::Marketing)).await,
    ];
    world.send(to(Number::parse("+4915112345678").unwrap(), "is anybody there?")).await;
    world.pass(SETTLED).await;
    let counted = world.agreed().await;
    let mut tags: Vec<_> = sent.map(|id| ledger().tags().tag_of_number(SHOP, id)).into();
    tags.sort();
    let deliveries = counted.deliveries(&Zone::utc());
    assert_eq!(deliveries.iter().map(|(tag, _)| *tag).collect::<Vec<_>>(), tags);
    let units = |category| {
        let of = |(key, _): &&(UsageKey, i64)| key.traits().category == category;
        counted.counts().counts().iter().filter(of).map(|(_, units)| units).sum::<i64>()
    };
    assert_eq!([PricingCategory::Utility, PricingCategory::Marketing].map(units), [2, 1]);
    // What is read later is billed already.
    phone.next().await.unwrap();
    other.next().await.unwrap();
    world.pass(SETTLED).await;
    assert_eq!(world.agreed().await, counted);
}

#[tokio::test(start_paused = true)]
async fn a_message_is_one_on_however_many_devices_and_however_often_it_was_sent() {
    let world = World::metered().await;
    let phone = world.phone(&Arc::default(), 1).await;
    let desk = world.phone(&Arc::default(), 2).await;
    assert!(phone.approve_device(DeviceId::new(2).unwrap(), &desk.identity()).await.unwrap());
    world.send(to(alice(), "to both")).await;
    world.pass(SETTLED).await;
    assert_eq!(world.agreed().await.messages().len(), 1);
    // The devices ask for what they cannot open.
    world.line.garble("users", 2);
    world.send(to(alice(), "once more")).await;
    world.pass(MINUTE * 10).await;
    assert_eq!(world.agreed().await.messages().len(), 2);
}

/// A message is of the hour in which it was accepted, for both: a receipt takes a while, and midnight comes.
#[tokio::test(start_paused = true)]
async fn what_is_delivered_after_midnight_is_of_the_day_on_which_it_was_accepted() {
    let world = World::metered().await;
    let rows = Arc::<MemoryStore>::default();
    world.phone(&rows, 1).await.close().await;
    let id = world.send(to(alice(), "late")).await;
    world.pass(DAY).await;
    let _phone = world.phone(&rows, 1).await;
    world.pass(SETTLED).await;
    let counted = world.agreed().await;
    let [(message, 1)] = counted.messages() else { panic!("{counted:?}") };
    assert_eq!(message.key().hour(), Hour::quarter(id.time()));
    let day = Zone::utc().midnight(Zone::utc().date(message.key().hour()));
    let next = Hour::from_minutes(day.minutes() + 24 * 60);
    let of = |from, to| Period::new(from, to).unwrap();
    let count = async |period| {
        let theirs = world.line.ledger().ledger(SHOP, world.account(), period).await.unwrap();
        (
            world.relay.ledger(SHOP, world.account(), period).await.unwrap().messages().len(),
            theirs.messages().len(),
        )
    };
    assert_eq!(count(of(day, next)).await, (1, 1));
    assert_eq!(count(of(next, Hour::from_minutes(u32::MAX))).await, (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_comes_to_a_device_after_it_has_failed_is_a_difference_that_is_found() {
    let lives = Retention::new(MINUTE * 10).unwrap();
    let world = World::metered_as(ledger(), Settings::default().time_to_live(lives)).await;
    let rows = Arc::<MemoryStore>::default();
    world.phone(&rows, 1).await.close().await;
    let id = world.send(to(alice(), "too late")).await;
    world.pass(DAY).await;
    let _phone = world.phone(&rows, 1).await;
    world.send(to(alice(), "in time")).await;
    world.pass(SETTLED).await;
    let [relay, carrier] = world.both().await;
    let report = compare(leaves(&relay), leaves(&carrier));
    let [difference] = report.differences() else { panic!("{report}") };
    assert_eq!(difference.kind, DifferenceKind::OnlyThere);
    assert_eq!(difference.tag(), Some(ledger().tags().tag_of_number(SHOP, id)));
    assert_eq!((relay.drift(), carrier.drift()), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_in_it_and_it_stays_when_a_user_is_erased() {
    let world = World::metered().await;
    let _phone = world.device(alice()).await;
    let id = world.send(to(alice(), "hello")).await;
    // It has the message, and the carrier has not taken note of that.
    world.pass(Duration::from_secs(1)).await;
    world.line.ledger().erase(&alice()).await.unwrap();
    world.pass(SETTLED).await;
    world.relay.erase(&alice()).await.unwrap();
    let counted = world.agreed().await;
    assert_eq!(counted.messages().len(), 1);
    for (counter, _) in counters(&world.rows).await {
        let name = counter.name();
        let has = |bytes: &[u8]| name.windows(bytes.len()).any(|window| window == bytes);
        assert!(!has(alice().digits().as_bytes()) && !has(&id.as_bytes()[..]));
    }
}

/// Removing a device forgets what is queued for it, and what of that it has acknowledged.
#[tokio::test(start_paused = true)]
async fn what_a_device_had_before_it_was_removed_is_counted() {
    let world = World::metered().await;
    let _phone = world.phone(&Arc::default(), 1).await;
    world.send(to(alice(), "hello")).await;
    world.pass(Duration::from_secs(1)).await;
    let [relay, carrier] = world.both().await;
    assert_eq!(
        (relay.messages().len(), carrier.messages().len()),
        (1, 0),
        "it is noted, and not yet counted"
    );
    assert!(world.line.ledger().remove_device(&alice(), DeviceId::new(1).unwrap()).await.unwrap());
    assert_eq!(world.agreed().await.messages().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn each_is_forgotten_when_the_host_says() {
    let world = World::metered_as(ledger().keep_messages(40).keep_counts(50), Settings::default()).await;
    let _phone = world.device(alice()).await;
    world.send(to(alice(), "hello")).await;
    world.pass(SETTLED).await;
    world.agreed().await;
    for (days, expected) in [(39, (1, 1)), (2, (0, 1)), (8, (0, 1)), (3, (0, 0))] {
        world.pass(DAY * days).await;
        let [relay, carrier] = world.both().await;
        let kept = |counted: &CountedPeriod| (counted.messages().len(), counted.counts().len());
        assert_eq!((kept(&relay), kept(&carrier)), (expected, expected), "after {days} days more");
    }
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_its_business_if_the_host_says_so_and_else_stays_for_the_bill() {
    for (settings, ours_left, theirs_left) in [(ledger(), 2, 3), (ledger().end_with_business(), 0, 0)] {
        let world = World::metered_as(settings, Settings::default()).await;
        let rows = Arc::<MemoryStore>::default();
        let phone = world.phone(&rows, 1).await;
        world.send(to(alice(), "hello")).await;
        world.pass(SETTLED).await;
        world.agreed().await;
        phone.close().await;
        // The user gets this one when the business is gone.
        world.send(to(alice(), "bye")).await;
        world.pass(MINUTE).await;
        let account = world.account();
        world.relay.erase_business(SHOP).await.unwrap();
        world.line.ledger().erase_business(SHOP).await.unwrap();
        let phone = world.phone(&rows, 1).await;
        for _ in 0..2 {
            phone.next().await.unwrap();
        }
        world.pass(SETTLED).await;
        assert_eq!(counters(&world.rows).await.len(), ours_left);
        let ours = world.relay.ledger(SHOP, account, always()).await.unwrap();
        assert_eq!(ours.messages().len() + ours.counts().len(), ours_left);
        let theirs = world.line.ledger().ledger(SHOP, account, always()).await.unwrap();
        assert_eq!(theirs.messages().len() + theirs.counts().len(), theirs_left);
    }
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_no_ledger_has_none() {
    let world = World::new().await;
    let _phone = world.device(alice()).await;
    world.send(to(alice(), "hello")).await;
    world.pass(SETTLED).await;
    assert_eq!(world.both().await, [CountedPeriod::default(), CountedPeriod::default()]);
}

/// The whole way of a bill: counted, rated, signed, counter-signed, compared; and then with what does not
/// agree.
#[tokio::test(start_paused = true)]
async fn a_period_is_signed_by_both_and_each_planted_difference_is_found() {
    let world = World::metered().await;
    let (_phone, _other) = (world.device(alice()).await, world.device(french()).await);
    for number in 0..40 {
        let user = if number % 3 == 0 { french() } else { alice() };
        let category = [Category::Utility, Category::Marketing, Category::Service][number % 3];
        world.send(to(user, &format!("number {number}")).category(category)).await;
        world.pass(MINUTE * 20).await;
    }
    world.pass(SETTLED).await;
    let counted = world.agreed().await;
    assert_eq!(counted.messages().len(), 40);

    // Each makes the statement from what it has, and they come to the same, to the byte.
    let (zone, card) = (Zone::utc(), card());
    let tariff = Tariff::new(&card, &zone);
    let [relay, carrier] = world.both().await.map(|counted| leaves(&counted));
    let first = Zone::utc().date(counted.messages()[0].0.key().hour());
    let month = zone.month(first);
    let made = |leaves: &[Leaf]| {
        Statement::new(StatementParts::new(world.account(), month, &zone, &tariff), leaves).unwrap()
    };
    let (ours, theirs) = (made(&relay), made(&carrier));
    assert_eq!(ours.to_bytes(), theirs.to_bytes());
    assert_eq!(theirs.verify(&relay, &card, &[]), Ok(()));
    let [operator, host] = [1, 2].map(|seed| BillingSigner::generate(&SeededRng::new(seed)));
    let signed = SignedStatement::issue(theirs, &operator).counter_sign(&host);
    assert!(signed.verify(operator.public(), host.public()));
    assert!(matches!(signed.answer(), Some(Answer::CounterSigned { .. })));
    assert!(compare(relay.clone(), carrier.clone()).differences().is_empty());

    // One side has lost two, and has one as something else.
    let mut wrong = carrier.clone();
    let lost = [wrong.remove(31), wrong.remove(7)];
    wrong[3].traits.category = PricingCategory::Authentication;
    let report = compare(relay, wrong.clone());
    assert_eq!(report.differences().len(), 3, "{report}");
    for lost in lost {
        let is_lost = |difference: &&bulla_meter::Difference| difference.tag() == Some(lost.tag);
        let found = report.differences().iter().find(is_lost).unwrap();
        assert_eq!(found.kind, DifferenceKind::OnlyHere);
    }
    let other = |difference: &&bulla_meter::Difference| difference.tag() == Some(wrong[3].tag);
    assert_eq!(report.differences().iter().find(other).unwrap().kind, DifferenceKind::OtherCategory);
}

fn card() -> RateCard {
    let from = LocalDate::parse("2026-01-01").unwrap();
    let price = |(category, micros)| Price::of_message(from, category, None, micros).unwrap();
    let prices = [
        (PricingCategory::Utility, 7_700),
        (PricingCategory::Marketing, 113_100),
        (PricingCategory::Service, 1_000),
    ];
    let rules = TypeRule::everywhere(from, |_, _| PricingType::Regular);
    let prices = prices.map(price).into();
    RateCard::new("ours-2026", Currency::parse("EUR").unwrap(), rules, prices, Vec::new()).unwrap()
}

fn leaves(counted: &CountedPeriod) -> Vec<Leaf> {
    let (zone, card) = (Zone::utc(), card());
    let tariff = Tariff::new(&card, &zone);
    Rater::new(&tariff, &zone).rate(&counted.deliveries(&zone)).unwrap()
}

/// What the sides with these leaves do not agree on.
fn compare(here: Vec<Leaf>, there: Vec<Leaf>) -> Report {
    let [here, there] = [here, there].map(|leaves| Side::new(Zone::utc(), leaves).unwrap());
    let mut comparison = Comparison::new(&here);
    while let Some(question) = comparison.question() {
        comparison.answer(&there.answer(&question).unwrap()).unwrap();
    }
    comparison.finish().unwrap()
}

/// What a store has of the ledger.
async fn counters(store: &MemoryStore) -> Vec<(Counter, u64)> {
    let counts = store.counters(LEDGER_COUNTS, b"", None).await.unwrap();
    let messages = store.counters(LEDGER_MESSAGES, b"", None).await.unwrap();
    counts.into_iter().chain(messages).collect()
}
