//! What is removed of sessions, and what of those that cannot be read.

use bulla_base::{Address, SeededRng};
use bulla_endpoint::{OpenError, REFILL_BELOW, forget_sessions, remove_unreadable};
use bulla_store::{Batch, Failure, FaultyStore, Key, Scan, Space, Store, StoreCall, StoreError};

use crate::{End, HOME, NOW, USER, alice, met, shop};

const ONE_TIME: Space = Space::new(0x14);
const SESSIONS: Space = Space::new(0x15);
const STARTED: Space = Space::new(0x16);

fn business() -> bulla_base::PhoneNumberId {
    let bulla_base::Party::Business(business) = *shop().party() else { panic!("a shop is a business") };
    business
}

async fn names(end: &End, space: Space) -> Vec<Key> {
    end.store.keys(USER, &Scan::undated(space), NOW).await.unwrap()
}

/// Puts what is no row of ours in the place of `key`.
async fn damage(end: &End, key: Key) {
    let mut batch = Batch::new(USER);
    batch.put(key, "no row");
    let _ = end.store.commit(batch).await.unwrap();
}

/// Two that have spoken both ways; the shop has opened what began the session.
async fn spoken(rng: &SeededRng) -> (End, End) {
    let (shop, alice) = met(rng).await;
    let envelope = shop.say(&alice, "hello", rng).await;
    alice.hear(&shop, &envelope, rng).await;
    let mut peer = alice.peer(&shop).await;
    peer.begin(&alice.store, &shop.bundle(rng).await, NOW, rng).await.unwrap();
    assert!(matches!(alice.keep(peer).await, bulla_store::Commit::Committed(_)));
    let envelope = alice.say(&shop, "a session of mine", rng).await;
    shop.hear(&alice, &envelope, rng).await;
    (shop, alice)
}

#[tokio::test]
async fn forgotten_sessions_leave_nothing_behind_and_are_counted() {
    let rng = SeededRng::new(1);
    let (shop, alice) = spoken(&rng).await;
    let before = names(&shop, SESSIONS).await.len() + names(&shop, STARTED).await.len();
    assert!(!names(&shop, STARTED).await.is_empty(), "nothing was started: the test shows nothing");
    assert_eq!(forget_sessions(&shop.store, USER, business()).await.unwrap(), before);
    assert!(names(&shop, SESSIONS).await.is_empty() && names(&shop, STARTED).await.is_empty());
    assert_eq!(forget_sessions(&shop.store, USER, business()).await.unwrap(), 0);
    assert!(shop.peer(&alice).await.needs_keys(NOW));
}

#[tokio::test]
async fn sessions_that_can_be_read_stay() {
    let rng = SeededRng::new(1);
    let (shop, alice) = spoken(&rng).await;
    assert_eq!(remove_unreadable(&shop.store, HOME, USER, business(), NOW).await.unwrap(), 0);
    assert!(!shop.peer(&alice).await.needs_keys(NOW));
}

/// Whichever row is damaged, the sessions with the device go together, and a new one can be begun.
#[tokio::test]
async fn sessions_with_a_damaged_row_go_together() {
    let rng = SeededRng::new(1);
    let (shop, alice) = spoken(&rng).await;
    let all = names(&shop, SESSIONS).await;
    let trust = Key::undated(SESSIONS, [&all[0].name()[..9], &[0]].concat());
    for key in [all[0].clone(), trust] {
        let (shop, alice) = spoken(&rng).await;
        damage(&shop, key).await;
        assert!(shop.endpoint.peer(&shop.store, USER, alice.endpoint.address(), NOW).await.is_err());
        let rows = names(&shop, SESSIONS).await.len();
        assert_eq!(remove_unreadable(&shop.store, HOME, USER, business(), NOW).await.unwrap(), rows);
        assert!(names(&shop, SESSIONS).await.is_empty());
        assert!(shop.peer(&alice).await.needs_keys(NOW));
    }
    assert!(!shop.peer(&alice).await.needs_keys(NOW));
}

/// A vault says so of a record that it cannot open, and of nothing else.
#[tokio::test]
async fn a_prekey_that_the_store_cannot_open_goes_and_one_it_cannot_read_just_now_stays() {
    let rng = SeededRng::new(1);
    let shop = End::open(shop(), &rng).await;
    // It leaves keys with the carrier, and keeps their secrets.
    let _bundle = shop.bundle(&rng).await;
    let store = FaultyStore::new(shop.store);
    let keys = async || store.keys(HOME, &Scan::undated(ONE_TIME), NOW).await.unwrap().len();
    let all = keys().await;
    let fail = |error: fn() -> StoreError| {
        let mut is_first = true;
        store.fail_when(move |call| {
            let hits = matches!(call, StoreCall::Get(HOME, key) if key.space() == ONE_TIME) && is_first;
            is_first &= !hits;
            hits.then(|| Failure::Refused(error()))
        });
    };
    fail(|| StoreError::Unreadable { source: std::io::ErrorKind::Other.into() });
    let refused = remove_unreadable(&store, HOME, USER, business(), NOW).await;
    assert!(matches!(refused, Err(StoreError::Unreadable { .. })), "{refused:?}");
    assert_eq!(keys().await, all);
    fail(|| StoreError::Damaged { what: "record" });
    assert_eq!(remove_unreadable(&store, HOME, USER, business(), NOW).await.unwrap(), 1);
    assert_eq!(keys().await, all - 1);
}

#[tokio::test]
async fn an_envelope_of_somebody_else_or_for_somebody_else_is_refused() {
    let rng = SeededRng::new(1);
    let (shop, alice) = met(&rng).await;
    let envelope = shop.say(&alice, "for alice", &rng).await;
    let bob = End::open(Address::user(bulla_base::Number::parse("16505550000").unwrap()), &rng).await;
    // It is from the shop, but to alice.
    let mut peer = bob.endpoint.peer(&bob.store, USER, shop.endpoint.address(), NOW).await.unwrap();
    let refused = peer.open(&bob.store, &envelope, NOW, &rng).await;
    assert!(matches!(refused, Err(OpenError::NotForUs)), "{refused:?}");
    // It is to alice, but not from bob.
    let mut peer = alice.endpoint.peer(&alice.store, USER, &crate::shop(), NOW).await.unwrap();
    let other = Address::business(bulla_base::PhoneNumberId::new(9));
    let stranger = End::open(other, &rng).await;
    let mut theirs = stranger.peer(&alice).await;
    theirs.begin(&stranger.store, &alice.bundle(&rng).await, NOW, &rng).await.unwrap();
    let envelope = crate::seal(&mut theirs, "not from the shop", &rng);
    let refused = peer.open(&alice.store, &envelope, NOW, &rng).await;
    assert!(matches!(refused, Err(OpenError::NotForUs)), "{refused:?}");
}

#[tokio::test]
async fn a_carrier_with_few_keys_or_with_another_last_one_is_not_stocked() {
    let rng = SeededRng::new(1);
    let end = End::open(alice(), &rng).await;
    let keys = end.endpoint.keys_to_publish(&end.store, 0, 0, NOW, &rng).await.unwrap();
    let last = keys.one_time.iter().map(|key| key.id).max().unwrap();
    for (left, highest, is_stocked) in [
        (REFILL_BELOW, last, false),
        (REFILL_BELOW + 1, last, true),
        (REFILL_BELOW + 2, last, true),
        (REFILL_BELOW + 1, last - 1, false),
        (REFILL_BELOW + 1, last + 1, false),
    ] {
        let stocked = end.endpoint.is_stocked(&end.store, left, highest, NOW).await.unwrap();
        assert_eq!(stocked, is_stocked, "{left} left, {highest} the highest");
    }
}
