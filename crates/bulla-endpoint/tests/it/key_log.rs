//! What is believed of a carrier's log of keys, and what a peer's word of it leads to.

use std::sync::Mutex;

use bulla_base::{PhoneNumberId, Rng, SeededRng};
use bulla_endpoint::{KeyLog, LogSource, NotLogged, OnSplitLog, SealError};
use bulla_envelope::{KeyBundle, LogEntry};
use bulla_transparency::{
    CompactRange, ConsistencyProof, Evidence, Head, IdentityKey, InclusionProof, InvalidForm, KeyStatement,
    LogKey, LogSigner, NodeId, NotProven, Origin, TreeHash, Verdict,
};
use bytes::Bytes;

use crate::{End, NOW, alice, seal, shop};

pub(crate) const SHOP: PhoneNumberId = PhoneNumberId::new(106_540_352_242_922);

fn signer(seed: u8) -> LogSigner {
    LogSigner::from_seed(Origin::parse("carrier.example/keys").unwrap(), &[seed; 32])
}

fn key() -> LogKey {
    signer(7).public().clone()
}

/// A log in memory, which answers from what it has unless it is silent.
#[derive(Default)]
pub(crate) struct TestLog {
    /// Whose key signs it, if not that of the tests.
    signed_by: Option<u8>,
    leaves: Vec<TreeHash>,
    /// What it shows as its leaves.
    pub(crate) shown: Vec<Bytes>,
    pub(crate) is_silent: Mutex<bool>,
}

impl TestLog {
    pub(crate) fn of(leaves: &[&KeyStatement]) -> Self {
        let shown = leaves.iter().map(|leaf| Bytes::copy_from_slice(&leaf.to_bytes())).collect();
        let leaves = leaves.iter().map(|leaf| leaf.leaf_hash()).collect();
        Self { leaves, shown, ..Self::default() }
    }

    fn stored(&self, size: usize) -> (CompactRange, Vec<(NodeId, TreeHash)>) {
        let (mut range, mut stored) = (CompactRange::new(), Vec::new());
        self.leaves[..size].iter().for_each(|leaf| stored.extend(range.append(*leaf).unwrap()));
        (range, stored)
    }

    fn read(&self, nodes: &[NodeId]) -> Vec<TreeHash> {
        let (_, stored) = self.stored(self.leaves.len());
        nodes.iter().map(|node| stored.iter().find(|(other, _)| other == node).unwrap().1).collect()
    }

    fn signed(&self, size: usize) -> [u8; 104] {
        let head = self.stored(size).0.head();
        let signer = signer(self.signed_by.unwrap_or(7));
        signer.sign(&head).to_signed_head(signer.public()).unwrap()
    }

    fn entry(&self, statement: &KeyStatement, index: u64) -> LogEntry {
        let size = self.leaves.len();
        let nodes = self.read(&InclusionProof::nodes(index, size as u64).unwrap());
        let proof = InclusionProof::from_nodes(index, size as u64, &nodes).unwrap();
        LogEntry::new(statement.to_bytes().to_vec(), proof.to_bytes(), self.signed(size).to_vec())
    }
}

impl LogSource for TestLog {
    async fn head(&self) -> Option<Bytes> {
        let is_silent = *self.is_silent.lock().unwrap();
        (!is_silent).then(|| Bytes::copy_from_slice(&self.signed(self.leaves.len())))
    }

    async fn consistency(&self, old: u64, new: u64) -> Option<(Bytes, Bytes)> {
        if *self.is_silent.lock().unwrap() || new > self.leaves.len() as u64 {
            return None;
        }
        let root = *Head::from_nodes(old, &self.read(&Head::nodes(old).unwrap())).unwrap().root();
        let nodes = self.read(&ConsistencyProof::nodes(old, new).unwrap());
        let proof = ConsistencyProof::from_nodes(old, new, &nodes).unwrap();
        Some((Bytes::copy_from_slice(root.as_bytes()), proof.to_bytes().into()))
    }

    // Two at once.
    async fn leaves(&self, first: u64) -> Option<Vec<Bytes>> {
        let is_silent = *self.is_silent.lock().unwrap();
        let behind = self.shown.iter().skip(usize::try_from(first).unwrap());
        (!is_silent).then(|| behind.take(2).cloned().collect())
    }
}

pub(crate) fn statement(business: u64, byte: u8) -> KeyStatement {
    let key = IdentityKey::from_bytes(&[&[5][..], &[byte; 32]].concat()).unwrap();
    KeyStatement::first(PhoneNumberId::new(business), key)
}

/// What the log says of this bundle's key.
fn statement_of(bundle: &KeyBundle) -> KeyStatement {
    KeyStatement::first(SHOP, IdentityKey::from_bytes(&bundle.identity).unwrap())
}

pub(crate) async fn log_of(end: &End) -> KeyLog {
    KeyLog::open(&end.store, key(), OnSplitLog::StopNewSessions, NOW).await.unwrap()
}

/// The shop with its bundle, and Alice, who looks at the log.
async fn parties(rng: &SeededRng) -> (End, KeyBundle, End, KeyLog) {
    let (shop, alice) = (End::open(shop(), rng).await, End::open(alice(), rng).await);
    let (bundle, log) = (shop.bundle(rng).await, log_of(&alice).await);
    assert!(alice.endpoint.check_with(log.clone()) && !alice.endpoint.check_with(log.clone()));
    (shop, bundle, alice, log)
}

async fn begins(alice: &End, shop: &End, bundle: &KeyBundle, rng: &dyn Rng) -> Result<(), NotLogged> {
    match alice.peer(shop).await.begin(&alice.store, bundle, NOW, rng).await {
        Ok(_) => Ok(()),
        Err(SealError::NotLogged(why)) => Err(why),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn keys_are_used_with_the_right_proof_and_with_no_other() {
    let rng = SeededRng::new(1);
    let (shop, bundle, alice, log) = parties(&rng).await;
    let ours = statement_of(&bundle);
    let carrier = TestLog::of(&[&statement(1, 1), &ours, &statement(2, 2)]);
    let entry = carrier.entry(&ours, 1);
    let logged = |entry: LogEntry| bundle.clone().logged(entry).unwrap();
    let good = logged(entry.clone());

    assert_eq!(begins(&alice, &shop, &bundle, &rng).await, Err(NotLogged::Missing));
    // Who has not compared the log does not believe it.
    assert_eq!(begins(&alice, &shop, &good, &rng).await, Err(NotLogged::Unproven));
    assert!(log.look_at(&alice.store, &carrier, &good, NOW).await.unwrap().is_none());
    assert_eq!(begins(&alice, &shop, &good, &rng).await, Ok(()));

    let LogEntry { statement: leaf, inclusion, signed_head, .. } = entry.clone();
    let other = statement(1, 1);
    let foreign = signer(8).sign(&carrier.stored(3).0.head());
    let foreign = foreign.to_signed_head(signer(8).public()).unwrap();
    for (entry, why) in [
        (carrier.entry(&other, 0), NotLogged::OtherKey),
        (
            LogEntry::new(
                KeyStatement::first(PhoneNumberId::new(1), *ours.key()).to_bytes().to_vec(),
                inclusion.clone(),
                signed_head.clone(),
            ),
            NotLogged::OtherKey,
        ),
        (
            LogEntry::new(leaf.clone(), carrier.entry(&other, 0).inclusion, signed_head.clone()),
            NotLogged::NotIncluded(NotProven::OtherRoot),
        ),
        (LogEntry::new(leaf.clone(), inclusion.clone(), foreign.to_vec()), NotLogged::Unproven),
        (LogEntry::new(leaf.clone(), inclusion.clone(), vec![1; 104]), NotLogged::Unproven),
        (LogEntry::new(leaf.clone(), inclusion.clone(), vec![1; 3]), NotLogged::Unproven),
        (
            LogEntry::new(leaf.slice(..77), inclusion.clone(), signed_head.clone()),
            NotLogged::Malformed(InvalidForm::Length {
                field: "bytes of a statement",
                expected: 78,
                actual: 77,
            }),
        ),
    ] {
        let bad = logged(entry);
        assert!(log.look_at(&alice.store, &carrier, &bad, NOW).await.unwrap().is_none());
        assert_eq!(begins(&alice, &shop, &bad, &rng).await, Err(why));
    }
    assert_eq!(log.evidence(), None, "anybody can make what fails");
}

#[tokio::test]
async fn a_head_that_is_told_is_compared_and_stays_after_a_restart() {
    let rng = SeededRng::new(1);
    let (shop, bundle, alice, log) = parties(&rng).await;
    let ours = statement_of(&bundle);
    let carrier = TestLog::of(&[&ours, &statement(1, 1), &statement(2, 2), &statement(3, 3)]);
    let good = bundle.clone().logged(TestLog::of(&[&ours]).entry(&ours, 0)).unwrap();
    // She was shown the log when it was small.
    assert!(log.look_at(&alice.store, &TestLog::of(&[&ours]), &good, NOW).await.unwrap().is_none());
    assert_eq!(log.signed_head(), Some(carrier.signed(1)));
    let mut peer = alice.peer(&shop).await;
    peer.begin(&alice.store, &good, NOW, &rng).await.unwrap();
    let envelope = seal(&mut peer, "hello", &rng);
    drop(alice.keep(peer).await);

    // The shop has seen more of it, and is told what she has seen.
    let witness = log_of(&shop).await;
    assert!(shop.endpoint.check_with(witness.clone()));
    assert!(!witness.has_heard());
    shop.hear(&alice, &envelope, &rng).await.content.unwrap();
    assert!(witness.has_heard());
    let settled = witness.settle(&shop.store, &carrier, NOW).await.unwrap();
    assert_eq!((settled.proven, settled.unproven, settled.not_signed), (1, 0, 0));
    assert!(settled.evidence.is_none() && !witness.has_heard());
    // Nothing was seen before: what the carrier says to us comes first, if it is as large.
    assert_eq!(witness.signed_head(), Some(carrier.signed(4)));

    let answer = shop.say(&alice, "good day", &rng).await;
    alice.hear(&shop, &answer, &rng).await.content.unwrap();
    *carrier.is_silent.lock().unwrap() = true;
    let settled = log.settle(&alice.store, &carrier, NOW).await.unwrap();
    assert_eq!((settled.proven, settled.unproven), (0, 1), "a carrier that says nothing proves nothing");
    assert!(log.has_heard(), "it is compared again");
    *carrier.is_silent.lock().unwrap() = false;
    assert_eq!(log.settle(&alice.store, &carrier, NOW).await.unwrap().proven, 1);
    assert_eq!(log.signed_head(), Some(carrier.signed(4)));
    assert_eq!(log_of(&alice).await.signed_head(), Some(carrier.signed(4)), "it is durable");
}

/// Every pair of sizes of two histories that differ in their first leaf.
#[tokio::test]
async fn two_histories_are_evidence_whatever_their_sizes() {
    let rng = SeededRng::new(1);
    let others: Vec<_> = (2..9).map(|number| statement(number, 1)).collect();
    for ours in 1..7 {
        for theirs in 1..7 {
            let (shop, bundle, alice, log) = parties(&rng).await;
            let leaf = statement_of(&bundle);
            let leaves = |first, size: usize| -> Vec<_> {
                std::iter::once(first).chain(&others).take(size).collect::<Vec<&KeyStatement>>()
            };
            let forged = statement(1, 9);
            let (seen, shown) = (TestLog::of(&leaves(&leaf, ours)), TestLog::of(&leaves(&forged, theirs)));
            let good = bundle.clone().logged(seen.entry(&leaf, 0)).unwrap();
            assert!(log.look_at(&alice.store, &seen, &good, NOW).await.unwrap().is_none());
            let mut peer = alice.peer(&shop).await;
            peer.begin(&alice.store, &good, NOW, &rng).await.unwrap();
            let envelope = seal(&mut peer, "hello", &rng);
            drop(alice.keep(peer).await);

            let witness = log_of(&shop).await;
            assert!(shop.endpoint.check_with(witness.clone()));
            shop.hear(&alice, &envelope, &rng).await.content.unwrap();
            let settled = witness.settle(&shop.store, &shown, NOW).await.unwrap();
            if theirs < ours {
                // Nothing of the shop's history reaches as far yet; it is caught when it does.
                assert!(settled.evidence.is_none() && witness.has_heard(), "{ours} and {theirs}");
                let grown = TestLog::of(&leaves(&forged, ours));
                let settled = witness.settle(&shop.store, &grown, NOW).await.unwrap();
                let evidence = settled.evidence.unwrap();
                let read = Evidence::parse(evidence.as_bytes()).unwrap();
                assert_eq!(read.verify(&key()), Verdict::Equivocation, "{ours} and {theirs}");
                continue;
            }
            let evidence = settled.evidence.unwrap_or_else(|| panic!("{ours} and {theirs}"));
            let read = Evidence::parse(evidence.as_bytes()).unwrap();
            assert_eq!(read.verify(&key()), Verdict::Equivocation, "{ours} and {theirs}");
            assert_eq!(witness.split().await, evidence);
            // It is durable, and nothing is compared any more.
            assert_eq!(log_of(&shop).await.evidence(), Some(evidence));
            assert!(!witness.has_heard());
        }
    }
}

#[tokio::test]
async fn what_the_log_has_not_signed_shows_nothing() {
    let rng = SeededRng::new(1);
    let (shop, bundle, alice, _) = parties(&rng).await;
    let ours = statement_of(&bundle);
    // Alice has another log's key, and tells of that.
    let other = KeyLog::open(&alice.store, signer(8).public().clone(), OnSplitLog::GoOn, NOW).await.unwrap();
    let teller = End::open(crate::alice(), &rng).await;
    let head = signer(8).sign(&TestLog::of(&[&ours]).stored(1).0.head());
    let head = head.to_signed_head(signer(8).public()).unwrap();
    let entry = TestLog::of(&[&ours]).entry(&ours, 0);
    let logged =
        bundle.clone().logged(LogEntry::new(entry.statement, entry.inclusion, head.to_vec())).unwrap();
    assert!(teller.endpoint.check_with(other.clone()));
    let theirs = TestLog { signed_by: Some(8), ..TestLog::of(&[&ours]) };
    assert!(other.look_at(&teller.store, &theirs, &logged, NOW).await.unwrap().is_none());
    let mut peer = teller.peer(&shop).await;
    peer.begin(&teller.store, &logged, NOW, &rng).await.unwrap();
    let envelope = seal(&mut peer, "hello", &rng);
    drop(teller.keep(peer).await);

    let witness = log_of(&shop).await;
    assert!(shop.endpoint.check_with(witness.clone()));
    shop.hear(&teller, &envelope, &rng).await.content.unwrap();
    let settled = witness.settle(&shop.store, &TestLog::of(&[&ours]), NOW).await.unwrap();
    assert_eq!((settled.proven, settled.unproven, settled.not_signed), (0, 0, 1));
    assert_eq!((witness.signed_head(), witness.evidence()), (None, None));
}
