use bulla_base::{Category, MessageId, Partition, SeededRng};
use bulla_endpoint::{Endpoint, IdentityPolicy, Peer, SealError};
use bulla_envelope::{Envelope, Kind};
use bulla_store::{Commit, Key, MemoryStore, Scan, Space, Store};

use crate::{End, NOW, USER, alice, met, said, seal, shop};

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
async fn an_endpoint_signs_with_the_identity_that_it_publishes_and_its_signer_does_not_print() {
    let (store, rng) = (MemoryStore::new(), SeededRng::new(1));
    let endpoint = Endpoint::open(&store, Partition::from_bytes([1; 16]), shop(), NOW, &rng).await.unwrap();
    let signer = endpoint.signer();
    assert_eq!(signer.identity_key(), endpoint.identity().to_bytes());
    let key = bulla_session::IdentityKey::from_bytes(&signer.identity_key()).unwrap();
    let signature = bulla_session::Signature::from_bytes(&signer.sign(b"who I am", &rng)).unwrap();
    assert!(key.public().verify(b"who I am", &signature).is_ok());
    assert!(key.public().verify(b"who I was", &signature).is_err());
    assert_eq!(format!("{signer:?}"), "EndpointSigner(…)");
}

#[tokio::test]
async fn a_reinstalled_peer_is_followed_when_it_speaks_and_reported() {
    let rng = SeededRng::new(1);
    let (shop, before) = spoken(&rng).await;
    let answer = before.say(&shop, "hello", &rng).await;
    assert!(!shop.hear(&before, &answer, &rng).await.identity_changed);

    let after = End::open(alice(), &rng).await;
    let [envelope] = begin_and_say(&after, &shop, ["a new phone"], &rng).await;
    let received = shop.hear(&after, &envelope, &rng).await;
    assert!(received.identity_changed);
    let envelope = shop.say(&after, "congratulations", &rng).await;
    assert_eq!(after.hear(&shop, &envelope, &rng).await.content.unwrap(), said("congratulations"));
}

/// The peer as it is kept, opened anew.
async fn keep_and_take<'a>(end: &'a End, peer: Peer<'_>, of: &End) -> Peer<'a> {
    assert!(matches!(end.keep(peer).await, Commit::Committed(_)));
    end.peer(of).await
}

#[tokio::test]
async fn keys_of_another_identity_are_followed_and_the_change_is_told() {
    let rng = SeededRng::new(1);
    let (shop, before) = met(&rng).await;
    let after = End::open(alice(), &rng).await;
    let mut peer = shop.peer(&after).await;
    assert_eq!(peer.identity(), Some(before.endpoint.identity()));
    let begun = peer.begin(&shop.store, &after.bundle(&rng).await, NOW, &rng).await.unwrap();
    assert!(begun.identity_changed);
    assert_eq!(peer.identity(), Some(after.endpoint.identity()));
    let begun = peer.begin(&shop.store, &after.bundle(&rng).await, NOW, &rng).await.unwrap();
    assert!(!begun.identity_changed, "it is told once");
    let envelope = seal(&mut peer, "to the new phone", &rng);
    assert_eq!(envelope.installation(), Some(after.endpoint.installation()));
    assert_eq!(after.hear(&shop, &envelope, &rng).await.content.unwrap(), said("to the new phone"));
}

#[tokio::test]
async fn keys_of_another_identity_wait_for_approval_where_that_is_the_policy() {
    let rng = SeededRng::new(1);
    let (mut shop, before) = met(&rng).await;
    shop.endpoint = shop.endpoint.with_identity_policy(IdentityPolicy::Hold);
    let (after, third) = (End::open(alice(), &rng).await, End::open(alice(), &rng).await);
    let mut peer = shop.peer(&after).await;
    let refused = peer.begin(&shop.store, &after.bundle(&rng).await, NOW, &rng).await;
    assert!(matches!(refused, Err(SealError::IdentityChanged)));

    let mut peer = keep_and_take(&shop, peer, &after).await;
    assert!(peer.is_held() && !peer.needs_keys(NOW), "more keys would not help");
    assert_eq!(peer.identity(), Some(after.endpoint.identity()));
    assert!(matches!(try_seal(&mut peer, &rng), Err(SealError::IdentityChanged)));
    assert!(!peer.approve(&third.endpoint.identity()) && !peer.approve(&before.endpoint.identity()));
    assert!(peer.is_held(), "nobody approved the one that is there");

    assert!(peer.approve(&after.endpoint.identity()));
    let mut peer = keep_and_take(&shop, peer, &after).await;
    assert!(peer.needs_keys(NOW), "the session in use is with the old phone");
    assert!(matches!(try_seal(&mut peer, &rng), Err(SealError::NoSession)));
    let refused = peer.begin(&shop.store, &third.bundle(&rng).await, NOW, &rng).await;
    assert!(matches!(refused, Err(SealError::IdentityChanged)), "this one was not approved");
    let mut peer = shop.peer(&after).await;
    let begun = peer.begin(&shop.store, &after.bundle(&rng).await, NOW, &rng).await.unwrap();
    assert!(!begun.identity_changed, "it was told before");
    let envelope = seal(&mut peer, "approved", &rng);
    let peer = keep_and_take(&shop, peer, &after).await;
    assert!(!peer.is_held() && !peer.needs_keys(NOW));
    assert_eq!(after.hear(&shop, &envelope, &rng).await.content.unwrap(), said("approved"));
}

#[tokio::test]
async fn what_a_changed_peer_says_is_opened_while_it_waits_for_approval() {
    let rng = SeededRng::new(1);
    let (mut shop, before) = spoken(&rng).await;
    shop.endpoint = shop.endpoint.with_identity_policy(IdentityPolicy::Hold);
    let late = before.say(&shop, "late", &rng).await;

    let after = End::open(alice(), &rng).await;
    let envelopes = begin_and_say(&after, &shop, ["a new phone", "and more"], &rng).await;
    let [first, second] =
        [shop.hear(&after, &envelopes[0], &rng).await, shop.hear(&after, &envelopes[1], &rng).await];
    assert!(first.identity_changed && !second.identity_changed, "it is told once");
    assert_eq!(first.content.unwrap(), said("a new phone"));
    assert_eq!(shop.hear(&before, &late, &rng).await.content.unwrap(), said("late"));

    let mut peer = shop.peer(&after).await;
    assert!(peer.is_held() && matches!(try_seal(&mut peer, &rng), Err(SealError::IdentityChanged)));
    assert!(peer.approve(&after.endpoint.identity()));
    let mut peer = keep_and_take(&shop, peer, &after).await;
    assert!(is_remembered(&shop).await, "that the session in use is not with who is believed");
    // The late message has put the old session in use, with whom nothing is sealed any more.
    assert!(peer.needs_keys(NOW));
    peer.begin(&shop.store, &after.bundle(&rng).await, NOW, &rng).await.unwrap();
    let envelope = seal(&mut peer, "welcome", &rng);
    assert_eq!(after.hear(&shop, &envelope, &rng).await.content.unwrap(), said("welcome"));
}

/// A message that was late, from the phone that was lost, put its session in use again, and the answer went
/// to nobody.
#[tokio::test]
async fn a_late_message_of_the_old_phone_does_not_take_the_conversation_back() {
    let rng = SeededRng::new(1);
    let (shop, before) = spoken(&rng).await;
    let late = before.say(&shop, "late", &rng).await;
    let after = End::open(alice(), &rng).await;
    let envelopes = begin_and_say(&after, &shop, ["a new phone", "still here"], &rng).await;
    assert!(shop.hear(&after, &envelopes[0], &rng).await.identity_changed);
    assert!(!shop.hear(&before, &late, &rng).await.identity_changed);
    let peer = shop.peer(&after).await;
    assert!(peer.needs_keys(NOW) && peer.identity() == Some(after.endpoint.identity()));
    drop(peer);
    // The new phone's next message says as much.
    assert!(is_remembered(&shop).await);
    assert!(!shop.hear(&after, &envelopes[1], &rng).await.identity_changed);
    assert!(!is_remembered(&shop).await, "a session with who is believed is in use");
    assert!(!shop.peer(&after).await.needs_keys(NOW));
    let envelope = shop.say(&after, "welcome", &rng).await;
    assert_eq!(after.hear(&shop, &envelope, &rng).await.content.unwrap(), said("welcome"));
}

#[tokio::test]
async fn nothing_is_sealed_in_a_retired_session_and_what_comes_in_it_opens() {
    let rng = SeededRng::new(1);
    let (shop, alice) = spoken(&rng).await;
    let mut peer = shop.peer(&alice).await;
    peer.retire_session(shop.endpoint.installation());
    assert!(!peer.needs_keys(NOW), "that is somebody else's");
    peer.retire_session(alice.endpoint.installation());
    let mut peer = keep_and_take(&shop, peer, &alice).await;
    assert!(peer.needs_keys(NOW) && matches!(try_seal(&mut peer, &rng), Err(SealError::NoSession)));
    drop(peer);
    let late = alice.say(&shop, "late", &rng).await;
    assert_eq!(shop.hear(&alice, &late, &rng).await.content.unwrap(), said("late"));
    let mut peer = shop.peer(&alice).await;
    assert!(peer.needs_keys(NOW), "hearing has not made it good");
    assert!(!peer.begin(&shop.store, &alice.bundle(&rng).await, NOW, &rng).await.unwrap().identity_changed);
    seal(&mut peer, "anew", &rng);
    assert!(!keep_and_take(&shop, peer, &alice).await.needs_keys(NOW));
}

#[tokio::test]
async fn both_sides_compare_the_same_safety_number_and_an_impostor_has_another() {
    let rng = SeededRng::new(1);
    let (shop, before) = spoken(&rng).await;
    let ours = shop.peer(&before).await.safety_number().unwrap();
    let theirs = before.peer(&shop).await.safety_number().unwrap();
    assert_eq!(ours.digits(), theirs.digits());
    assert_eq!(ours, theirs);
    assert!(ours.digits().len() == 60 && ours.to_string().split(' ').all(|group| group.len() == 5));
    assert!(ours.matches(&theirs.scannable()) && theirs.matches(&ours.scannable()));
    assert!(!ours.matches(&ours.scannable()) && !ours.matches(b"anything"));

    let impostor = End::open(alice(), &rng).await;
    assert!(impostor.peer(&shop).await.safety_number().is_none(), "they have not met");
    let mut peer = impostor.peer(&shop).await;
    peer.begin(&impostor.store, &shop.bundle(&rng).await, NOW, &rng).await.unwrap();
    let another = peer.safety_number().unwrap();
    assert_ne!(another, ours);
    assert!(another.digits() != ours.digits() && !ours.matches(&another.scannable()));
}

/// A shop that alice has heard, so that she can write back.
async fn spoken(rng: &SeededRng) -> (End, End) {
    let (shop, alice) = met(rng).await;
    let hello = shop.say(&alice, "hello", rng).await;
    alice.hear(&shop, &hello, rng).await;
    (shop, alice)
}

/// What `who` seals for `to` in a session that it begins.
async fn begin_and_say<const N: usize>(
    who: &End,
    to: &End,
    words: [&str; N],
    rng: &SeededRng,
) -> [Envelope; N] {
    let mut peer = who.peer(to).await;
    peer.begin(&who.store, &to.bundle(rng).await, NOW, rng).await.unwrap();
    let envelopes = words.map(|words| seal(&mut peer, words, rng));
    assert!(matches!(who.keep(peer).await, Commit::Committed(_)));
    envelopes
}

fn try_seal(peer: &mut Peer<'_>, rng: &SeededRng) -> Result<Envelope, SealError> {
    let id = MessageId::new(NOW, rng);
    peer.seal(id, Kind::Message(Category::Service), &said("anything"), NOW, rng)
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
    let (shop, alice) = met(&rng).await;
    let her = "Address { party: User(Number(…34)), device: DeviceId(1) }";
    assert_eq!(format!("{:?}", alice.endpoint), format!("Endpoint {{ address: {her}, incarnation: 1, .. }}"));
    assert_eq!(format!("{:?}", alice.endpoint.identity()), "Identity(…)");
    let printed = format!("{:?}", shop.peer(&alice).await);
    let start = format!("Peer {{ address: {her}, sessions: Sessions {{ peer: Some(IdentityKey(");
    assert!(printed.starts_with(&start), "{printed}");
    assert!(printed.ends_with("..)), unacknowledged: true, archived: 0, .. }, .. }"), "{printed}");
    // What is left between the two is the beginning of a public key.
    assert!(printed.len() < 190, "{printed}");
}

/// Whether anything is remembered of the peer's identity beside the sessions.
async fn is_remembered(end: &End) -> bool {
    let sessions = Scan::undated(Space::new(0x15));
    let name = end.store.keys(USER, &sessions, NOW).await.unwrap()[0].name().slice(..9);
    let trust = Key::undated(Space::new(0x15), [&name[..], &[0]].concat());
    end.store.get(USER, &trust, NOW).await.unwrap().is_some()
}

#[tokio::test]
async fn an_approved_identity_that_is_in_use_leaves_nothing_to_remember() {
    let rng = SeededRng::new(1);
    let (mut shop, _before) = spoken(&rng).await;
    shop.endpoint = shop.endpoint.with_identity_policy(IdentityPolicy::Hold);
    let after = End::open(alice(), &rng).await;
    let [envelope] = begin_and_say(&after, &shop, ["a new phone"], &rng).await;
    assert!(shop.hear(&after, &envelope, &rng).await.identity_changed);
    assert!(is_remembered(&shop).await);
    let mut peer = shop.peer(&after).await;
    assert!(peer.approve(&after.endpoint.identity()));
    let peer = keep_and_take(&shop, peer, &after).await;
    assert!(!peer.needs_keys(NOW) && !is_remembered(&shop).await);
}
