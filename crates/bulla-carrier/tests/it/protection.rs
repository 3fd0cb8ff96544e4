//! Users are protected: who writes what nobody wants is warned, limited, paused and stopped, and can appeal.

use std::sync::Arc;

use bulla_base::{Address, Clock, DeviceId, MessageId, Number, PhoneNumberId, SeededRng, Tier, Timestamp};
use bulla_carrier::{Carrier, Enforcement, Quality, Rung, Signal};
use bulla_envelope::Envelope;
use bulla_store::{BoxStore, SYSTEM_PARTITION, Space};
use bulla_transport::{BusinessStanding, Caller, Restriction, Transport, TransportError};

use crate::erase::rows;
use crate::reports::exchange;
use crate::{NOW, SHOP, World, alice, days, shop, upload};

fn hours(count: u64) -> std::time::Duration {
    std::time::Duration::from_secs(count * 3_600)
}

/// A world whose carrier protects users.
async fn protected() -> World {
    World::changed(protecting).await
}

fn protecting(carrier: Carrier<BoxStore>) -> Carrier<BoxStore> {
    carrier.with_protection(Arc::new(SeededRng::new(7)))
}

/// Numbers far from each other.
fn user(number: u64) -> Address {
    Address::user(Number::parse(&format!("1650{:07}", number * 4_321)).unwrap())
}

/// So many users.
async fn users(world: &World, count: u64) -> Vec<Caller> {
    let mut users = Vec::new();
    for number in 0..count {
        users.push(world.join(user(number)).await);
    }
    users
}

fn letter(world: &World, from: &Caller, to: &Caller) -> Envelope {
    world.envelope_with(MessageId::new(world.clock.now(), &world.rng), from, to)
}

async fn write(world: &World, from: &Caller, to: &Caller) -> Result<(), TransportError> {
    world.transport().send(from, letter(world, from, to)).await
}

/// So many users whom the business writes to, a few an hour, and who report it.
async fn complaints(world: &World, us: &Caller, users: std::ops::Range<u64>) {
    for number in users {
        world.clock.set(world.clock.now().after(hours(1)));
        let her = world.join(user(number)).await;
        let received = exchange(world, us, &her).await;
        world.transport().report(&her, received.report()).await.unwrap();
    }
}

async fn rung(world: &World) -> Rung {
    world.carrier.standing(SHOP).await.unwrap().unwrap().ladder().restriction(world.clock.now())
}

fn restriction(error: &TransportError) -> Option<(Restriction, Option<Timestamp>)> {
    match error {
        TransportError::Restricted { restriction, until } => Some((*restriction, *until)),
        _ => None,
    }
}

#[tokio::test]
async fn who_is_reported_is_warned_limited_paused_and_stopped_and_an_appeal_takes_it_back() {
    let world = protected().await;
    let (us, her, stranger) =
        (world.join(shop()).await, world.join(alice()).await, world.join(user(900)).await);
    complaints(&world, &us, 0..5).await;
    assert_eq!(rung(&world).await, Rung::Warned);
    complaints(&world, &us, 5..6).await;
    assert_eq!(rung(&world).await, Rung::Limited);
    // It answers whoever writes, and writes to nobody new.
    let (held, until) = restriction(&write(&world, &us, &stranger).await.unwrap_err()).unwrap();
    assert_eq!((held, until), (Restriction::Limited, Some(world.clock.now().after(days(1)))));
    write(&world, &her, &us).await.unwrap();
    let known = letter(&world, &us, &her);
    world.transport().send(&us, known.clone()).await.unwrap();
    // The day is over, and it goes on as before.
    world.clock.set(until.unwrap());
    complaints(&world, &us, 6..7).await;
    assert_eq!(rung(&world).await, Rung::Paused);
    // What was taken before is taken, whoever has not heard it.
    world.transport().send(&us, known).await.unwrap();
    for (from, to) in [(&us, &her), (&her, &us)] {
        let refused = restriction(&write(&world, from, to).await.unwrap_err());
        assert!(matches!(refused, Some((Restriction::Paused, Some(_)))), "{refused:?}");
    }
    // What was done says why, in order; the numbers are those of the signals.
    let events = world.carrier.enforcements(SHOP, 0, 100).await.unwrap();
    let steps: Vec<_> = events.iter().map(|event| event.what().name()).collect();
    assert_eq!(steps, ["warned", "limited", "paused"]);
    assert!(events.iter().all(|event| event.signals().iter().any(|(signal, _)| *signal == Signal::Feedback)));
    assert_eq!(world.carrier.enforcements(SHOP, 1, 1).await.unwrap(), events[1..2]);
    // It says that it was a mistake, once, and the operator that it was.
    assert!(world.carrier.appeal(SHOP).await.unwrap() && !world.carrier.appeal(SHOP).await.unwrap());
    assert!(world.carrier.decide_appeal(SHOP, true).await.unwrap());
    assert_eq!(rung(&world).await, Rung::Clear);
    write(&world, &us, &her).await.unwrap();
    assert!(!world.carrier.decide_appeal(SHOP, true).await.unwrap(), "there is no appeal any more");
}

/// How the business stands, as it is told when it connects.
async fn told(world: &World, us: &Caller) -> BusinessStanding {
    world.transport().connect(us).await.unwrap().standing.unwrap()
}

#[tokio::test]
async fn who_waits_hears_of_each_change_once_and_whoever_connects_how_it_stands() {
    let world = protected().await;
    let us = world.join(shop()).await;
    assert_eq!(told(&world, &us).await, BusinessStanding::default().within(Tier::Users250));
    let wait = || async { world.transport().low_stock(&us, 0).await.unwrap().standing };
    let is_told = || async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    };
    world.transport().publish(&us, upload(b"identity", 4)).await.unwrap();
    let mut waiting = Box::pin(wait());
    tokio::select! {
        biased;
        _ = &mut waiting => panic!("there is nothing to hear"),
        () = is_told() => {}
    }
    complaints(&world, &us, 0..5).await;
    let warned = waiting.await.unwrap();
    assert!(warned.is_warned && warned.restriction.is_none(), "{warned:?}");
    assert_eq!(told(&world, &us).await, warned);
    let mut waiting = Box::pin(wait());
    tokio::select! {
        biased;
        again = &mut waiting => panic!("it knows {again:?}"),
        () = is_told() => {}
    }
    complaints(&world, &us, 5..6).await;
    let limited = told(&world, &us).await;
    let (restriction, until) = limited.restriction.unwrap();
    assert_eq!(restriction, Restriction::Limited);
    assert_eq!(waiting.await.unwrap(), limited);
    // The time is over, though nobody writes.
    world.clock.set(until.unwrap());
    world.carrier.close().await;
    assert_eq!(told(&world, &us).await.restriction, None);
}

#[tokio::test]
async fn a_user_who_complains_again_and_again_counts_once() {
    let world = protected().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    for _ in 0..20 {
        let received = exchange(&world, &us, &her).await;
        world.transport().report(&her, received.report()).await.unwrap();
    }
    assert_eq!(rung(&world).await, Rung::Clear);
}

#[tokio::test]
async fn nobody_writes_to_more_new_users_in_an_hour_than_ten_unless_it_did_before() {
    let world = protected().await;
    let us = world.join(shop()).await;
    let users = users(&world, 12).await;
    for new in &users[..10] {
        write(&world, &us, new).await.unwrap();
    }
    let refused = write(&world, &us, &users[10]).await.unwrap_err();
    let TransportError::TooFast { retry_after } = refused else { panic!("{refused:?}") };
    assert!(refused.may_pass() && retry_after <= hours(1));
    // Of several at once those before it go.
    let several = [&users[0], &users[1], &users[10]].map(|to| letter(&world, &us, to));
    let sent = world.transport().send_all(&us, several.to_vec()).await;
    assert!(sent.taken == 2 && matches!(sent.error, Some(TransportError::TooFast { .. })), "{sent:?}");
    // Who has written first is nobody new.
    write(&world, &users[11], &us).await.unwrap();
    write(&world, &us, &users[11]).await.unwrap();
    world.clock.set(world.clock.now().after(retry_after));
    write(&world, &us, &users[10]).await.unwrap();
}

#[tokio::test]
async fn who_is_known_begins_faster() {
    let world = protected().await;
    let us = world.join(shop()).await;
    assert!(world.carrier.verify_business(SHOP).await.unwrap());
    for number in 0..40 {
        let new = world.join(user(number)).await;
        write(&world, &us, &new).await.unwrap();
    }
}

/// It tries numbers: who is not there counts once a day.
#[tokio::test]
async fn who_writes_to_numbers_that_nobody_has_is_warned() {
    let world = protected().await;
    let us = world.join(shop()).await;
    for _ in 0..20 {
        let refused = world.transport().bundle(&us, &user(1)).await.unwrap_err();
        assert!(matches!(refused, TransportError::UnknownRecipient), "{refused:?}");
    }
    assert_eq!(rung(&world).await, Rung::Clear);
    for number in 2..6 {
        world.transport().bundle(&us, &user(number)).await.unwrap_err();
    }
    assert_eq!(rung(&world).await, Rung::Warned);
    // And no more than that for a few, which are counted: for many it is limited, an hour later.
    for number in 6..16 {
        world.transport().bundle(&us, &user(number)).await.unwrap_err();
    }
    assert_eq!(rung(&world).await, Rung::Warned);
    world.clock.set(world.clock.now().after(hours(1)));
    world.transport().bundle(&us, &user(16)).await.unwrap_err();
    assert_eq!(rung(&world).await, Rung::Limited);
    // What it tries now counts for nothing.
    let before = world.carrier.standing(SHOP).await.unwrap().unwrap().signals(world.clock.now());
    for number in 17..40 {
        world.transport().bundle(&us, &user(number)).await.unwrap_err();
    }
    let after = world.carrier.standing(SHOP).await.unwrap().unwrap().signals(world.clock.now());
    assert_eq!((rung(&world).await, after), (Rung::Limited, before));
}

#[tokio::test]
async fn a_restart_is_no_way_around_it() {
    let mut world = protected().await;
    let (us, her, stranger) =
        (world.join(shop()).await, world.join(alice()).await, world.join(user(900)).await);
    complaints(&world, &us, 0..6).await;
    write(&world, &her, &us).await.unwrap();
    let before = world.carrier.standing(SHOP).await.unwrap().unwrap();
    for closes in [false, true] {
        if closes {
            world.carrier.close().await;
        }
        world = world.restart_changed(protecting).await;
        let refused = restriction(&write(&world, &us, &stranger).await.unwrap_err());
        assert!(matches!(refused, Some((Restriction::Limited, Some(_)))), "{refused:?}");
        // What was done is in the store at once; who was met in the last minute, when it is closed.
        assert_eq!(write(&world, &us, &her).await.is_ok(), closes);
        write(&world, &her, &us).await.unwrap();
    }
    let after = world.carrier.standing(SHOP).await.unwrap().unwrap();
    assert_eq!(after.ladder(), before.ladder());
    assert_eq!(after.quality(), Quality::Unknown);
    let events = world.carrier.enforcements(SHOP, 0, 100).await.unwrap();
    assert!(matches!(events[..], [ref first, _] if first.what() == Enforcement::Warned), "{events:?}");
}

#[tokio::test]
async fn who_is_erased_is_forgotten_and_numbers_that_are_made_up_take_no_room() {
    let world = protected().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    complaints(&world, &us, 0..6).await;
    write(&world, &her, &us).await.unwrap();
    world.carrier.erase(&Number::parse("16505551234").unwrap()).await.unwrap();
    let her = world.join(alice()).await;
    let refused = restriction(&write(&world, &us, &her).await.unwrap_err());
    assert!(refused.is_some(), "they have never met");
    world.carrier.erase_business(SHOP).await.unwrap();
    assert!(world.carrier.standing(SHOP).await.unwrap().is_none());
    assert!(world.carrier.enforcements(SHOP, 0, 9).await.unwrap().is_empty());
    let nobody = PhoneNumberId::new(1);
    let made_up = Caller::new(Address::business(nobody), her.installation(), her.incarnation());
    write(&world, &her, &made_up).await.unwrap_err();
    assert!(!world.carrier.verify_business(nobody).await.unwrap());
    world.carrier.close().await;
    let left = rows(&world.store, &[&shop(), made_up.address()]).await;
    assert!(left.iter().all(|(partition, ..)| *partition == SYSTEM_PARTITION), "{left:?}");
}

/// Whom a business has met is in the store for as long as somebody counts, and no longer.
async fn met_rows(world: &World) -> usize {
    let left = rows(&world.store, &[&shop()]).await;
    left.iter().filter(|(_, key, _)| key.space() == Space::new(0x7c)).count()
}

#[tokio::test]
async fn whom_a_business_has_met_is_forgotten_after_a_day_though_nothing_happens() {
    let mut world = protected().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    write(&world, &her, &us).await.unwrap();
    world.carrier.close().await;
    assert_eq!(met_rows(&world).await, 1);
    world = world.restart_changed(protecting).await;
    // It looks for what others have left.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    world.clock.set(NOW.after(hours(25)));
    world.carrier.close().await;
    assert_eq!(met_rows(&world).await, 0);
}

#[tokio::test]
async fn who_is_erased_while_nobody_is_protected_is_forgotten_too() {
    let mut world = protected().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    let received = exchange(&world, &us, &her).await;
    world.transport().report(&her, received.report()).await.unwrap();
    let standing = world.carrier.standing(SHOP).await.unwrap().unwrap();
    world.carrier.close().await;
    assert_eq!(met_rows(&world).await, 1);
    world = world.restart().await;
    world.carrier.erase(&Number::parse("16505551234").unwrap()).await.unwrap();
    assert_eq!(met_rows(&world).await, 0);
    world.carrier.close().await;
    world = world.restart_changed(protecting).await;
    let after = world.carrier.standing(SHOP).await.unwrap().unwrap();
    assert_ne!(after.to_bytes(), standing.to_bytes(), "her complaint has no tag any more");
    assert_eq!(after.signals(NOW), standing.signals(NOW), "and counts");
}

/// The number of an attempt is its sender's word.
#[tokio::test]
async fn what_is_called_a_second_attempt_is_a_first_if_there_was_none() {
    let world = protected().await;
    let us = world.join(shop()).await;
    let users = users(&world, 11).await;
    for new in &users[..10] {
        let called = letter(&world, &us, new).sent_again(1).unwrap();
        world.transport().send(&us, called).await.unwrap();
    }
    let called = letter(&world, &us, &users[10]).sent_again(1).unwrap();
    let refused = world.transport().send(&us, called).await.unwrap_err();
    assert!(matches!(refused, TransportError::TooFast { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_device_that_is_gone_is_no_number_that_nobody_has() {
    let world = protected().await;
    let us = world.join(shop()).await;
    for number in 0..9 {
        world.join(user(number)).await;
        let second = Address::new(user(number).party().clone(), DeviceId::new(2).unwrap());
        world.transport().bundle(&us, &second).await.unwrap_err();
    }
    assert_eq!(rung(&world).await, Rung::Clear);
}

/// Whoever does not ask for it gets no rules.
#[tokio::test]
async fn without_protection_nobody_is_refused() {
    let world = World::new().await;
    let us = world.join(shop()).await;
    complaints(&world, &us, 0..12).await;
    assert!(world.carrier.standing(SHOP).await.unwrap().is_none());
}
