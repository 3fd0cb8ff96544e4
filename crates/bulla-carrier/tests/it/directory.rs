use std::sync::Arc;

use bulla_base::{Partition, Timestamp};
use bulla_carrier::{Carrier, MAX_COUNTED_KEYS, MAX_ONE_TIME_KEYS_A_DAY};
use bulla_envelope::{MAX_ONE_TIME_KEYS, OneTimeKey, SignedKey};
use bulla_store::{
    Batch, BoxStore, Commit, Fault, Key, MemoryStore, Record, Space, Store, StoreError, StoreWrapper,
};
use bulla_transport::{Caller, InProcess, Transport, TransportError};

use crate::identities::key_of;
use crate::{NOW, World, alice, caller, days, shop, upload};

#[tokio::test]
async fn a_one_time_key_is_given_once_and_then_bundles_come_without() {
    let world = World::new().await;
    let (shop, alice) = (world.join(shop()).await, world.join(alice()).await);
    let mut given = Vec::new();
    for _ in 0..3 {
        let bundle = world.transport().bundle(&shop, alice.address()).await.unwrap();
        assert_eq!(&bundle.identity[..], key_of(b"identity"));
        given.push(bundle.one_time.map(|key| key.id));
    }
    assert_eq!(given, [Some(1), Some(2), None]);
}

#[tokio::test]
async fn a_one_time_key_is_given_to_one_of_many_who_ask_at_once() {
    let world = World::new().await;
    let (shop, alice) = (world.join(shop()).await, world.join(alice()).await);
    let asked: Vec<_> = (0..20)
        .map(|_| {
            let (transport, shop, alice) = (world.transport(), shop.clone(), alice.address().clone());
            tokio::spawn(async move { transport.bundle(&shop, &alice).await.unwrap().one_time })
        })
        .collect();
    let mut given = Vec::new();
    for asked in asked {
        given.extend(asked.await.unwrap().map(|key| key.id));
    }
    given.sort_unstable();
    assert_eq!(given, [1, 2]);
}

#[tokio::test]
async fn keys_of_another_identity_than_was_registered_are_refused() {
    let world = World::new().await;
    let alice = world.join(alice()).await;
    let refused = world.transport().publish(&alice, upload(b"another identity", 0)).await;
    assert!(matches!(refused, Err(TransportError::Invalid { .. })));
}

/// One user asked for a business's keys again and again, and nobody else got a one-time key any more.
#[tokio::test]
async fn one_time_keys_of_another_are_given_up_to_the_share_of_the_day() {
    let world = World::new().await;
    let (shop, alice) = (world.join(shop()).await, world.join(alice()).await);
    world.transport().publish(&shop, upload(b"identity", 40)).await.unwrap();
    let bundle =
        async |who: &Caller| world.transport().bundle(who, shop.address()).await.unwrap().one_time.is_some();
    for _ in 0..MAX_ONE_TIME_KEYS_A_DAY {
        assert!(bundle(&alice).await);
    }
    assert!(!bundle(&alice).await, "one more than its share");
    assert_eq!(
        world.transport().connect(&shop).await.unwrap().one_time_keys,
        40 - usize::from(MAX_ONE_TIME_KEYS_A_DAY)
    );
    let bob = world.join(crate::erase::bob()).await;
    assert!(bundle(&bob).await, "others have theirs");
    // Also by a carrier that was opened since; and tomorrow there is another share.
    let again =
        Carrier::open(BoxStore::new(world.store.clone()), world.clock.clone(), &world.rng).await.unwrap();
    assert!(again.bundle(&alice, shop.address()).await.unwrap().one_time.is_none());
    world.clock.set(NOW.after(days(1)));
    assert!(bundle(&alice).await);
}

#[tokio::test]
async fn two_users_have_no_keys_for_each_other() {
    let world = World::new().await;
    let (alice, bob) = (world.join(alice()).await, world.join(crate::erase::bob()).await);
    let refused = world.transport().bundle(&alice, bob.address()).await;
    assert!(matches!(refused, Err(TransportError::Invalid { .. })));
}

#[tokio::test]
async fn the_owner_is_told_when_its_stock_is_low_whoever_has_taken_the_keys() {
    let world = World::new().await;
    let (shop, alice) = (world.join(shop()).await, world.join(alice()).await);
    world.transport().publish(&shop, upload(b"identity", 4)).await.unwrap();
    let waiting = tokio::spawn({
        let (transport, shop) = (world.transport(), shop.clone());
        async move { transport.low_stock(&shop, 2).await.unwrap() }
    });
    for taken in 1..=2 {
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "{taken}");
        world.transport().bundle(&alice, shop.address()).await.unwrap();
    }
    let told = waiting.await.unwrap();
    assert_eq!((told.one_time_keys, told.highest_one_time), (2, 4));
    assert_eq!(world.transport().low_stock(&shop, 3).await.unwrap().one_time_keys, 2, "at once, if it is so");
}

/// The keys of one user could not be read, and a business that needed them to answer that user did not
/// receive from anybody any more.
#[tokio::test]
async fn damaged_keys_are_no_keys_until_their_owner_leaves_others() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    let rows = crate::erase::rows(&world.store, &[&alice()]).await;
    let keys = rows.iter().find(|row| row.1.space() == Space::new(0x40)).unwrap();
    let mut batch = Batch::new(keys.0);
    batch.put(keys.1.clone(), &b"damaged"[..]);
    assert!(matches!(world.store.commit(batch).await.unwrap(), Commit::Committed(_)));
    let world = world.restart().await;
    let error = world.transport().bundle(&us, her.address()).await.unwrap_err();
    assert!(matches!(error, TransportError::NoKeys) && !error.may_pass(), "{error:?}");
    let connected = world.transport().connect(&her).await.unwrap();
    assert_eq!((connected.one_time_keys, connected.highest_one_time), (2, 0), "it is to leave all anew");
    world.transport().publish(&her, upload(b"identity", 3)).await.unwrap();
    let connected = world.transport().connect(&her).await.unwrap();
    assert_eq!((connected.one_time_keys, connected.highest_one_time), (1, 3), "the new one");
    assert_eq!(
        &world.transport().bundle(&us, her.address()).await.unwrap().identity[..],
        key_of(b"identity")
    );
}

/// A store in which a wrapper cannot open the lasting keys of anybody, such as a vault whose key for them is
/// lost.
struct SealedKeys(Arc<MemoryStore>);

impl StoreWrapper for SealedKeys {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.0
    }

    async fn pass_get(&self, of: Partition, key: &Key, now: Timestamp) -> Result<Option<Record>, StoreError> {
        let found = self.0.get(of, key, now).await?;
        // What its owner leaves anew is under a key that is there.
        match found {
            Some(record) if key.space() == Space::new(0x40) && record.value.ends_with(b"old") => {
                Err(StoreError::wrapper(Fault::Record, "the key is lost"))
            }
            found => Ok(found),
        }
    }
}

#[tokio::test]
async fn keys_that_cannot_be_read_are_no_keys_until_their_owner_leaves_others() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    let rows = crate::erase::rows(&world.store, &[&alice()]).await;
    let keys = rows.iter().find(|row| row.1.space() == Space::new(0x40)).unwrap();
    let mut batch = Batch::new(keys.0);
    batch.put(keys.1.clone(), &b"old"[..]);
    assert!(matches!(world.store.commit(batch).await.unwrap(), Commit::Committed(_)));
    let store = SealedKeys(Arc::clone(&world.store));
    let carrier = Carrier::open(BoxStore::new(store), world.clock.clone(), &world.rng).await.unwrap();
    let transport = InProcess::new(Arc::new(carrier));
    let error = transport.bundle(&us, her.address()).await.unwrap_err();
    assert!(matches!(error, TransportError::NoKeys) && !error.may_pass(), "{error:?}");
    transport.publish(&her, upload(b"identity", 3)).await.unwrap();
    assert_eq!(&transport.bundle(&us, her.address()).await.unwrap().identity[..], key_of(b"identity"));
}

#[tokio::test]
async fn a_damaged_one_time_key_is_passed_over() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    let rows = crate::erase::rows(&world.store, &[&alice()]).await;
    let key = rows.iter().find(|row| row.1.space() == Space::new(0x41)).unwrap();
    let mut batch = Batch::new(key.0);
    batch.put(key.1.clone(), [&key.2.value[..8], &[0xff; 5]].concat());
    assert!(matches!(world.store.commit(batch).await.unwrap(), Commit::Committed(_)));
    let given = world.transport().bundle(&us, her.address()).await.unwrap().one_time;
    assert_eq!(given.map(|key| key.id), Some(2));
}

#[tokio::test]
async fn a_repeated_upload_does_not_bring_back_what_was_given_away() {
    // A network that delivers an upload twice, the second time after one of its keys was given away, had the
    // same one-time key given to two users. The second one's first messages could not be opened, and were
    // lost.
    let world = World::new().await;
    let (shop, alice) = (world.join(shop()).await, world.join(alice()).await);
    world.transport().bundle(&shop, alice.address()).await.unwrap();
    let connected = world.transport().publish(&alice, upload(b"identity", 2)).await.unwrap();
    assert_eq!(connected.one_time_keys, 1);
    let bundle = world.transport().bundle(&shop, alice.address()).await.unwrap();
    assert_eq!(bundle.one_time.unwrap().id, 2);
}

/// A one-time key was given away beside a later signed prekey than it was left with, long after its owner had
/// reason to keep it.
#[tokio::test]
async fn one_time_keys_are_given_beside_the_signed_prekey_they_were_left_with_and_no_other() {
    let world = World::new().await;
    let (shop, alice) = (world.join(shop()).await, world.join(alice()).await);
    let renewed = |ids: &[u32]| {
        let mut keys = upload(b"identity", 0);
        keys.signed = Some(SignedKey::new(2, vec![5; 33], vec![2; 64]));
        keys.one_time = ids.iter().map(|id| OneTimeKey::new(*id, vec![3; 33])).collect();
        keys
    };
    let left = world.transport().publish(&alice, renewed(&[3, 4])).await.unwrap();
    assert_eq!((left.one_time_keys, left.highest_one_time), (2, 4), "those of before are gone");
    let left = world.transport().publish(&alice, renewed(&[5])).await.unwrap();
    assert_eq!((left.one_time_keys, left.highest_one_time), (3, 5), "it is the same signed prekey");
    let bundle = world.transport().bundle(&shop, alice.address()).await.unwrap();
    assert_eq!((bundle.signed().unwrap().id, bundle.one_time.unwrap().id), (2, 3));
}

#[tokio::test]
async fn the_stock_of_one_time_keys_is_bounded() {
    let world = World::new().await;
    let alice = world.join(alice()).await;
    let most = u32::try_from(MAX_ONE_TIME_KEYS).unwrap();
    let connected = world.transport().publish(&alice, upload(b"identity", most)).await.unwrap();
    assert_eq!(connected.one_time_keys, MAX_ONE_TIME_KEYS);
    let counted = world.transport().connect(&alice).await.unwrap().one_time_keys;
    assert_eq!(counted, MAX_COUNTED_KEYS, "who connects hears whether there are enough");
    let mut one_more = upload(b"identity", 0);
    one_more.one_time.push(OneTimeKey::new(most + 1, vec![3; 33]));
    let too_many = world.transport().publish(&alice, one_more).await;
    assert!(matches!(too_many, Err(TransportError::Invalid { .. })));
}

#[tokio::test]
async fn keys_that_were_never_left_are_not_given() {
    let world = World::new().await;
    let shop = world.join(shop()).await;
    let unknown = world.transport().bundle(&shop, &alice()).await;
    assert!(matches!(unknown, Err(TransportError::UnknownRecipient)));
}

#[tokio::test]
async fn party_without_keys_is_known_once_it_has_connected() {
    let world = World::new().await;
    let us = world.join(shop()).await;
    world.transport().connect(&caller(alice(), 1)).await.unwrap();
    let none = world.transport().bundle(&us, &alice()).await;
    assert!(matches!(none, Err(TransportError::NoKeys)));
}
