//! Events that a business cannot bear do not hold up what comes after them.

use std::num::NonZeroU32;
use std::time::Duration;

use bulla_relay::{BusinessError, DeadLetter, Event, Report, Settings};

use crate::cancellation::everything;
use crate::erasure::heard;
use crate::world::{BAKERY, SHOP, World, alice, bob, says, to};

const MINUTE: Duration = Duration::from_secs(60);

fn tries(most: u32) -> Settings {
    Settings::default().event_tries(NonZeroU32::new(most).unwrap())
}

/// A shop that cannot bear "poison" from Alice, who then says more.
async fn poisoned(settings: Settings) -> World {
    let world = World::with(settings).await;
    world.sink.refuse_text(Some("poison"));
    let phone = world.device(alice()).await;
    for words in ["before", "poison", "after", "and more"] {
        phone.send(SHOP, &says(words)).await.unwrap();
    }
    world.pass(MINUTE * 5).await;
    world
}

async fn letters(world: &World) -> Vec<DeadLetter> {
    world.relay.dead_letters(SHOP, None).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_event_becomes_a_dead_letter_after_its_tries_and_the_others_go_on() {
    let world = poisoned(tries(3)).await;
    assert_eq!(heard(&world.sink.taken()), ["before", "after", "and more"]);
    assert_eq!(world.sink.text_refusals(), 3, "offered as often as the settings say");
    let letters = letters(&world).await;
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!(heard(std::slice::from_ref(&letter.event)), ["poison"]);
    let mut reports = world.relay.reports();
    let reported = loop {
        match reports.next().await {
            Some(Report::DeadLetter { business: SHOP, user, message }) => break (user, message),
            Some(_) => {}
            None => panic!("it was not reported"),
        }
    };
    assert_eq!(reported, (letter.event.subject().user_id, letter.event.subject().message));
}

#[tokio::test(start_paused = true)]
async fn an_event_is_tried_for_as_long_as_it_lives_unless_settings_say_how_often() {
    let world = poisoned(Settings::default()).await;
    world.pass(MINUTE * 600).await;
    assert_eq!(heard(&world.sink.taken()), ["before"]);
    assert!(world.sink.text_refusals() > 10);
    assert!(letters(&world).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_try_is_one_call() {
    let world = poisoned(tries(1)).await;
    assert_eq!((world.sink.text_refusals(), letters(&world).await.len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_outlives_a_restart_and_is_replayed_once() {
    let world = poisoned(tries(2)).await;
    world.relay.close().await;
    let relay = world.reopen_with(tries(2)).await.unwrap();
    let letters = relay.dead_letters(SHOP, None).await.unwrap();
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    assert!(relay.dead_letters(SHOP, Some(letter.id)).await.unwrap().is_empty(), "there is no other");
    world.sink.refuse_text(None);
    assert!(relay.replay(SHOP, letter.id).await.unwrap());
    assert!(!relay.replay(SHOP, letter.id).await.unwrap() && !relay.discard(SHOP, letter.id).await.unwrap());
    world.pass(MINUTE).await;
    assert_eq!(heard(&world.sink.taken()), ["before", "after", "and more", "poison"]);
    assert!(relay.dead_letters(SHOP, None).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_discarded_dead_letter_is_never_told() {
    let world = poisoned(tries(2)).await;
    let letter = letters(&world).await.remove(0);
    assert!(world.relay.discard(SHOP, letter.id).await.unwrap());
    assert!(!world.relay.discard(SHOP, letter.id).await.unwrap());
    world.sink.refuse_text(None);
    world.pass(MINUTE * 600).await;
    assert_eq!(heard(&world.sink.taken()), ["before", "after", "and more"]);
}

#[tokio::test(start_paused = true)]
async fn dead_letters_of_many_users_are_listed_page_by_page_and_of_one_business_only() {
    let world = World::with(tries(1)).await;
    world.sink.close(true);
    for user in [alice(), bob()] {
        let phone = world.device(user).await;
        for words in ["one", "two"] {
            phone.send(SHOP, &says(words)).await.unwrap();
            phone.send(BAKERY, &says("to the bakery")).await.unwrap();
        }
    }
    world.pass(MINUTE * 5).await;
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = world.relay.dead_letters(SHOP, after).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        all.extend(page);
    }
    assert_eq!(all.len(), 4);
    assert!(all.iter().all(|letter| letter.event.subject().business == SHOP));
    let nobody = world.relay.dead_letters(bulla_base::PhoneNumberId::new(1), None).await;
    assert!(matches!(nobody, Err(BusinessError::Unknown { .. })));
}

#[tokio::test(start_paused = true)]
async fn dead_letters_of_an_erased_user_are_gone() {
    let world = poisoned(tries(1)).await;
    let letter = letters(&world).await.remove(0);
    world.relay.erase(&alice()).await.unwrap();
    assert!(letters(&world).await.is_empty());
    assert!(!world.relay.replay(SHOP, letter.id).await.unwrap());
    world.relay.submit(SHOP, to(bob(), "to nobody")).await.unwrap();
    let left = everything(&world.rows).await;
    assert!(left.iter().all(|row| row.key.space() != bulla_store::Space::new(0x63)), "a mark stayed behind");
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_ends_with_its_time_and_a_status_may_be_one() {
    let world = World::with(tries(1)).await;
    world.sink.close(true);
    let phone = world.device(alice()).await;
    world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    let _shown = phone.next().await.unwrap();
    world.pass(MINUTE).await;
    let found = letters(&world).await;
    assert!(!found.is_empty() && found.iter().all(|letter| matches!(letter.event, Event::Status(..))));
    world.pass(Duration::from_secs(31 * 24 * 3600)).await;
    assert!(letters(&world).await.is_empty());
}
