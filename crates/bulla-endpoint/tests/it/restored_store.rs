//! A store that was put back from a backup: its sessions open, and are not sealed in again.

use std::collections::BTreeSet;

use bulla_base::SeededRng;
use bulla_endpoint::{Endpoint, SealError, begin_generation};
use bulla_envelope::{Envelope, Form};
use bulla_session::message::{PreKeySignalMessage, SignalMessage};
use bulla_store::{Batch, Commit, MemoryStore, SYSTEM_PARTITION, Scan, Space, Store};

use crate::{End, HOME, NOW, USER, alice, met, said, seal, shop};

impl End {
    /// Opens on a store that was put back.
    async fn put_back(&mut self, store: MemoryStore, generation: u32, rng: &SeededRng) {
        begin_generation(&store, generation).await.unwrap();
        self.endpoint =
            Endpoint::open(&store, HOME, self.endpoint.address().clone(), NOW, rng).await.unwrap();
        self.store = store;
    }

    /// Seals and keeps, in a new session if there is none to seal in; says whether there was none.
    async fn say_somehow(&self, to: &Self, text: &str, rng: &SeededRng) -> (Envelope, bool) {
        let mut peer = self.peer(to).await;
        let is_new = peer.needs_keys(NOW);
        if is_new {
            let bundle = to.bundle(rng).await;
            peer.begin(&self.store, &bundle, NOW, rng).await.unwrap();
        }
        let envelope = seal(&mut peer, text, rng);
        assert!(matches!(self.keep(peer).await, Commit::Committed(_)));
        (envelope, is_new)
    }
}

/// What a copy of the store's files would be.
async fn copy_of(store: &MemoryStore) -> MemoryStore {
    let copy = MemoryStore::new();
    for partition in [SYSTEM_PARTITION, HOME, USER] {
        for space in 0x10..=0x17 {
            for (key, record) in store.scan(partition, &Scan::undated(Space::new(space)), NOW).await.unwrap()
            {
                let mut batch = Batch::new(partition);
                batch.put(key, record.value);
                assert!(matches!(copy.commit(batch).await.unwrap(), Commit::Committed(_)));
            }
        }
    }
    copy
}

/// The step an envelope was sealed in: the sender's ratchet key and the place in its chain.
fn step(envelope: &Envelope) -> (Vec<u8>, u32) {
    let of = |message: &SignalMessage<'_>| (message.ratchet_key().to_bytes().to_vec(), message.counter());
    match envelope.form() {
        Form::PreKey => of(PreKeySignalMessage::parse(envelope.sealed()).unwrap().message()),
        _ => of(&SignalMessage::parse(envelope.sealed()).unwrap()),
    }
}

/// Two that have each heard the other.
async fn acquainted(rng: &SeededRng) -> (End, End) {
    let (shop, alice) = met(rng).await;
    let envelope = shop.say(&alice, "hello", rng).await;
    alice.hear(&shop, &envelope, rng).await;
    let envelope = alice.say(&shop, "hello", rng).await;
    shop.hear(&alice, &envelope, rng).await;
    (shop, alice)
}

#[tokio::test]
async fn after_a_restore_the_sessions_open_and_nothing_is_sealed_in_them() {
    let rng = SeededRng::new(1);
    let (mut shop, alice) = acquainted(&rng).await;
    let late = [alice.say(&shop, "late", &rng).await, alice.say(&shop, "later", &rng).await];
    let backup = copy_of(&shop.store).await;
    shop.put_back(backup, 7, &rng).await;

    assert_eq!(shop.hear(&alice, &late[0], &rng).await.content.unwrap(), said("late"));
    let mut peer = shop.peer(&alice).await;
    assert!(peer.needs_keys(NOW), "hearing has not made it good");
    let refused = peer.seal(
        bulla_base::MessageId::new(NOW, &rng),
        bulla_envelope::Kind::Receipt,
        &said("in the old session"),
        NOW,
        &rng,
    );
    assert!(matches!(refused, Err(SealError::NoSession)), "{refused:?}");
    drop(peer);

    let (envelope, is_new) = shop.say_somehow(&alice, "anew", &rng).await;
    assert!(is_new && envelope.form() == Form::PreKey);
    assert!(!shop.say_somehow(&alice, "and on", &rng).await.1);
    // What is still under way opens, and does not bring the old session back.
    assert_eq!(shop.hear(&alice, &late[1], &rng).await.content.unwrap(), said("later"));
    let (envelope, is_new) = shop.say_somehow(&alice, "still anew", &rng).await;
    assert!(!is_new && envelope.form() == Form::PreKey);
    assert_eq!(alice.hear(&shop, &envelope, &rng).await.content.unwrap(), said("still anew"));
    let answer = alice.say(&shop, "I hear you", &rng).await;
    assert_eq!(shop.hear(&alice, &answer, &rng).await.content.unwrap(), said("I hear you"));
    assert_eq!(shop.say_somehow(&alice, "good", &rng).await.0.form(), Form::Signal);
}

#[tokio::test]
async fn a_session_the_peer_begins_after_a_restore_is_sealed_in() {
    let rng = SeededRng::new(1);
    let (mut shop, alice) = acquainted(&rng).await;
    let late = alice.say(&shop, "late", &rng).await;
    let backup = copy_of(&shop.store).await;
    shop.put_back(backup, 1, &rng).await;
    let mut peer = alice.peer(&shop).await;
    peer.begin(&alice.store, &shop.bundle(&rng).await, NOW, &rng).await.unwrap();
    let envelope = seal(&mut peer, "anew", &rng);
    assert!(matches!(alice.keep(peer).await, Commit::Committed(_)));
    let received = shop.hear(&alice, &envelope, &rng).await;
    assert!(!received.identity_changed);
    assert_eq!(shop.hear(&alice, &late, &rng).await.content.unwrap(), said("late"));
    let (envelope, is_new) = shop.say_somehow(&alice, "welcome", &rng).await;
    assert!(!is_new);
    assert_eq!(alice.hear(&shop, &envelope, &rng).await.content.unwrap(), said("welcome"));
}

#[tokio::test]
async fn no_step_is_taken_twice_whatever_is_put_back() {
    for seed in 0..40 {
        let rng = SeededRng::new(seed);
        let draw = |most: u8| {
            let mut byte = [0];
            bulla_base::Rng::fill(&rng, &mut byte);
            byte[0] % most
        };
        let (mut shop, alice) = acquainted(&rng).await;
        let (mut backups, mut steps, mut generation) = (vec![copy_of(&shop.store).await], BTreeSet::new(), 0);
        for _ in 0..30 {
            match draw(8) {
                0..4 => {
                    let (envelope, _) = shop.say_somehow(&alice, "word", &rng).await;
                    assert!(steps.insert(step(&envelope)), "seed {seed}: a step was taken twice");
                    if draw(3) > 0 {
                        assert_eq!(alice.hear(&shop, &envelope, &rng).await.content.unwrap(), said("word"));
                    }
                }
                4..6 => {
                    let (envelope, _) = alice.say_somehow(&shop, "answer", &rng).await;
                    // A session may be newer than the backup: then it does not open, and is answered in a new
                    // one.
                    let mut peer = shop.peer(&alice).await;
                    if peer.open(&shop.store, &envelope, NOW, &rng).await.is_ok() {
                        assert!(matches!(shop.keep(peer).await, Commit::Committed(_)));
                    }
                }
                6 => backups.push(copy_of(&shop.store).await),
                _ => {
                    generation += 1;
                    let which = usize::from(draw(backups.len().try_into().unwrap()));
                    shop.put_back(copy_of(&backups[which]).await, generation, &rng).await;
                }
            }
        }
        assert!(steps.len() > 5, "seed {seed}: nothing was tried");
    }
}

#[tokio::test]
async fn each_life_speaks_above_all_incarnations_before_and_takes_new_ids() {
    let rng = SeededRng::new(1);
    let mut shop = End::open(shop(), &rng).await;
    let backup = copy_of(&shop.store).await;
    let (mut incarnation, mut highest) = (0, 0);
    for generation in [1, 2, 5] {
        shop.put_back(copy_of(&backup).await, generation, &rng).await;
        assert!(shop.endpoint.incarnation() > incarnation);
        let again = Endpoint::open(&shop.store, HOME, crate::shop(), NOW, &rng).await.unwrap();
        assert_eq!(again.incarnation(), shop.endpoint.incarnation() + 1);
        incarnation = again.incarnation();
        let keys = again.keys_to_publish(&shop.store, 98, highest, NOW, &rng).await.unwrap();
        assert!(keys.one_time.iter().all(|key| key.id > highest));
        highest = keys.one_time.iter().map(|key| key.id).max().unwrap();
    }
    assert_eq!((incarnation, highest), ((5 << 32) + 1, 6));
}

#[tokio::test]
async fn a_changed_identity_is_noticed_across_a_restore() {
    let rng = SeededRng::new(1);
    let (mut shop, _) = acquainted(&rng).await;
    let backup = copy_of(&shop.store).await;
    shop.put_back(backup, 1, &rng).await;
    let impostor = End::open(alice(), &rng).await;
    let mut peer = shop.peer(&impostor).await;
    let begun = peer.begin(&shop.store, &impostor.bundle(&rng).await, NOW, &rng).await.unwrap();
    assert!(begun.identity_changed);
}

/// What the carrier gives away may have been left by a later life of the store, whose keys are lost.
#[tokio::test]
async fn a_restored_store_leaves_its_prekeys_with_the_carrier_anew_and_once() {
    let rng = SeededRng::new(7);
    let (mut shop, _) = acquainted(&rng).await;
    let keys = shop.endpoint.keys_to_publish(&shop.store, 0, 0, NOW, &rng).await.unwrap();
    shop.endpoint.set_published(&shop.store, &keys, NOW).await.unwrap();
    assert!(!shop.endpoint.renewal_is_due(&shop.store, NOW).await.unwrap());

    let backup = copy_of(&shop.store).await;
    shop.put_back(backup, 1, &rng).await;
    assert!(shop.endpoint.renewal_is_due(&shop.store, NOW).await.unwrap());
    let again = shop.endpoint.keys_to_publish(&shop.store, 100, 100, NOW, &rng).await.unwrap();
    assert_eq!(again.signed, keys.signed, "those it has: nothing is made anew before its time");
    shop.endpoint.set_published(&shop.store, &again, NOW).await.unwrap();
    assert!(!shop.endpoint.renewal_is_due(&shop.store, NOW).await.unwrap());
}
