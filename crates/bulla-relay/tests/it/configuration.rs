//! What businesses configure: kept for a number or an account, changed by one at a time, and gone with it.

use std::time::Duration;

use bulla_relay::{
    ConfigurationError, ConfigurationKey, ConfigurationOwner, Event, Incoming, MAX_CONFIGURATION_NAME_BYTES,
    MAX_CONFIGURED, MAX_CONFIGURED_BYTES, PageStart, SubmitError,
};
use bytes::Bytes;

use crate::cancellation::everything;
use crate::world::{BAKERY, SHOP, World, alice, bob, business, says, to};

/// Waits until users have said this to the business, as it is told, and nothing else.
async fn hears(world: &World, words: &[&str]) {
    let text = |event: Event| match event {
        Event::Message(_, Incoming::Text { text, .. }) => Some(text.body().to_owned()),
        _ => None,
    };
    let mut heard = Vec::new();
    for _ in 0..100 {
        heard = world.sink.taken().into_iter().filter_map(text).collect();
        world.pass(Duration::from_millis(100)).await;
        if heard.len() >= words.len() {
            break;
        }
    }
    assert_eq!(heard, words);
}

fn key(owner: ConfigurationOwner, kind: u8, name: &str) -> ConfigurationKey {
    ConfigurationKey::new(owner, kind, name.to_owned())
}

#[tokio::test(start_paused = true)]
async fn what_is_configured_is_changed_as_it_was_read_and_survives_a_restart() {
    let world = World::new().await;
    let (relay, profile) = (&world.relay, key(ConfigurationOwner::Number, 1, ""));
    assert_eq!(relay.configured(SHOP, profile.clone()).await.unwrap(), None);
    let value = Bytes::from_static(b"one");
    relay.configure(SHOP, profile.clone(), None, Some(value.clone())).await.unwrap();
    let known = relay.configured(SHOP, profile.clone()).await.unwrap().unwrap();
    assert_eq!(known.value, value);
    assert_eq!(format!("{known:?}"), "Configured(3 bytes)");
    assert_eq!(relay.configured(BAKERY, profile.clone()).await.unwrap(), None);
    let late = relay.configure(SHOP, profile.clone(), None, None).await;
    assert!(matches!(late, Err(ConfigurationError::Changed)));
    let two = Some(Bytes::from_static(b"two"));
    relay.configure(SHOP, profile.clone(), Some(known.version), two).await.unwrap();
    let late = relay.configure(SHOP, profile.clone(), Some(known.version), None).await;
    assert!(matches!(late, Err(ConfigurationError::Changed)));
    relay.close().await;

    let relay = world.reopen().await.unwrap();
    let known = relay.configured(SHOP, profile.clone()).await.unwrap().unwrap();
    assert_eq!(&known.value[..], b"two");
    relay.configure(SHOP, profile.clone(), Some(known.version), None).await.unwrap();
    assert_eq!(relay.configured(SHOP, profile).await.unwrap(), None);
    relay.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_accounts_records_are_all_its_numbers_and_are_listed_in_pages() {
    let world = World::new().await;
    let relay = &world.relay;
    for name in ["b", "a", "c"] {
        let value = Some(Bytes::from(name.to_owned()));
        relay.configure(SHOP, key(ConfigurationOwner::Account, 7, name), None, value).await.unwrap();
    }
    relay.configure(SHOP, key(ConfigurationOwner::Account, 8, "d"), None, Some(Bytes::new())).await.unwrap();
    let list = async |kind, start: PageStart<&str>, limit| {
        let start = start.map(|name| key(ConfigurationOwner::Account, 7, name));
        let page =
            relay.configuration(BAKERY, (ConfigurationOwner::Account, kind), start, limit).await.unwrap();
        let names = page.into_iter().map(|(key, _)| String::from_utf8(key.name().to_vec()).unwrap());
        names.collect::<Vec<_>>()
    };
    assert_eq!(list(Some(7), PageStart::First, 2).await, ["a", "b"]);
    assert_eq!(list(Some(7), PageStart::After("b"), 2).await, ["c"]);
    assert_eq!(list(Some(7), PageStart::Before("c"), 2).await, ["a", "b"]);
    assert_eq!(list(Some(7), PageStart::Before("c"), 1).await, ["b"]);
    assert_eq!(list(Some(7), PageStart::Before("a"), 9).await, [""; 0]);
    assert_eq!(list(None, PageStart::First, 9).await, ["a", "b", "c", "d"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_the_operators_is_read_by_whomever_and_outlives_every_business() {
    let world = World::new().await;
    let (of_app, nobody) = (key(ConfigurationOwner::Operator, 15, "1"), bulla_base::PhoneNumberId::new(0));
    let value = Some(Bytes::from_static(b"x"));
    world.relay.configure(nobody, of_app.clone(), None, value.clone()).await.unwrap();
    let again = world.relay.configure(SHOP, of_app.clone(), None, value).await;
    assert!(matches!(again, Err(ConfigurationError::Changed)));
    let own = key(ConfigurationOwner::Number, 15, "1");
    assert_eq!(world.relay.configured(SHOP, own.clone()).await.unwrap(), None);
    assert!(world.relay.configured(nobody, own).await.is_err(), "a number that nobody speaks for");
    world.relay.erase_business(SHOP).await.unwrap();
    world.relay.erase_business(BAKERY).await.unwrap();
    world.relay.close().await;

    let relay = world.reopen().await.unwrap();
    let of = (ConfigurationOwner::Operator, None);
    let all = relay.configuration(nobody, of, PageStart::First, 9).await.unwrap();
    let [(found, record)] = &all[..] else { panic!("{all:?}") };
    assert_eq!((found, &record.value[..]), (&of_app, &b"x"[..]));
    relay.configure(nobody, of_app.clone(), Some(record.version), None).await.unwrap();
    assert_eq!(relay.configured(BAKERY, of_app).await.unwrap(), None);
    relay.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_largest_record_and_the_most_are_kept_and_one_more_is_refused() {
    let world = World::new().await;
    let relay = &world.relay;
    let put = async |kind: u8, name: &str, bytes: usize| {
        let value = Some(Bytes::from(vec![7; bytes]));
        relay.configure(SHOP, key(ConfigurationOwner::Number, kind, name), None, value).await
    };
    put(1, &"n".repeat(MAX_CONFIGURATION_NAME_BYTES), MAX_CONFIGURED_BYTES).await.unwrap();
    let long = put(2, "", MAX_CONFIGURED_BYTES + 1).await;
    assert!(matches!(long, Err(ConfigurationError::TooLong)));
    let long = put(2, &"n".repeat(MAX_CONFIGURATION_NAME_BYTES + 1), 1).await;
    assert!(matches!(long, Err(ConfigurationError::TooLong)));
    for count in 0..MAX_CONFIGURED {
        put(3, &count.to_string(), 0).await.unwrap();
    }
    let many = put(3, "more", 0).await;
    assert!(matches!(many, Err(ConfigurationError::TooMany { limit: MAX_CONFIGURED })));
    put(4, "of another kind", 0).await.unwrap();
    // What is deleted makes room.
    let first = key(ConfigurationOwner::Number, 3, "0");
    let since = relay.configured(SHOP, first.clone()).await.unwrap().unwrap().version;
    relay.configure(SHOP, first, Some(since), None).await.unwrap();
    put(3, "more", 0).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_goes_with_its_number_and_what_is_the_accounts_with_the_last_of_them() {
    let world = World::new().await;
    let (of_number, of_account) =
        (key(ConfigurationOwner::Number, 1, ""), key(ConfigurationOwner::Account, 7, "f"));
    for of in [&of_number, &of_account] {
        world.relay.configure(SHOP, of.clone(), None, Some(Bytes::from_static(b"x"))).await.unwrap();
    }
    world.relay.set_blocked(SHOP, alice(), true).await.unwrap();
    world.relay.erase_business(SHOP).await.unwrap();
    world.relay.add_business(business(SHOP)).await.unwrap();
    assert_eq!(world.relay.configured(SHOP, of_number).await.unwrap(), None);
    assert_eq!(world.relay.blocked(SHOP, PageStart::First, 9).await.unwrap(), []);
    assert!(world.relay.configured(SHOP, of_account.clone()).await.unwrap().is_some());
    world.relay.erase_business(BAKERY).await.unwrap();
    world.relay.erase_business(SHOP).await.unwrap();
    world.relay.add_business(business(SHOP)).await.unwrap();
    assert_eq!(world.relay.configured(SHOP, of_account).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn what_a_blocked_user_sends_is_dropped_and_what_is_sent_to_them_refused_also_after_a_restart() {
    let world = World::new().await;
    let (phone, other) = (world.device(alice()).await, world.device(bob()).await);
    phone.send(SHOP, &says("before")).await.unwrap();
    hears(&world, &["before"]).await;
    assert!(world.relay.set_blocked(SHOP, alice(), true).await.unwrap());
    assert!(!world.relay.set_blocked(SHOP, alice(), true).await.unwrap());
    phone.send(SHOP, &says("meanwhile")).await.unwrap();
    other.send(SHOP, &says("from another")).await.unwrap();
    hears(&world, &["before", "from another"]).await;
    assert!(matches!(world.relay.submit(SHOP, to(alice(), "no")).await, Err(SubmitError::Blocked)));
    // By this business, and by no other.
    world.relay.submit(BAKERY, to(alice(), "yes")).await.unwrap();
    let listed = world.relay.blocked(SHOP, PageStart::First, 9).await.unwrap();
    assert_eq!(listed.iter().map(|(_, number)| number.clone()).collect::<Vec<_>>(), [alice()]);
    // Neither behind nor before the one is anybody, nor is what says that the number is not registered.
    world.relay.set_registered(SHOP, false).await.unwrap();
    for start in [PageStart::After(listed[0].0), PageStart::Before(listed[0].0)] {
        assert_eq!(world.relay.blocked(SHOP, start, 9).await.unwrap(), []);
    }
    world.relay.set_registered(SHOP, true).await.unwrap();
    world.relay.close().await;

    let relay = world.reopen().await.unwrap();
    assert!(matches!(relay.submit(SHOP, to(alice(), "no")).await, Err(SubmitError::Blocked)));
    assert!(relay.set_blocked(SHOP, alice(), false).await.unwrap());
    // The session went on: what comes now is opened and forwarded, and what was dropped is not.
    phone.send(SHOP, &says("after")).await.unwrap();
    hears(&world, &["before", "from another", "after"]).await;
    relay.submit(SHOP, to(alice(), "yes")).await.unwrap();
    relay.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_erased_user_is_on_no_list_any_more() {
    let world = World::new().await;
    world.relay.set_blocked(SHOP, alice(), true).await.unwrap();
    let rows = everything(&world.rows).await.len();
    assert!(world.relay.erase(&alice()).await.unwrap().records() > 0);
    assert_eq!(everything(&world.rows).await.len(), rows - 1);
    assert_eq!(world.relay.blocked(SHOP, PageStart::First, 9).await.unwrap(), []);
    world.device(alice()).await;
    world.relay.submit(SHOP, to(alice(), "a new beginning")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_number_that_is_not_registered_sends_nothing_until_it_is_again() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    assert!(world.relay.is_registered(SHOP).unwrap());
    world.relay.set_registered(SHOP, false).await.unwrap();
    assert!(matches!(world.relay.submit(SHOP, to(alice(), "no")).await, Err(SubmitError::Deregistered)));
    world.relay.submit(BAKERY, to(alice(), "yes")).await.unwrap();
    phone.send(SHOP, &says("still told")).await.unwrap();
    world.sink.wait_for(1, &*world.clock).await;
    world.relay.close().await;
    let relay = world.reopen().await.unwrap();
    assert!(!relay.is_registered(SHOP).unwrap());
    relay.set_registered(SHOP, true).await.unwrap();
    relay.submit(SHOP, to(alice(), "yes")).await.unwrap();
    relay.close().await;
}
