//! A business writes to so many users outside their windows in 24 hours, and a user gets so many promotions.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Address, Category, Clock, MessageId, Number, PhoneNumberId, SeededRng, Tier};
use bulla_carrier::Carrier;
use bulla_envelope::{Envelope, Form, FrankingTag, Kind};
use bulla_integrity::Rung;
use bulla_store::{BoxStore, Failure, FaultyStore, MemoryStore, Space, StoreError};
use bulla_transport::{Caller, InProcess, Transport, TransportError};

use crate::{NOW, SHOP, World, alice, caller, days, shop};

const HOUR: Duration = Duration::from_secs(3_600);

fn protecting(carrier: Carrier<BoxStore>) -> Carrier<BoxStore> {
    carrier.with_protection(Arc::new(SeededRng::new(7)))
}

/// A world whose carrier protects users, and a business of which somebody knows who it is: it begins faster.
async fn verified() -> (World, Caller) {
    let world = World::changed(protecting).await;
    let us = world.join(shop()).await;
    assert!(world.carrier.verify_business(SHOP).await.unwrap());
    (world, us)
}

/// Numbers far from each other, of whom nobody needs keys.
async fn users(world: &World, numbers: std::ops::Range<u64>) -> Vec<Caller> {
    users_of(&world.transport(), numbers).await
}

async fn users_of(transport: &impl Transport, numbers: std::ops::Range<u64>) -> Vec<Caller> {
    let mut users = Vec::new();
    for number in numbers {
        let number = Number::parse(&format!("165{:08}", number * 4_321)).unwrap();
        let user = caller(Address::user(number), 1);
        transport.connect(&user).await.unwrap();
        users.push(user);
    }
    users
}

async fn write(world: &World, us: &Caller, to: &Caller) -> Result<(), TransportError> {
    let id = MessageId::new(world.clock.now(), &world.rng);
    world.transport().send(us, world.envelope_with(id, us, to)).await
}

fn limit(outcome: Result<(), TransportError>) -> Option<Duration> {
    match outcome {
        Err(TransportError::MessagingLimit { retry_after }) => Some(retry_after),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn of_ten_thousand_in_flight_as_many_go_as_the_tier_has_left_and_not_one_more() {
    let (world, us) = verified().await;
    let users = users(&world, 0..10_201).await;
    for user in &users[..200] {
        write(&world, &us, user).await.unwrap();
    }
    world.clock.set(NOW.after(HOUR));
    let mut sending = tokio::task::JoinSet::new();
    for user in &users[200..10_200] {
        let id = MessageId::new(world.clock.now(), &world.rng);
        let (envelope, us, transport) = (world.envelope_with(id, &us, user), us.clone(), world.transport());
        sending.spawn(async move { transport.send(&us, envelope).await });
    }
    let outcomes = sending.join_all().await;
    let went = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let beyond = |outcome: &&Result<(), _>| matches!(outcome, Err(TransportError::MessagingLimit { .. }));
    assert_eq!((went, outcomes.iter().filter(beyond).count()), (50, 9_950));
    // Whom it has written to counts once, and who writes does not.
    write(&world, &us, &users[0]).await.unwrap();
    let answered = &users[10_200];
    assert_eq!(limit(write(&world, &us, answered).await), Some(23 * HOUR));
    write(&world, answered, &us).await.unwrap();
    write(&world, &us, answered).await.unwrap();
    // A day after the first they count no more, but for the one who was written to again.
    world.clock.set(NOW.after(days(1)));
    for user in &users[300..499] {
        if write(&world, &us, user).await.is_err() {
            panic!("199 count no more");
        }
    }
}

/// What the operator decides holds at once, and after a restart.
#[tokio::test]
async fn an_operator_raises_and_lowers_a_tier_and_a_restart_is_no_way_around_it() {
    let (mut world, us) = verified().await;
    let users = users(&world, 0..252).await;
    for user in &users[..250] {
        write(&world, &us, user).await.unwrap();
    }
    world.clock.set(NOW.after(HOUR));
    assert!(world.carrier.set_tier(SHOP, Tier::Users2K).await.unwrap());
    write(&world, &us, &users[250]).await.unwrap();
    assert!(world.carrier.set_tier(SHOP, Tier::Users250).await.unwrap());
    limit(write(&world, &us, &users[251]).await);
    world.carrier.close().await;
    world = world.restart_changed(protecting).await;
    // It was judged when the carrier closed: that somebody knows who it is does not undo what was decided.
    let told = world.transport().connect(&us).await.unwrap().standing.unwrap();
    assert_eq!(told.tier, Some(Tier::Users250));
    assert_eq!(limit(write(&world, &us, &users[251]).await), Some(23 * HOUR));
    write(&world, &us, &users[3]).await.unwrap();
    // Without a tier there is no such limit.
    world.carrier.set_tier(SHOP, Tier::Unlimited).await.unwrap();
    write(&world, &us, &users[251]).await.unwrap();
    world.carrier.erase_business(SHOP).await.unwrap();
    assert!(!world.carrier.set_tier(SHOP, Tier::Users2K).await.unwrap());
    let told = world.transport().connect(&us).await.unwrap().standing.unwrap();
    assert_eq!(told.tier, Some(Tier::Users250), "nothing is left of what was decided");
}

/// How many users stand in the store with their messages, and not in the rows of whom the business has met.
async fn apart(world: &World) -> usize {
    bulla_store::every_counter(&*world.store, Space::new(0x85), b"").await.unwrap().len()
}

/// A carrier once forgot the users whom a business had reached in the last minute when it was killed, and the
/// business reached as many again.
#[tokio::test]
async fn a_carrier_that_is_killed_forgets_nobody_who_counts() {
    let (mut world, us) = verified().await;
    // When it is judged it stays in its tier.
    assert!(world.carrier.set_tier(SHOP, Tier::Users250).await.unwrap());
    let users = users(&world, 0..252).await;
    for (killed, numbers) in [(true, 0..150), (false, 150..210), (true, 210..240)] {
        for number in numbers.clone() {
            write(&world, &us, &users[number]).await.unwrap();
        }
        if !killed {
            world.carrier.close().await;
            assert_eq!(apart(&world).await, 0, "all stand together");
        }
        world = world.restart_changed(protecting).await;
        assert_eq!(world.carrier.reached_users(SHOP).await.unwrap(), Some(numbers.end));
    }
    world.clock.set(NOW.after(HOUR));
    for user in &users[240..250] {
        write(&world, &us, user).await.unwrap();
    }
    world = world.restart_changed(protecting).await;
    assert_eq!(limit(write(&world, &us, &users[251]).await), Some(23 * HOUR));
    // Who counts may be written to, and counts once.
    for user in [&users[5], &users[245]] {
        write(&world, &us, user).await.unwrap();
    }
    world = world.restart_changed(protecting).await;
    assert_eq!(world.carrier.reached_users(SHOP).await.unwrap(), Some(250));
    // Those of the first hour are over, but for the one who was written to again.
    world.clock.set(NOW.after(days(1)));
    world = world.restart_changed(protecting).await;
    assert_eq!(world.carrier.reached_users(SHOP).await.unwrap(), Some(11));
    world.carrier.close().await;
    assert_eq!(apart(&world).await, 0);
}

/// The key of tags changes once a day: who was counted under the one and the other is one user.
#[tokio::test]
async fn who_is_written_to_on_two_days_counts_once_whenever_the_carrier_is_killed() {
    let (mut world, us) = verified().await;
    let users = users(&world, 0..2).await;
    for (hour, count) in [(20, 1), (25, 1), (48, 1), (49, 2), (72, 2), (73, 1)] {
        world.clock.set(NOW.after(HOUR * hour));
        let to = if hour == 49 { 1 } else { 0 };
        write(&world, &us, &users[to]).await.unwrap();
        world = world.restart_changed(protecting).await;
        assert_eq!(world.carrier.reached_users(SHOP).await.unwrap(), Some(count), "{hour}");
    }
    world.clock.set(NOW.after(HOUR * 98));
    assert_eq!(world.carrier.reached_users(SHOP).await.unwrap(), Some(0));
}

/// Of nobody who is erased anything stands apart, nor of a business that is.
#[tokio::test]
async fn what_stands_apart_is_erased_with_its_user_and_its_business() {
    for is_killed in [false, true] {
        let (mut world, us) = verified().await;
        let users = users(&world, 0..3).await;
        for user in &users {
            write(&world, &us, user).await.unwrap();
        }
        assert_eq!(apart(&world).await, 3);
        if is_killed {
            world = world.restart_changed(protecting).await;
        }
        world.carrier.erase(&Number::parse("16500000000").unwrap()).await.unwrap();
        assert_eq!(apart(&world).await, 0, "all stand together, or are forgotten");
        write(&world, &us, &users[1]).await.unwrap();
        assert_eq!(apart(&world).await, 1);
        world.carrier.erase_business(SHOP).await.unwrap();
        assert_eq!(apart(&world).await, 0);
    }
}

/// An erasure that a crash cut short once had every business begin anew when the next carrier opened: it
/// wrote to as many users again, and all windows were closed. So did one that was asked for before its
/// business had done anything.
#[tokio::test]
async fn an_erasure_forgets_who_is_erased_and_nobody_else_wherever_it_is_cut_short() {
    let erased = Number::parse("16500000000").unwrap();
    let (mut commits, mut is_cut_short) = (0, true);
    while is_cut_short {
        let (mut world, us) = verified().await;
        let users = users(&world, 0..6).await;
        for user in &users[..4] {
            write(&world, &us, user).await.unwrap();
        }
        // Her window is open.
        write(&world, &users[4], &us).await.unwrap();
        world.carrier.close().await;
        // Who stands apart as well.
        write(&world, &us, &users[5]).await.unwrap();
        let store = FaultyStore::new(Arc::clone(&world.store));
        let opened = Carrier::open(BoxStore::new(store.clone()), world.clock.clone(), &world.rng).await;
        let cut_short = protecting(opened.unwrap());
        let mut left = commits;
        store.fail_when(move |call| {
            let is_over = call.is_commit() && left == 0;
            left -= usize::from(call.is_commit() && left > 0);
            is_over.then(|| Failure::Refused(StoreError::Poisoned { source: None }))
        });
        is_cut_short = cut_short.erase(&erased).await.is_err();
        drop(cut_short);
        // It is finished before it is known that users are protected.
        world = world.restart_changed(protecting).await;
        world.carrier.erase(&erased).await.unwrap();
        assert_eq!(world.carrier.reached_users(SHOP).await.unwrap(), Some(4), "{commits}");
        assert_eq!(apart(&world).await, 0);
        for (user, count) in [(4, 4), (3, 4), (5, 4), (0, 5)] {
            world.transport().connect(&users[user]).await.unwrap();
            write(&world, &us, &users[user]).await.unwrap();
            assert_eq!(world.carrier.reached_users(SHOP).await.unwrap(), Some(count), "{commits} {user}");
        }
        commits += 1;
    }
    assert!(commits > 6, "{commits}");
}

/// A store that has no room for a moment costs nobody their place.
#[tokio::test]
async fn who_was_not_written_to_after_all_does_not_count() {
    let (world, store) = (World::new().await, FaultyStore::new(Arc::new(MemoryStore::new())));
    let carrier = Carrier::open(BoxStore::new(store.clone()), world.clock.clone(), &world.rng).await.unwrap();
    let carrier = Arc::new(protecting(carrier));
    let transport = InProcess::new(Arc::clone(&carrier));
    let us = caller(shop(), 1);
    transport.connect(&us).await.unwrap();
    carrier.verify_business(SHOP).await.unwrap();
    let full = || StoreError::Unavailable { source: io::ErrorKind::StorageFull.into() };
    let mut went = 0;
    for (hour, fails) in [(0, true), (1, false), (2, false)] {
        world.clock.set(NOW.after(HOUR * hour));
        for number in 0..150 {
            let number = Number::parse(&format!("165{:08}", u64::from(hour * 150 + number) * 4_321)).unwrap();
            let user = caller(Address::user(number), 1);
            transport.connect(&user).await.unwrap();
            if fails {
                store.fail_when(move |call| call.is_commit().then(|| Failure::Refused(full())));
            }
            let id = MessageId::new(world.clock.now(), &world.rng);
            let sent = transport.send(&us, world.envelope_with(id, &us, &user)).await;
            store.recover();
            went += usize::from(sent.is_ok());
            assert!(!(fails && sent.is_ok()));
        }
    }
    assert_eq!(went, 250, "those of the first hour do not count");
}

/// What fails in the carrier is no fault of the business: who writes to the same user until it is taken has
/// written once, and neither looks for numbers nor is too fast.
#[tokio::test]
async fn a_message_that_was_not_taken_is_held_against_nobody() {
    let (world, store) = (World::new().await, FaultyStore::new(Arc::new(MemoryStore::new())));
    let carrier = Carrier::open(BoxStore::new(store.clone()), world.clock.clone(), &world.rng).await.unwrap();
    let carrier = Arc::new(protecting(carrier));
    let transport = InProcess::new(Arc::clone(&carrier));
    let us = caller(shop(), 1);
    transport.connect(&us).await.unwrap();
    let users = users_of(&transport, 0..10).await;
    let full = || StoreError::Unavailable { source: io::ErrorKind::StorageFull.into() };
    for _ in 0..300 {
        store.fail_when(move |call| call.is_commit().then(|| Failure::Refused(full())));
        let id = MessageId::new(world.clock.now(), &world.rng);
        let refused = transport.send(&us, world.envelope_with(id, &us, &users[0])).await.unwrap_err();
        assert!(matches!(refused, TransportError::CarrierFailed { .. }), "{refused:?}");
        store.recover();
    }
    let standing = carrier.standing(SHOP).await.unwrap().unwrap();
    assert_eq!(standing.ladder().rung(), Rung::Clear);
    assert_eq!(standing.signals(world.clock.now()), []);
    // All of its pace is left.
    for user in &users {
        let id = MessageId::new(world.clock.now(), &world.rng);
        transport.send(&us, world.envelope_with(id, &us, user)).await.unwrap();
    }
}

fn offer(world: &World, from: &Caller, to: &Caller) -> Envelope {
    let id = MessageId::new(world.clock.now(), &world.rng);
    let (from, to) = (from.address().clone(), to.address().clone());
    let kind = Kind::Message(Category::Marketing);
    let franking = FrankingTag::from_bytes([0; 32]);
    Envelope::new(id, from, to, kind, franking, Form::Signal, vec![7; 40]).unwrap()
}

#[tokio::test]
async fn a_user_gets_four_promotions_from_whichever_businesses_and_everything_else() {
    let mut world = World::changed(protecting).await;
    let bakery = Address::business(PhoneNumberId::new(77));
    let (us, others) = (world.join(shop()).await, world.join(bakery).await);
    let her = world.join(alice()).await;
    let mut sent = Vec::new();
    for from in [&us, &others, &us, &others] {
        let offer = offer(&world, from, &her);
        world.transport().send(from, offer.clone()).await.unwrap();
        sent.push((from, offer));
    }
    for from in [&us, &others] {
        let refused = world.transport().send(from, offer(&world, from, &her)).await.unwrap_err();
        let TransportError::MarketingLimit { retry_after } = refused else { panic!("{refused:?}") };
        assert!(retry_after == 24 * HOUR && !refused.may_pass());
    }
    // What was taken before is taken, and does not count again.
    for (from, offer) in &sent {
        world.transport().send(from, offer.clone()).await.unwrap();
    }
    write(&world, &us, &her).await.unwrap();
    world = world.restart_changed(protecting).await;
    world.transport().send(&us, offer(&world, &us, &her)).await.unwrap_err();
    for hour in [6, 12, 18, 23] {
        world.clock.set(NOW.after(HOUR * hour));
        world.transport().send(&us, offer(&world, &us, &her)).await.unwrap_err();
    }
    world.clock.set(NOW.after(24 * HOUR));
    for from in [&us, &others, &us, &others] {
        world.transport().send(from, offer(&world, from, &her)).await.unwrap();
    }
    world.transport().send(&us, offer(&world, &us, &her)).await.unwrap_err();
    // Who is erased is somebody else.
    world.carrier.erase(&Number::parse("16505551234").unwrap()).await.unwrap();
    let her = world.join(alice()).await;
    world.transport().send(&us, offer(&world, &us, &her)).await.unwrap();
}

#[tokio::test]
async fn without_protection_there_are_no_limits() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    for _ in 0..9 {
        world.transport().send(&us, offer(&world, &us, &her)).await.unwrap();
    }
    assert_eq!(world.transport().connect(&us).await.unwrap().standing, None);
}
