use bulla_base::{Partition, SeededRng};
use bulla_endpoint::{Endpoint, SealError};
use bulla_store::{Commit, MemoryStore};

use crate::{End, NOW, alice, met, said, seal, shop};

#[tokio::test]
async fn an_identity_outlives_a_restart_and_each_start_is_the_next_incarnation() {
    let (store, rng) = (MemoryStore::new(), SeededRng::new(1));
    let home = Partition::from_bytes([1; 16]);
    let mut identities = Vec::new();
    for start in 1..=3 {
        let endpoint = Endpoint::open(&store, home, shop(), NOW, &rng).await.unwrap();
        assert_eq!(endpoint.incarnation(), start);
        let keys = endpoint.keys_to_publish(&store, 99, 0, NOW, &rng).await.unwrap();
        identities.push((keys.identity.clone(), keys.registration_id, keys.one_time[0].id));
    }
    assert!(identities.windows(2).all(|pair| pair[0].0 == pair[1].0 && pair[0].1 == pair[1].1));
    assert_eq!(identities.iter().map(|(_, _, id)| *id).collect::<Vec<_>>(), [1, 2, 3], "no id is used twice");
}

#[tokio::test]
async fn a_reinstalled_peer_is_followed_when_it_speaks_and_reported() {
    let rng = SeededRng::new(1);
    let (shop, before) = met(&rng).await;
    let envelope = shop.say(&before, "hello", &rng).await;
    before.hear(&shop, &envelope, &rng).await;
    let answer = before.say(&shop, "hello", &rng).await;
    assert!(!shop.hear(&before, &answer, &rng).await.identity_changed);

    let after = End::open(alice(), &rng).await;
    let mut peer = after.peer(&shop).await;
    peer.begin(&after.store, &shop.bundle(&rng).await, NOW, &rng).await.unwrap();
    let envelope = seal(&mut peer, "a new phone", &rng);
    assert!(matches!(after.keep(peer).await, Commit::Committed(_)));
    let received = shop.hear(&after, &envelope, &rng).await;
    assert!(received.identity_changed);
    let envelope = shop.say(&after, "congratulations", &rng).await;
    assert_eq!(after.hear(&shop, &envelope, &rng).await.content.unwrap(), said("congratulations"));
}

#[tokio::test]
async fn keys_of_another_identity_than_before_are_not_taken_from_the_carrier() {
    let rng = SeededRng::new(1);
    let (shop, _) = met(&rng).await;
    let impostor = End::open(alice(), &rng).await;
    let refused =
        shop.peer(&impostor).await.begin(&shop.store, &impostor.bundle(&rng).await, NOW, &rng).await;
    assert!(matches!(refused, Err(SealError::IdentityChanged)));
}

#[tokio::test]
async fn keys_that_their_owner_did_not_sign_are_refused() {
    use bulla_envelope::{KeyBundle, KeyUpload, SignedKey};
    let rng = SeededRng::new(1);
    let (shop, alice) = (End::open(shop(), &rng).await, End::open(alice(), &rng).await);
    let good = alice.bundle(&rng).await;
    let (signed, kyber) = (good.signed().unwrap(), good.kyber().unwrap());
    let forged = |key: &SignedKey| {
        let mut signature = key.signature.to_vec();
        signature[7] ^= 1;
        SignedKey::new(key.id, key.public.clone(), signature)
    };
    for (signed, kyber) in [(forged(signed), kyber.clone()), (signed.clone(), forged(kyber))] {
        let upload = KeyUpload::new(good.registration_id, good.identity.clone(), signed, kyber, Vec::new());
        let bundle = KeyBundle::new(alice.endpoint.address().device(), &upload, None).unwrap();
        let refused = shop.peer(&alice).await.begin(&shop.store, &bundle, NOW, &rng).await;
        assert!(matches!(refused, Err(SealError::Keys(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn two_businesses_or_two_users_have_no_conversation() {
    let rng = SeededRng::new(1);
    let shop = End::open(shop(), &rng).await;
    let to_itself = shop.endpoint.peer(&shop.store, crate::USER, shop.endpoint.address(), NOW).await;
    assert!(matches!(to_itself, Err(SealError::NotAConversation)));
}

#[tokio::test]
async fn no_secret_and_no_number_prints() {
    let rng = SeededRng::new(1);
    let (_, alice) = met(&rng).await;
    let printed = format!("{:?}", alice.endpoint);
    assert_eq!(
        printed,
        "Endpoint { address: Address { party: User(Number(…34)), device: DeviceId(1) }, incarnation: 1, .. }"
    );
}
