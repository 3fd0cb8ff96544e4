//! What a carrier that protects users does about a business, as the business sees it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Category, Number, Party, PhoneNumberId};
use bulla_carrier::{Carrier, Reason};
use bulla_relay::{
    AccountEvent, Event, Failure, MessageRef, Outgoing, Relay, Restriction, StandingChange, Status,
};
use bulla_store::{
    Batch, BoxStore, Failure as StoreFailure, FaultyStore, MemoryStore, Space, Store, StoreCall, StoreError,
};

use crate::cancellation::{of, rows};
use crate::world::{Line, SHOP, TestDevice, TestRelay, World, alice, business, says, text};

const HOUR: Duration = Duration::from_secs(3_600);
const ACCOUNT_EVENT: Space = Space::new(0x77);
const STANDING: Space = Space::new(0x7b);

/// The same world with a carrier that protects users, and a relay for the shop alone.
async fn protected() -> (World, TestRelay) {
    let world = World::new().await;
    let store = BoxStore::new(world.store.clone());
    protected_on(world, store).await
}

async fn protected_on(mut world: World, store: BoxStore) -> (World, TestRelay) {
    world.relay.close().await;
    let (rows, clock) = (Arc::new(MemoryStore::new()), Arc::clone(&world.clock));
    let carrier = Carrier::open(rows, clock, &*world.rng).await.unwrap();
    world.line = Line::to(carrier.with_protection(Arc::clone(&world.rng)));
    let (line, sink) = (world.line.clone(), world.sink.clone());
    let (clock, rng) = (Arc::clone(&world.clock), Arc::clone(&world.rng));
    let builder = Relay::builder(store, line, sink, clock, rng);
    let relay = builder.business(business(SHOP)).open().await.unwrap();
    (world, relay)
}

/// Numbers far from each other.
fn user(number: u64) -> Number {
    Number::parse(&format!("1650{:07}", number * 4_321)).unwrap()
}

async fn write(relay: &TestRelay, user: &Number) -> MessageRef {
    relay.submit(SHOP, Outgoing::new(user.clone(), text("Half price!"))).await.unwrap()
}

fn statuses(world: &World, of: MessageRef) -> Vec<Status> {
    let status = |event: Event| match event {
        Event::Status(about, update) if about.message == of => Some(update.status),
        _ => None,
    };
    world.sink.taken().into_iter().filter_map(status).collect()
}

fn change(event: &AccountEvent) -> StandingChange {
    let AccountEvent::Standing(update) = event else { panic!("{event:?}") };
    assert_eq!(update.business, SHOP);
    update.change
}

/// So many users get a message, one an hour, and report it.
async fn complaints(world: &World, relay: &TestRelay, users: std::ops::Range<u64>) -> Vec<TestDevice> {
    let mut phones = Vec::new();
    for number in users {
        let phone = world.device(user(number)).await;
        let sent = write(relay, &user(number)).await;
        world.pass(HOUR).await;
        phone.report(SHOP, &[sent.id()], Reason::Spam, false).await.unwrap();
        phones.push(phone);
    }
    phones
}

#[tokio::test(start_paused = true)]
async fn who_writes_too_fast_waits_and_what_it_has_written_goes_by_itself() {
    let (world, relay) = protected().await;
    let mut phones = Vec::new();
    for number in 0..12 {
        phones.push(world.device(user(number)).await);
    }
    let mut sent = Vec::new();
    for number in 0..12 {
        sent.push(write(&relay, &user(number)).await);
    }
    world.pass(Duration::from_secs(60)).await;
    let went = sent.iter().filter(|sent| statuses(&world, **sent).contains(&Status::Sent)).count();
    assert_eq!(went, 10);
    world.pass(2 * HOUR).await;
    for sent in sent {
        assert_eq!(statuses(&world, sent)[..2], [Status::Sent, Status::Delivered]);
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_restricted_is_told_so_of_each_message_and_answers_those_it_knows() {
    let (world, relay) = protected().await;
    let _phones = complaints(&world, &relay, 0..6).await;
    let (phone, stranger) = (world.device(alice()).await, world.device(user(900)).await);
    let refused = write(&relay, &user(900)).await;
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(statuses(&world, refused), [Status::Failed(Failure::Restricted)]);
    // And once of its number.
    write(&relay, &user(900)).await;
    world.pass(Duration::from_secs(60)).await;
    let told = world.sink.of_accounts();
    let [warned, AccountEvent::Restriction(update)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(change(warned), StandingChange::Warned);
    let day = update.until.unwrap().since(update.at);
    assert_eq!((update.business, update.restriction), (SHOP, Restriction::Limited));
    let stands = async || relay.standing(SHOP).await.unwrap().unwrap().restriction;
    assert_eq!(stands().await, Some((Restriction::Limited, update.until)));
    assert!(day <= 24 * HOUR && day > 22 * HOUR, "{day:?}");
    phone.send(SHOP, &says("hello")).await.unwrap();
    world.pass(Duration::from_secs(60)).await;
    let answer = write(&relay, &alice()).await;
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(statuses(&world, answer)[..2], [Status::Sent, Status::Delivered]);
    // Nothing was lost but that message: in the same session the next one is opened.
    world.pass(24 * HOUR).await;
    assert_eq!(stands().await, None, "its time is over");
    let next = write(&relay, &user(900)).await;
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(statuses(&world, next)[..2], [Status::Sent, Status::Delivered]);
    drop(stranger);
    assert!(world.line.ledger().standing(PhoneNumberId::new(1)).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_reply_behind_a_paced_message_goes_within_a_minute() {
    let (world, relay) = protected().await;
    let mut phones = Vec::new();
    for number in 0..11 {
        phones.push(world.device(user(number)).await);
    }
    for number in 0..10 {
        write(&relay, &user(number)).await;
    }
    let paced = write(&relay, &user(10)).await;
    world.pass(Duration::from_secs(120)).await;
    assert_eq!(statuses(&world, paced), []);
    // Who writes first is nobody new.
    phones[10].send(SHOP, &says("who are you?")).await.unwrap();
    world.pass(Duration::from_secs(1)).await;
    let reply = write(&relay, &user(10)).await;
    world.pass(Duration::from_secs(60)).await;
    for sent in [paced, reply] {
        assert_eq!(statuses(&world, sent)[..2], [Status::Sent, Status::Delivered]);
    }
}

/// Before anything is refused, and though a relay that was away did not look.
#[tokio::test(start_paused = true)]
async fn each_change_is_told_once_whether_or_not_the_relay_was_there() {
    let (mut world, relay) = protected().await;
    let mut phones = Vec::new();
    for number in 0..6 {
        let phone = world.device(user(number)).await;
        let sent = write(&relay, &user(number)).await;
        world.pass(HOUR).await;
        phones.push((phone, sent));
    }
    for (phone, sent) in &phones[..5] {
        phone.report(SHOP, &[sent.id()], Reason::Spam, false).await.unwrap();
    }
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(world.sink.of_accounts().iter().map(change).collect::<Vec<_>>(), [StandingChange::Warned]);
    relay.close().await;
    let (phone, sent) = &phones[5];
    phone.report(SHOP, &[sent.id()], Reason::Spam, false).await.unwrap();
    for _ in 0..2 {
        world.relay = world.reopen_for(vec![business(SHOP)]).await.unwrap();
        world.pass(Duration::from_secs(1)).await;
        world.relay.close().await;
    }
    let told = world.sink.of_accounts();
    let [_, AccountEvent::Restriction(update)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(update.restriction, Restriction::Limited);
    // Its end, too, in the minute in which it comes.
    world.relay = world.reopen_for(vec![business(SHOP)]).await.unwrap();
    world.pass(23 * HOUR).await;
    assert_eq!(world.sink.of_accounts().len(), 2);
    world.pass(HOUR + Duration::from_secs(120)).await;
    let told = world.sink.of_accounts();
    let ended = StandingChange::RestrictionEnded { was: Restriction::Limited };
    assert!(told.len() == 3 && change(&told[2]) == ended, "{told:?}");
}

/// A store that takes no commits in which something of `space` is put.
fn refuse(store: &FaultyStore<MemoryStore>, space: Space) {
    store.fail_when(move |call| match call {
        StoreCall::Commit(batch) if batch.puts().iter().any(|put| put.key.space() == space) => {
            let source = io::ErrorKind::StorageFull.into();
            Some(StoreFailure::Refused(StoreError::Unavailable { source }))
        }
        _ => None,
    });
}

/// The carrier says once how a business stands, and a store had no room just then: nobody ever heard of it.
#[tokio::test(start_paused = true)]
async fn a_change_that_could_not_be_written_down_is_told_when_it_can_be() {
    let store = FaultyStore::new(MemoryStore::new());
    let (world, relay) = protected_on(World::new().await, BoxStore::new(store.clone())).await;
    refuse(&store, ACCOUNT_EVENT);
    let _phones = complaints(&world, &relay, 0..5).await;
    world.pass(HOUR).await;
    assert_eq!(world.sink.of_accounts(), []);
    store.recover();
    world.pass(HOUR).await;
    let told: Vec<_> = world.sink.of_accounts().iter().map(change).collect();
    assert_eq!(told, [StandingChange::Warned]);
}

/// Perhaps more than once, but at once.
#[tokio::test(start_paused = true)]
async fn a_change_is_told_though_it_cannot_be_noted_that_it_was() {
    let store = FaultyStore::new(MemoryStore::new());
    let (world, relay) = protected_on(World::new().await, BoxStore::new(store.clone())).await;
    refuse(&store, STANDING);
    let _phones = complaints(&world, &relay, 0..5).await;
    world.pass(Duration::from_secs(60)).await;
    let told: Vec<_> = world.sink.of_accounts().iter().map(change).collect();
    assert!(!told.is_empty() && told.iter().all(|told| *told == StandingChange::Warned), "{told:?}");
}

/// What a business was told is advice: it is told again, and goes on.
#[tokio::test(start_paused = true)]
async fn a_damaged_row_of_what_was_told_is_overwritten_and_suspends_nobody() {
    let (mut world, relay) = protected().await;
    let _phones = complaints(&world, &relay, 0..5).await;
    world.pass(Duration::from_secs(60)).await;
    relay.close().await;
    let home = of(&*world.rows, &Party::Business(SHOP)).await;
    let row = rows(&world.rows, &[home]).await.into_iter().find(|row| row.key.space() == STANDING).unwrap();
    let mut batch = Batch::new(home);
    batch.put(row.key, vec![0xff]);
    let _ = world.rows.commit(batch).await.unwrap();
    for _ in 0..2 {
        world.relay = world.reopen_for(vec![business(SHOP)]).await.unwrap();
        world.pass(Duration::from_secs(60)).await;
        let told: Vec<_> = world.sink.of_accounts().iter().map(change).collect();
        assert_eq!(told, [StandingChange::Warned; 2], "once more, and not again");
        let phone = world.device(user(900)).await;
        let sent = write(&world.relay, &user(900)).await;
        world.pass(Duration::from_secs(60)).await;
        assert_eq!(statuses(&world, sent)[..2], [Status::Sent, Status::Delivered]);
        drop(phone);
        world.relay.close().await;
    }
}

/// A host that erases a number has it begin anew.
#[tokio::test(start_paused = true)]
async fn what_an_erased_number_was_told_is_forgotten_with_it() {
    let (world, relay) = protected().await;
    let _phones = complaints(&world, &relay, 0..5).await;
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(world.sink.of_accounts().len(), 1);
    relay.erase_business(SHOP).await.unwrap();
    relay.add_business(business(SHOP)).await.unwrap();
    world.pass(Duration::from_secs(60)).await;
    let told: Vec<_> = world.sink.of_accounts().iter().map(change).collect();
    assert_eq!(told, [StandingChange::Warned; 2], "the carrier still knows");
}

#[tokio::test(start_paused = true)]
async fn a_promotion_that_is_one_too_many_for_its_user_is_told_as_failed() {
    let (world, relay) = protected().await;
    let phone = world.device(alice()).await;
    for _ in 0..4 {
        let offer = Outgoing::new(alice(), text("Half price!")).category(Category::Marketing);
        let sent = relay.submit(SHOP, offer).await.unwrap();
        world.pass(Duration::from_secs(1)).await;
        assert_eq!(statuses(&world, sent)[..2], [Status::Sent, Status::Delivered]);
    }
    let offer = Outgoing::new(alice(), text("Half price!")).category(Category::Marketing);
    let refused = relay.submit(SHOP, offer).await.unwrap();
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(statuses(&world, refused), [Status::Failed(Failure::MarketingLimit)]);
    // In the same session the next one is opened.
    let next = write(&relay, &alice()).await;
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(statuses(&world, next)[..2], [Status::Sent, Status::Delivered]);
    drop(phone);
}
