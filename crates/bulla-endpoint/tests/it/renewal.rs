//! The signed and the Kyber prekey are replaced in time, and what was sealed to those of before is opened.

use std::time::Duration;

use bulla_base::{SeededRng, Timestamp};
use bulla_endpoint::{ONE_TIME_KEYS, OpenError, RENEWED_AFTER, REPLACED_KEYS_KEPT};
use bulla_envelope::{Envelope, KeyBundle, KeyUpload};
use bulla_store::{Scan, Space, Store};

use crate::{End, HOME, NOW, USER, alice, said, seal, shop};

const ONE_TIME: Space = Space::new(0x14);

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn keys(end: &End, now: Timestamp, rng: &SeededRng) -> KeyUpload {
    end.endpoint.keys_to_publish(&end.store, ONE_TIME_KEYS, 0, now, rng).await.unwrap()
}

fn ids(keys: &KeyUpload) -> (u32, u32) {
    (keys.signed.as_ref().unwrap().id, keys.kyber.as_ref().unwrap().id)
}

/// The first message of somebody new, sealed to `keys` of the shop.
async fn first_message(shop: &End, keys: &KeyUpload, rng: &SeededRng) -> (End, Envelope) {
    let from = End::open(alice(), rng).await;
    let bundle = KeyBundle::new(shop.endpoint.address().device(), keys, None).unwrap();
    let mut peer = from.peer(shop).await;
    peer.begin(&from.store, &bundle, NOW, rng).await.unwrap();
    let envelope = seal(&mut peer, "hello", rng);
    (from, envelope)
}

async fn open(
    shop: &End,
    from: &End,
    envelope: &Envelope,
    now: Timestamp,
    rng: &SeededRng,
) -> Result<(), OpenError> {
    let mut peer = shop.endpoint.peer(&shop.store, USER, from.endpoint.address(), now).await.unwrap();
    let received = peer.open(&shop.store, envelope, now, rng).await?;
    assert_eq!(received.content.unwrap(), said("hello"));
    Ok(())
}

#[tokio::test]
async fn lasting_prekeys_are_replaced_after_a_week_and_not_before() {
    let rng = SeededRng::new(1);
    let shop = End::open(shop(), &rng).await;
    let first = keys(&shop, NOW, &rng).await;
    let almost = NOW.after(RENEWED_AFTER - Duration::from_millis(1));
    assert_eq!(ids(&keys(&shop, almost, &rng).await), ids(&first));
    assert!(!shop.endpoint.renewal_is_due(&shop.store, almost).await.unwrap());
    let due = NOW.after(RENEWED_AFTER);
    assert!(shop.endpoint.renewal_is_due(&shop.store, due).await.unwrap());
    let second = keys(&shop, due, &rng).await;
    assert_eq!((ids(&first), ids(&second)), ((1, 1), (2, 2)));
    assert_ne!(first.signed.as_ref().unwrap().public, second.signed.as_ref().unwrap().public);
    assert_ne!(first.kyber.as_ref().unwrap().public, second.kyber.as_ref().unwrap().public);
    assert_eq!(ids(&keys(&shop, due, &rng).await), (2, 2), "once");
}

#[tokio::test]
async fn a_renewal_is_over_when_the_carrier_has_the_keys() {
    let rng = SeededRng::new(1);
    let shop = End::open(shop(), &rng).await;
    let first = shop.endpoint.keys_to_publish(&shop.store, 0, 0, NOW, &rng).await.unwrap();
    let last = first.one_time.iter().map(|key| key.id).max().unwrap();
    let is_stocked =
        async |last, now| shop.endpoint.is_stocked(&shop.store, ONE_TIME_KEYS, last, now).await.unwrap();
    assert!(is_stocked(last, NOW).await);
    let due = NOW.after(RENEWED_AFTER);
    assert!(!is_stocked(last, due).await);
    let second = keys(&shop, due, &rng).await;
    let last = second.one_time.iter().map(|key| key.id).max().unwrap();
    assert!(!is_stocked(last, due).await, "the carrier gives away the old ones");
    assert!(shop.endpoint.renewal_is_due(&shop.store, due).await.unwrap());
    shop.endpoint.set_published(&shop.store, &second, due).await.unwrap();
    assert!(is_stocked(last, due).await && !shop.endpoint.renewal_is_due(&shop.store, due).await.unwrap());
}

#[tokio::test]
async fn messages_to_replaced_prekeys_open_for_as_long_as_they_may_be_under_way() {
    let rng = SeededRng::new(1);
    let shop = End::open(shop(), &rng).await;
    let first = keys(&shop, NOW, &rng).await;
    let (early, to_first) = first_message(&shop, &first, &rng).await;
    let mut last = first;
    // Four renewals later it is still opened; after the longest retention its keys are gone.
    for week in 1..=4 {
        let now = NOW.after(RENEWED_AFTER * week);
        last = keys(&shop, now, &rng).await;
        open(&shop, &early, &to_first, now, &rng).await.unwrap();
    }
    let end = NOW.after(RENEWED_AFTER + DAY * 30 - Duration::from_millis(1));
    open(&shop, &early, &to_first, end, &rng).await.unwrap();
    let gone = NOW.after(RENEWED_AFTER + DAY * 30);
    let refused = open(&shop, &early, &to_first, gone, &rng).await;
    assert!(matches!(refused, Err(OpenError::Undecipherable(_))), "{refused:?}");
    let (late, to_last) = first_message(&shop, &last, &rng).await;
    open(&shop, &late, &to_last, gone, &rng).await.unwrap();
}

/// The ids of the one-time prekeys whose private halves are there.
async fn kept(end: &End, now: Timestamp) -> Vec<u32> {
    let (mut ids, mut scan) = (Vec::new(), Scan::undated(ONE_TIME));
    loop {
        let page = end.store.keys(HOME, &scan, now).await.unwrap();
        let Some(last) = page.last() else { return ids };
        scan = Scan::undated(ONE_TIME).after(last.clone());
        ids.extend(page.iter().map(|key| u32::from_be_bytes(key.name()[..].try_into().unwrap())));
    }
}

/// What the carrier had given away and nobody ever used stayed for ever.
#[tokio::test]
async fn one_time_prekeys_end_with_the_signed_prekey_they_were_left_beside() {
    let rng = SeededRng::new(1);
    let shop = End::open(shop(), &rng).await;
    let each = u32::try_from(ONE_TIME_KEYS).unwrap();
    let publish = async |left, highest, now| {
        let keys = shop.endpoint.keys_to_publish(&shop.store, left, highest, now, &rng).await.unwrap();
        shop.endpoint.set_published(&shop.store, &keys, now).await.unwrap();
        keys.one_time.len()
    };
    assert_eq!(publish(0, 0, NOW).await, ONE_TIME_KEYS);
    assert_eq!(publish(90, each, NOW).await, 10, "a refill is of the same signed prekey");
    let first: Vec<u32> = (1..=each + 10).collect();
    assert_eq!(kept(&shop, NOW).await, first);

    let renewed = NOW.after(RENEWED_AFTER);
    assert_eq!(publish(100, each + 10, renewed).await, ONE_TIME_KEYS, "the carrier drops what it has");
    let second = 2 * each + 10;
    assert_eq!(publish(100, second, renewed).await, 0);
    // A renewal within the time that they are kept leaves them; the next one after it does not.
    let before = renewed.after(REPLACED_KEYS_KEPT - Duration::from_millis(1));
    assert_eq!(publish(100, second, before).await, ONE_TIME_KEYS);
    assert_eq!(kept(&shop, before).await, (1..=3 * each + 10).collect::<Vec<_>>());
    let after = before.after(RENEWED_AFTER);
    assert_eq!(publish(100, 3 * each + 10, after).await, ONE_TIME_KEYS);
    assert_eq!(kept(&shop, after).await, (each + 11..=4 * each + 10).collect::<Vec<_>>());
    // And so on: however many renewals there are, those of a few weeks are there.
    let (mut now, mut highest) = (after, 4 * each + 10);
    for _ in 0..20 {
        now = now.after(RENEWED_AFTER);
        publish(100, highest, now).await;
        highest += each;
    }
    assert_eq!(kept(&shop, now).await.len(), 6 * ONE_TIME_KEYS, "of now, and of five that were replaced");
}

/// The answer to the first try may be lost, after the carrier has taken the keys.
#[tokio::test]
async fn keys_that_the_carrier_has_taken_are_not_made_once_more() {
    let rng = SeededRng::new(1);
    let shop = End::open(shop(), &rng).await;
    let first = shop.endpoint.keys_to_publish(&shop.store, 0, 0, NOW, &rng).await.unwrap();
    shop.endpoint.set_published(&shop.store, &first, NOW).await.unwrap();
    let due = NOW.after(RENEWED_AFTER);
    let make = async |left, highest| {
        shop.endpoint.keys_to_publish(&shop.store, left, highest, due, &rng).await.unwrap().one_time.len()
    };
    assert_eq!(make(100, 100).await, ONE_TIME_KEYS);
    assert_eq!(make(100, 100).await, ONE_TIME_KEYS, "it has not come to the carrier");
    assert_eq!(make(100, 300).await, 0, "it has");
}
