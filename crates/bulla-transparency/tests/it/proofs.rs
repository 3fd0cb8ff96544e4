//! Every proof of every small log verifies, those of the largest logs too, and nothing changed does.

use bulla_transparency::{
    CompactRange, ConsistencyProof, Head, InclusionProof, MAX_LOG_LEAVES, MAX_PROOF_HASHES, NotProven,
    TreeHash,
};
use proptest::prelude::*;

use crate::test_log::{TestLog, flipped};

#[test]
fn every_proof_of_every_small_log_verifies() {
    let log = TestLog::of(70);
    let heads: Vec<_> = (0..=70).map(|size| log.head(size)).collect();
    for (size, head) in (0..).zip(&heads) {
        for index in 0..size {
            let proof = log.inclusion(index, size);
            assert_eq!(proof.verify(&log.leaf(index), head), Ok(()), "{index} of {size}");
            assert_eq!(InclusionProof::from_bytes(&proof.to_bytes()).as_ref(), Ok(&proof));
        }
        for (old, old_head) in (0..=size).zip(&heads) {
            let proof = log.consistency(old, size);
            assert_eq!(proof.verify(old_head, head), Ok(()), "from {old} to {size}");
            assert_eq!(ConsistencyProof::from_bytes(&proof.to_bytes()).as_ref(), Ok(&proof));
        }
    }
}

/// What is appended to logs as large as there can be, whose leaves nobody has: their right edge is enough.
#[test]
fn proofs_of_the_largest_logs_verify_and_have_at_most_64_hashes() {
    let mut most = (0, 0, 0);
    for before in [(1 << 40) - 3, (1 << 62) - 2, (1 << 62) + 1, MAX_LOG_LEAVES - 5] {
        let mut log = huge(before);
        let old = log.range.head();
        for number in 0..5_u64 {
            let leaf = TreeHash::of_leaf(&number.to_be_bytes());
            log.stored.extend(log.range.append(leaf).unwrap());
            let (size, head) = (before + number + 1, log.range.head());
            let inclusion = log.inclusion(size - 1, size);
            assert_eq!(inclusion.verify(&leaf, &head), Ok(()));
            assert_eq!(inclusion.verify(&flipped(&leaf, 0), &head), Err(NotProven::OtherRoot));
            let consistency = log.consistency(before, size);
            assert_eq!(consistency.verify(&old, &head), Ok(()), "from {before} to {size}");
            let other = Head::new(before, flipped(old.root(), 0)).unwrap();
            assert_eq!(consistency.verify(&other, &head), Err(NotProven::OtherRoot));
            most.0 = most.0.max(consistency.hashes().len());
        }
    }
    // Between the sizes that take the most.
    for (old, new) in
        [(1, MAX_LOG_LEAVES), (MAX_LOG_LEAVES - 1, MAX_LOG_LEAVES), ((1 << 62) - 1, MAX_LOG_LEAVES)]
    {
        let nodes = ConsistencyProof::nodes(old, new).unwrap();
        let proof =
            ConsistencyProof::from_nodes(old, new, &vec![TreeHash::of_nothing(); nodes.len()]).unwrap();
        most =
            (most.0.max(proof.hashes().len()), most.1.max(nodes.len()), most.2.max(proof.to_bytes().len()));
        let nodes = InclusionProof::nodes(old, new).unwrap();
        let proof = InclusionProof::from_nodes(old, new, &vec![TreeHash::of_nothing(); nodes.len()]).unwrap();
        assert!(proof.hashes().len() < MAX_PROOF_HASHES && nodes.len() <= 126);
    }
    assert!(most.0 <= MAX_PROOF_HASHES && most.1 <= 126 && most.2 <= 2064, "{most:?}");
    println!("hashes, nodes, bytes: {most:?}");
}

/// The right edge of a log of `size` leaves, made up.
fn huge(size: u64) -> TestLog {
    let mut bytes = size.to_be_bytes().to_vec();
    (0..size.count_ones())
        .for_each(|number| bytes.extend(TreeHash::of_leaf(&number.to_be_bytes()).as_bytes()));
    let range = CompactRange::from_bytes(&bytes).unwrap();
    // Its roots are the nodes of a proof for what comes next.
    let nodes = InclusionProof::nodes(size, size + 1).unwrap();
    let mut roots: Vec<_> =
        bytes[8..].chunks(32).map(|root| TreeHash::from_bytes(root.try_into().unwrap())).collect();
    roots.reverse();
    assert_eq!(nodes.len(), roots.len());
    TestLog { range, stored: nodes.into_iter().zip(roots).collect(), leaves: Vec::new() }
}

/// A root does not say how large its tree is. Sizes for which the way from the leaf turns left and right as
/// for the true one cannot be told from it: which is why a head is signed as a whole, and sizes are compared
/// first. All others fail by the root as well.
#[test]
fn a_proof_fits_a_wrong_size_only_where_the_way_up_is_the_same() {
    let log = TestLog::of(33);
    let mut fits = 0;
    for size in 1..=33 {
        let root = *log.head(size).root();
        for (index, wrong) in (0..size).flat_map(|index| (index + 1..=40).map(move |wrong| (index, wrong))) {
            let mut bytes = log.inclusion(index, size).to_bytes();
            bytes[8..16].copy_from_slice(&wrong.to_be_bytes());
            let is_same_way = way_up(index, size) == way_up(index, wrong);
            let verified = InclusionProof::from_bytes(&bytes)
                .is_ok_and(|proof| proof.verify(&log.leaf(index), &Head::new(wrong, root).unwrap()).is_ok());
            assert_eq!(verified, is_same_way, "{index} of {size}, said to be of {wrong}");
            fits += usize::from(verified && size != wrong);
        }
    }
    assert!(fits > 0, "nothing was compared");
}

/// Whether the sibling stands on the left, from the root down.
fn way_up(index: u64, size: u64) -> Vec<bool> {
    if size <= 1 {
        return Vec::new();
    }
    let left = (size.next_power_of_two()) / 2;
    let (is_right, below) =
        if index < left { (false, way_up(index, left)) } else { (true, way_up(index - left, size - left)) };
    [vec![is_right], below].concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bit_of_an_inclusion_proof_can_be_changed(size in 1_u64..200, at in any::<u64>(), bit in 0_usize..256) {
        let (log, index) = (TestLog::of(size), at % size);
        let (proof, leaf, head) = (log.inclusion(index, size), log.leaf(index), log.head(size));
        prop_assert_eq!(proof.verify(&flipped(&leaf, bit), &head), Err(NotProven::OtherRoot));
        let other = Head::new(size, flipped(head.root(), bit)).unwrap();
        prop_assert_eq!(proof.verify(&leaf, &other), Err(NotProven::OtherRoot));
        let other = Head::new(size ^ 1 << (bit % 8), *head.root());
        prop_assert!(other.map_or(true, |other| proof.verify(&leaf, &other).is_err()));
        let bytes = proof.to_bytes();
        for place in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[place / 8] ^= 1 << (place % 8);
            // Another size is refused, as the head is of this one; another place or hash leads elsewhere.
            let read = InclusionProof::from_bytes(&changed);
            prop_assert!(!read.is_ok_and(|read| read.verify(&leaf, &head).is_ok()), "bit {}", place);
        }
    }

    #[test]
    fn no_bit_of_a_consistency_proof_can_be_changed(new in 2_u64..200, at in any::<u64>(), bit in 0_usize..256) {
        let (log, old) = (TestLog::of(new), 1 + at % (new - 1));
        let proof = log.consistency(old, new);
        let (before, after) = (log.head(old), log.head(new));
        let changed = |head: &Head| Head::new(head.size(), flipped(head.root(), bit)).unwrap();
        prop_assert_eq!(proof.verify(&changed(&before), &after), Err(NotProven::OtherRoot));
        prop_assert_eq!(proof.verify(&before, &changed(&after)), Err(NotProven::OtherRoot));
        let resized = |head: &Head| Head::new(head.size() ^ 1 << (bit % 8), *head.root());
        prop_assert!(resized(&before).map_or(true, |before| proof.verify(&before, &after).is_err()));
        prop_assert!(resized(&after).map_or(true, |after| proof.verify(&before, &after).is_err()));
        let bytes = proof.to_bytes();
        for place in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[place / 8] ^= 1 << (place % 8);
            let read = ConsistencyProof::from_bytes(&changed);
            prop_assert!(!read.is_ok_and(|read| read.verify(&before, &after).is_ok()), "bit {}", place);
        }
    }

    /// A log that forgot, changed or inserted something behind a head has no proof to it.
    #[test]
    fn a_log_that_was_rewritten_has_no_proof(new in 3_u64..120, at in any::<u64>(), place in any::<u64>()) {
        let (log, old) = (TestLog::of(new), 2 + at % (new - 2));
        let mut rewritten = TestLog::default();
        for index in 0..new {
            let is_other = index == place % old;
            rewritten.append(&if is_other { [0xff; 8] } else { index.to_be_bytes() });
        }
        let proof = rewritten.consistency(old, new);
        prop_assert!(proof.verify(&rewritten.head(old), &rewritten.head(new)).is_ok());
        prop_assert!(proof.verify(&log.head(old), &rewritten.head(new)).is_err());
        prop_assert!(log.consistency(old, new).verify(&log.head(old), &rewritten.head(new)).is_err());
    }

    /// What a proof that leads to the newer head says of the older one is the truth, whatever it is held
    /// against.
    #[test]
    fn the_implied_root_is_the_true_one(new in 2_u64..150, at in any::<u64>(), bit in 0_usize..256) {
        let (log, old) = (TestLog::of(new), 1 + at % (new - 1));
        let (proof, head) = (log.consistency(old, new), log.head(new));
        let expected = (!old.is_power_of_two()).then(|| *log.head(old).root());
        prop_assert_eq!(proof.implied_old_root(&head), expected);
        let other = Head::new(new, flipped(head.root(), bit)).unwrap();
        prop_assert_eq!(proof.implied_old_root(&other), None);
    }
}
