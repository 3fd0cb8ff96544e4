//! The log of businesses' identity keys: what stands in it, what proves it, what it costs, and what becomes
//! of it when the store dies or comes back from a backup.

use std::sync::{Arc, Mutex};

use bulla_base::{Address, PhoneNumberId};
use bulla_carrier::{Carrier, KeyLogResumption};
use bulla_envelope::{InstallationId, InvalidEnvelope, KeyBundle, KeyUpload, SignedKey};
use bulla_store::{
    BoxStore, CountingStore, Counts, Failure, FaultyStore, Generation, MemoryStore, Store, StoreError,
    StoreWrapper,
};
use bulla_transparency::{
    CompactRange, ConsistencyProof, Head, InclusionProof, KeyStatement, LogKey, LogSigner, NotSigned, Origin,
    SignedCheckpoint, TreeHash,
};
use bulla_transport::{
    BoxTransport, Caller, InProcess, Incarnation, MAX_LOG_LEAVES_AT_ONCE, NumberProof, Transport,
    TransportError,
};

use crate::{World, alice, caller, grpc, identities};

fn signer(seed: u8) -> LogSigner {
    LogSigner::from_seed(Origin::parse("carrier.example/keys").unwrap(), &[seed; 32])
}

fn key() -> LogKey {
    signer(7).public().clone()
}

fn identity(byte: u8) -> Vec<u8> {
    identities::key_of(&[byte]).to_vec()
}

fn business(number: u64) -> PhoneNumberId {
    PhoneNumberId::new(number)
}

/// An installation of a business with the identity of this byte.
fn installation(number: u64, byte: u8) -> Caller {
    let installation = InstallationId::of_identity(&identity(byte));
    Caller::new(Address::business(business(number)), installation, Incarnation::new(1))
}

fn keys(byte: u8) -> KeyUpload {
    let signed = SignedKey::new(1, vec![1; 33], vec![2; 64]);
    KeyUpload::new(7, identity(byte), signed.clone(), signed, Vec::new())
}

/// A carrier that keeps a log in `store`.
async fn keeping<S: Store>(world: &World, store: S) -> Carrier<BoxStore> {
    let carrier = Carrier::open(BoxStore::new(store), world.clock.clone(), &world.rng).await.unwrap();
    carrier.with_key_log(signer(7)).await.unwrap()
}

/// Has a business come with the identity of this byte, and leave keys.
async fn come<T: Transport>(carrier: &T, number: u64, byte: u8) -> Caller {
    let us = installation(number, byte);
    carrier.register(&us, &NumberProof::none()).await.unwrap();
    carrier.publish(&us, keys(byte)).await.unwrap();
    us
}

/// Who asks for bundles of businesses.
fn reader() -> Caller {
    caller(alice(), 1)
}

async fn ask<T: Transport>(carrier: &T, of: &Address) -> KeyBundle {
    carrier.connect(&reader()).await.unwrap();
    carrier.bundle(&reader(), of).await.unwrap()
}

/// What a bundle proves: the leaf, its place, and the head.
fn proven(bundle: &KeyBundle) -> (KeyStatement, u64, Head) {
    let entry = bundle.log.as_ref().unwrap();
    let statement = KeyStatement::from_bytes(&entry.statement).unwrap();
    let head = verified(&entry.signed_head);
    let proof = InclusionProof::from_bytes(&entry.inclusion).unwrap();
    proof.verify(&statement.leaf_hash(), &head).unwrap();
    assert_eq!(statement.key().as_bytes()[..], bundle.identity[..]);
    (statement, proof.index(), head)
}

fn verified(signed_head: &[u8]) -> Head {
    SignedCheckpoint::from_signed_head(&key(), signed_head).unwrap().verify(&key()).unwrap()
}

async fn head<T: Transport>(carrier: &T, caller: &Caller) -> Head {
    verified(&carrier.log_head(caller).await.unwrap())
}

/// That the carrier proves that `new` continues `old`.
async fn continues<T: Transport>(carrier: &T, caller: &Caller, old: &Head, new: &Head) {
    let proven = carrier.log_consistency(caller, old.size(), new.size()).await.unwrap();
    assert_eq!(proven.old_root()[..], old.root().as_bytes()[..]);
    ConsistencyProof::from_bytes(proven.proof()).unwrap().verify(old, new).unwrap();
}

/// In the same program, and over the wire.
async fn ways(world: World) -> [BoxTransport; 2] {
    let wire = grpc::wire_to(&world).await;
    [BoxTransport::new(InProcess::new(Arc::clone(&world.carrier))), wire]
}

async fn world_with_log() -> World {
    let mut world = World::new().await;
    world.carrier = Arc::new(keeping(&world, Arc::clone(&world.store)).await);
    world
}

#[tokio::test]
async fn bundles_of_businesses_prove_their_keys_on_every_way() {
    for carrier in ways(world_with_log().await).await {
        let mut heads = Vec::new();
        let first = 10 * head_size(&carrier).await;
        for number in first..first + 9 {
            let us = come(&carrier, number, 1).await;
            heads.push(head(&carrier, &us).await);
        }
        let us = installation(first + 8, 1);
        for (place, number) in (first..first + 9).enumerate() {
            let bundle = ask(&carrier, &Address::business(business(number))).await;
            let (statement, index, head) = proven(&bundle);
            assert_eq!((statement.business(), statement.version()), (business(number), 1));
            assert_eq!((index, head), (heads[place].size() - 1, heads[8]));
        }
        for (place, old) in heads.iter().enumerate() {
            for new in &heads[place..] {
                continues(&carrier, &us, old, new).await;
            }
        }
        let beyond = carrier.log_consistency(&us, 1, heads[8].size() + 1).await;
        assert!(matches!(beyond, Err(TransportError::NoLog)), "{beyond:?}");
        assert!(matches!(carrier.log_consistency(&us, 2, 1).await, Err(TransportError::NoLog)));
        let nothing = Head::new(0, TreeHash::of_nothing()).unwrap();
        continues(&carrier, &us, &nothing, &heads[8]).await;
        assert_eq!(leaves(&carrier, &us).await.head(), heads[8]);
    }
}

/// All leaves that the carrier shows, as a tree.
async fn leaves<T: Transport>(carrier: &T, caller: &Caller) -> CompactRange {
    let mut range = CompactRange::new();
    loop {
        let shown = carrier.log_leaves(caller, range.size()).await.unwrap();
        if shown.as_slice().is_empty() {
            return range;
        }
        for leaf in shown.as_slice() {
            range.append(TreeHash::of_leaf(leaf)).unwrap();
        }
    }
}

/// One call tells so many, and the next goes on behind them.
#[tokio::test]
async fn a_long_log_is_read_in_parts() {
    let world = world_with_log().await;
    let carrier = &*world.carrier;
    let mut us = installation(1, 1);
    let count = MAX_LOG_LEAVES_AT_ONCE as u64 + 3;
    for number in 0..count {
        us = come(carrier, number, 1).await;
    }
    assert_eq!(carrier.log_leaves(&us, 0).await.unwrap().as_slice().len(), MAX_LOG_LEAVES_AT_ONCE);
    assert_eq!(carrier.log_leaves(&us, 512).await.unwrap().as_slice().len(), 3);
    assert_eq!(leaves(carrier, &us).await.head(), head(carrier, &us).await);
    for beyond in [count, count + 1, u64::MAX] {
        assert!(carrier.log_leaves(&us, beyond).await.unwrap().as_slice().is_empty());
    }
    let without = World::new().await;
    without.carrier.connect(&reader()).await.unwrap();
    assert!(matches!(without.carrier.log_leaves(&reader(), 0).await, Err(TransportError::NoLog)));
}

/// How many leaves there are, asked by somebody who has just come.
async fn head_size(carrier: &BoxTransport) -> u64 {
    carrier.connect(&reader()).await.unwrap();
    head(carrier, &reader()).await.size()
}

#[tokio::test]
async fn another_identity_follows_the_one_before_and_the_same_is_not_said_twice() {
    let world = world_with_log().await;
    let carrier = &*world.carrier;
    let us = come(carrier, 1, 1).await;
    let (first, _, _) = proven(&ask(carrier, us.address()).await);
    carrier.publish(&us, keys(1)).await.unwrap();
    assert_eq!(head(carrier, &us).await.size(), 1);
    let us = come(carrier, 1, 2).await;
    let (second, index, _) = proven(&ask(carrier, us.address()).await);
    assert!(second.follows(&first));
    assert_eq!((second.version(), index), (2, 1));
    // Also a key of before is another one than the last.
    let us = come(carrier, 1, 1).await;
    let (third, index, _) = proven(&ask(carrier, us.address()).await);
    assert!(third.follows(&second));
    assert_eq!((third.version(), index, third.key()), (3, 2, first.key()));
}

#[tokio::test]
async fn users_do_not_stand_in_the_log() {
    let world = world_with_log().await;
    let us = come(&*world.carrier, 1, 1).await;
    // Not even a key: of a user that is not looked at.
    let her = world.join(alice()).await;
    assert!(world.carrier.bundle(&us, her.address()).await.unwrap().log.is_none());
    assert_eq!(head(&*world.carrier, &us).await.size(), 1);
}

#[tokio::test]
async fn what_is_no_key_is_refused_by_name_if_it_would_be_logged() {
    let world = world_with_log().await;
    let installation = InstallationId::of_identity(b"no key");
    let us = Caller::new(Address::business(business(1)), installation, Incarnation::new(1));
    world.carrier.connect(&us).await.unwrap();
    let mut keys = keys(1);
    keys.identity = b"no key".to_vec().into();
    let refused = world.carrier.publish(&us, keys).await;
    let field = "identity key";
    assert!(
        matches!(&refused, Err(TransportError::Invalid { source }) if *source == InvalidEnvelope::Field { field }),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_business_of_before_the_log_is_appended_when_it_is_asked_for() {
    let world = World::new().await;
    let us = come(&*world.carrier, 1, 1).await;
    assert!(ask(&*world.carrier, us.address()).await.log.is_none());
    for asked in
        [world.carrier.log_head(&us).await.err(), world.carrier.log_consistency(&us, 0, 0).await.err()]
    {
        assert!(matches!(asked, Some(TransportError::NoLog)), "{asked:?}");
    }
    let carrier = keeping(&world, Arc::clone(&world.store)).await;
    assert_eq!(head(&carrier, &us).await.size(), 0);
    assert_eq!(proven(&ask(&carrier, us.address()).await).2.size(), 1);
}

#[tokio::test]
async fn a_business_that_is_erased_stays_in_the_log_and_goes_on_in_it() {
    let world = world_with_log().await;
    come(&*world.carrier, 1, 1).await;
    let _ = world.carrier.erase_business(business(1)).await.unwrap();
    let us = come(&*world.carrier, 1, 2).await;
    let (statement, index, _) = proven(&ask(&*world.carrier, us.address()).await);
    assert_eq!((statement.version(), index), (2, 1));
}

#[tokio::test]
async fn another_key_begins_another_log() {
    let world = world_with_log().await;
    let us = come(&*world.carrier, 1, 1).await;
    come(&*world.carrier, 2, 1).await;
    let carrier = Carrier::open(BoxStore::new(Arc::clone(&world.store)), world.clock.clone(), &world.rng)
        .await
        .unwrap();
    let carrier = carrier.with_key_log(signer(8)).await.unwrap();
    let bytes = carrier.log_head(&us).await.unwrap();
    let checkpoint = SignedCheckpoint::from_signed_head(&key(), &bytes).unwrap();
    assert_eq!(checkpoint.verify(&key()), Err(NotSigned::WrongSignature));
    assert_eq!(
        SignedCheckpoint::from_signed_head(signer(8).public(), &bytes).unwrap().to_string().lines().nth(1),
        Some("0")
    );
}

/// Look-ups, commits, and rows written.
fn asked(counts: &Counts) -> (usize, usize, usize) {
    let asked = counts.take();
    (asked.look_ups.values().sum(), asked.commits, asked.rows_written)
}

/// The businesses of a log, and those of them that are asked for.
const BUSINESSES: u64 = 64;
const ASKED_FOR: [u64; 5] = [0, 1, 31, 40, 63];

/// What it costs for each business to come, and for some to be asked for by a carrier that has just started.
async fn costs(world: &World, logs: bool) -> [Vec<(usize, usize, usize)>; 2] {
    let store = Arc::new(CountingStore::new(MemoryStore::new()));
    let open = || async {
        let carrier =
            Carrier::open(BoxStore::new(Arc::clone(&store)), world.clock.clone(), &world.rng).await.unwrap();
        if logs { carrier.with_key_log(signer(7)).await.unwrap() } else { carrier }
    };
    let (counts, carrier) = (store.counts(), open().await);
    let (mut appends, mut proofs, _) = (Vec::new(), Vec::new(), asked(&counts));
    for number in 0..BUSINESSES {
        come(&carrier, number, 1).await;
        appends.push(asked(&counts));
    }
    for number in ASKED_FOR {
        let carrier = open().await;
        carrier.connect(&reader()).await.unwrap();
        let _ = asked(&counts);
        drop(carrier.bundle(&reader(), &Address::business(business(number))).await.unwrap());
        proofs.push(asked(&counts));
    }
    [appends, proofs]
}

/// An append reads the range and what was said last, and writes these with the leaf and the nodes that are
/// complete; a proof reads what was said last, and at most twice log₂ of the leaves. None depends on how many
/// leaves there are otherwise.
#[tokio::test]
async fn an_append_and_a_proof_cost_the_logarithm_of_the_leaves() {
    let world = World::new().await;
    let [appends, proofs] = costs(&world, false).await;
    let [appends_with, proofs_with] = costs(&world, true).await;
    let mut rows = 0;
    for (place, (without, with)) in appends.iter().zip(&appends_with).enumerate() {
        assert!(with.0 - without.0 <= 2, "reads of an append, {place}");
        assert_eq!(with.1 - without.1, 1, "one record");
        let written = with.2 - without.2;
        assert_eq!(written, 4 + place.trailing_ones() as usize, "rows of an append, {place}");
        rows += written;
    }
    assert_eq!(rows, 64 * 4 + 63, "three rows a leaf, and the nodes of the tree once each");
    for (without, with) in proofs.iter().zip(&proofs_with) {
        assert_eq!((with.1, with.2), (without.1, without.2), "a proof writes nothing");
        // The range was read at the start. In a log of 64 each hash of a proof is that of one node.
        assert_eq!(with.0 - without.0, 1 + 6, "reads of a proof");
    }
}

/// A store that was put back, until that is accepted.
struct PutBack(Arc<MemoryStore>, Mutex<Option<Generation>>);

impl StoreWrapper for PutBack {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.0
    }

    async fn pass_restored(&self) -> Option<Generation> {
        *self.1.lock().unwrap()
    }

    async fn pass_accept_restored(&self) -> Result<(), StoreError> {
        *self.1.lock().unwrap() = None;
        Ok(())
    }
}

/// A carrier whose store was put back from a backup, with a leaf in its log, and what others have seen last
/// if nothing was lost.
async fn put_back() -> (World, Carrier<BoxStore>, SignedCheckpoint) {
    let world = world_with_log().await;
    let us = come(&*world.carrier, 1, 1).await;
    let seen = world.carrier.log_head(&us).await.unwrap();
    let seen = SignedCheckpoint::from_signed_head(&key(), &seen).unwrap();
    let store = PutBack(Arc::clone(&world.store), Mutex::new(Some(Generation::new(5))));
    let carrier = keeping(&world, store).await;
    (world, carrier, seen)
}

#[tokio::test]
async fn a_log_that_was_put_back_stands_still_and_serves_what_it_has() {
    let (world, carrier, _) = put_back().await;
    let us = installation(1, 1);
    assert_eq!(proven(&ask(&carrier, us.address()).await).2.size(), 1, "what is there");
    let other = come(&carrier, 3, 3).await;
    assert!(ask(&carrier, other.address()).await.log.is_none(), "nothing is appended");
    assert_eq!(head(&carrier, &us).await.size(), 1, "nothing is signed that could be another history");
    // A second leaf was signed before, and is lost.
    let seen = signer(7).sign(&Head::new(2, TreeHash::of_leaf(b"lost")).unwrap());
    let lost = carrier.resume_key_log(Some(&seen)).await.unwrap();
    assert_eq!(lost, KeyLogResumption::Lost { here: 1, seen: 2 });
    let foreign = signer(8).sign(&Head::new(0, TreeHash::of_nothing()).unwrap());
    assert_eq!(carrier.resume_key_log(Some(&foreign)).await.unwrap(), KeyLogResumption::NotSigned);
    drop(carrier);
    // It is remembered: a restart makes no second history either.
    let carrier = keeping(&world, Arc::clone(&world.store)).await;
    assert!(ask(&carrier, other.address()).await.log.is_none());
}

#[tokio::test]
async fn a_log_that_lost_nothing_goes_on_with_what_others_have_seen() {
    let (world, carrier, seen) = put_back().await;
    let us = installation(1, 1);
    let before = head(&carrier, &us).await;
    let other = come(&carrier, 3, 3).await;
    assert!(ask(&carrier, other.address()).await.log.is_none());
    assert_eq!(carrier.resume_key_log(Some(&seen)).await.unwrap(), KeyLogResumption::Resumed);
    let (statement, index, after) = proven(&ask(&carrier, other.address()).await);
    assert_eq!((statement.business(), index), (business(3), 1));
    continues(&carrier, &us, &before, &after).await;
    drop(carrier);
    let carrier = keeping(&world, Arc::clone(&world.store)).await;
    come(&carrier, 4, 4).await;
    assert_eq!(head(&carrier, &us).await.size(), 3, "it goes on after a restart, too");
}

#[tokio::test]
async fn a_log_in_a_store_that_was_put_back_to_before_it_does_not_begin_anew() {
    let world = World::new().await;
    let us = come(&*world.carrier, 1, 1).await;
    let store = PutBack(Arc::clone(&world.store), Mutex::new(Some(Generation::new(5))));
    let carrier = keeping(&world, store).await;
    assert!(ask(&carrier, us.address()).await.log.is_none());
    assert_eq!(carrier.resume_key_log(None).await.unwrap(), KeyLogResumption::Resumed);
    assert_eq!(proven(&ask(&carrier, us.address()).await).1, 0);
}

/// The statement was durable and the keys were not: the business leaves them again, and is not said twice.
#[tokio::test]
async fn a_crash_between_the_statement_and_the_keys_is_mended_when_they_are_left_again() {
    let world = World::new().await;
    let store = Arc::new(FaultyStore::new(MemoryStore::new()));
    let carrier = keeping(&world, Arc::clone(&store)).await;
    let us = installation(1, 1);
    carrier.register(&us, &NumberProof::none()).await.unwrap();
    let mut commits = 0;
    store.fail_when(move |call| {
        commits += usize::from(call.is_commit());
        (commits > 1).then(|| Failure::Refused(StoreError::Poisoned { source: None }))
    });
    let failed = carrier.publish(&us, keys(1)).await;
    assert!(matches!(failed, Err(TransportError::CarrierFailed { .. })), "{failed:?}");
    store.recover();
    drop(carrier);
    let carrier = keeping(&world, store).await;
    assert_eq!(head(&carrier, &us).await.size(), 1, "the statement comes first");
    carrier.connect(&reader()).await.unwrap();
    let asked = carrier.bundle(&reader(), us.address()).await;
    assert!(matches!(asked, Err(TransportError::NoKeys)), "and nobody is given the key: {asked:?}");
    carrier.publish(&us, keys(1)).await.unwrap();
    assert_eq!(proven(&ask(&carrier, us.address()).await).2.size(), 1);
}
