//! What becomes of a conversation whose user has a new phone.

use std::time::Duration;

use bulla_base::PhoneNumberId;
use bulla_device::News;
use bulla_relay::{AcceptError, Identity, IdentityPolicy, MarkReadError, Report, Settings};

use crate::forwarding::words;
use crate::world::{BAKERY, SHOP, TestDevice, World, alice, says, to};

async fn world(policy: IdentityPolicy) -> World {
    World::with(Settings::default().changed_identities(policy)).await
}

/// Has Alice talk to the shop, and then get a new phone.
async fn a_new_phone(world: &World) -> TestDevice {
    let before = world.device(alice()).await;
    before.send(SHOP, &says("hello")).await.unwrap();
    world.relay.accept(SHOP, to(alice(), "good day")).await.unwrap();
    hear(&before, "good day").await;
    world.pass(Duration::from_secs(10)).await;
    before.close().await;
    world.device(alice()).await
}

/// Has the shop write to Alice without an answer, and Alice get a new phone, until the shop needs a new session for what it writes next.
async fn a_new_phone_before_the_session_is_too_old(world: &World) -> TestDevice {
    let day = Duration::from_secs(24 * 3600);
    world.device(alice()).await.close().await;
    for _ in 0..2 {
        world.relay.accept(SHOP, to(alice(), "never heard")).await.unwrap();
        world.pass(20 * day).await;
    }
    world.device(alice()).await
}

async fn hear(phone: &TestDevice, words: &str) {
    while phone.next().await.unwrap().news() != &News::Said(says(words)) {}
}

/// The changes of identities reported so far: whose, and whether they wait.
async fn changes(world: &World) -> Vec<(PhoneNumberId, Identity, bool)> {
    let mut reports = world.relay.reports();
    let mut changes = Vec::new();
    loop {
        tokio::select! {
            biased;
            report = reports.next() => match report {
                Some(Report::IdentityChanged { business, identity, is_held, user }) => {
                    assert_eq!(world.relay.identity(business, user).await.unwrap(), Some(identity));
                    changes.push((business, identity, is_held));
                }
                Some(other) => panic!("{other:?}"),
                None => return changes,
            },
            () = world.pass(Duration::from_millis(1)) => return changes,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_with_a_new_phone_is_written_to_and_the_host_hears_of_it_once() {
    let world = world(IdentityPolicy::Follow).await;
    let phone = a_new_phone(&world).await;
    assert_eq!(changes(&world).await, []);
    let before = world.relay.safety_number(SHOP, alice()).await.unwrap().unwrap();
    for words in ["a new phone", "and still it"] {
        phone.send(SHOP, &says(words)).await.unwrap();
        world.pass(Duration::from_secs(1)).await;
    }
    let changes = changes(&world).await;
    assert!(matches!(changes[..], [(SHOP, _, false)]), "{changes:?}");
    let after = world.relay.safety_number(SHOP, alice()).await.unwrap().unwrap();
    assert_ne!(before.digits(), after.digits());
    world.relay.accept(SHOP, to(alice(), "congratulations")).await.unwrap();
    hear(&phone, "congratulations").await;
    assert!(world.relay.safety_number(BAKERY, alice()).await.unwrap().is_none(), "they never met");
}

#[tokio::test(start_paused = true)]
async fn a_user_with_a_new_phone_is_written_to_by_a_business_that_needs_a_new_session() {
    // It was an internal error, for good.
    let world = world(IdentityPolicy::Follow).await;
    let phone = a_new_phone_before_the_session_is_too_old(&world).await;
    world.relay.accept(SHOP, to(alice(), "are you there?")).await.unwrap();
    hear(&phone, "are you there?").await;
    let changes = changes(&world).await;
    assert!(matches!(changes[..], [(SHOP, _, false)]), "{changes:?}");
}

#[tokio::test(start_paused = true)]
async fn where_new_identities_are_held_nothing_is_sealed_until_it_is_approved() {
    let world = world(IdentityPolicy::Hold).await;
    let phone = a_new_phone(&world).await;
    phone.send(SHOP, &says("a new phone")).await.unwrap();
    world.pass(Duration::from_secs(1)).await;
    let taken = world.desk.taken();
    assert_eq!(words(&taken), ["hello", "a new phone"], "what the user says is taken");
    let held = changes(&world).await;
    let [(SHOP, identity, true)] = held[..] else { panic!("{held:?}") };

    for _ in 0..2 {
        let refused = world.relay.accept(SHOP, to(alice(), "a secret")).await.unwrap_err();
        assert!(matches!(refused, AcceptError::IdentityHeld), "{refused:?}");
    }
    let message = taken.last().unwrap().subject().message;
    let refused = world.relay.mark_read(SHOP, message).await.unwrap_err();
    assert!(matches!(refused, MarkReadError::Accept(AcceptError::IdentityHeld)), "{refused:?}");
    assert_eq!(changes(&world).await.len(), 1, "told once");

    let user = message.user();
    let bakery = to(alice(), "hello");
    world.relay.accept(BAKERY, bakery).await.unwrap();
    let other = world.relay.identity(BAKERY, alice()).await.unwrap();
    assert_eq!(other, Some(identity), "whom the bakery has just met");
    assert!(!world.relay.approve_identity(BAKERY, alice(), identity).await.unwrap(), "nothing waits there");
    assert!(world.relay.approve_identity(SHOP, user, identity).await.unwrap());
    assert!(!world.relay.approve_identity(SHOP, user, identity).await.unwrap(), "no more");
    world.relay.accept(SHOP, to(alice(), "a secret")).await.unwrap();
    hear(&phone, "a secret").await;
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_is_held_is_held_after_a_restart_too() {
    let world = world(IdentityPolicy::Hold).await;
    let phone = a_new_phone_before_the_session_is_too_old(&world).await;
    let refused = world.relay.accept(SHOP, to(alice(), "a secret")).await.unwrap_err();
    assert!(matches!(refused, AcceptError::IdentityHeld), "{refused:?}");
    let held = changes(&world).await;
    let [(SHOP, identity, true)] = held[..] else { panic!("{held:?}") };
    world.relay.close().await;
    let relay =
        world.reopen_with(Settings::default().changed_identities(IdentityPolicy::Hold)).await.unwrap();
    let refused = relay.accept(SHOP, to(alice(), "a secret")).await.unwrap_err();
    assert!(matches!(refused, AcceptError::IdentityHeld), "{refused:?}");
    assert!(relay.approve_identity(SHOP, alice(), identity).await.unwrap());
    relay.accept(SHOP, to(alice(), "a secret")).await.unwrap();
    hear(&phone, "a secret").await;
}
