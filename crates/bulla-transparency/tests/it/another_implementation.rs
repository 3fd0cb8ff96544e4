//! The same leaves in another implementation: the same roots and proofs, and each verifies the other's.

use bulla_transparency::{ConsistencyProof, Head, InclusionProof};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof as TheirConsistency, InclusionProof as TheirInclusion};
use sha2::Sha256;

use crate::test_log::TestLog;

/// Every leaf of every log up to this, and every pair of sizes.
const LARGEST: u64 = 40;

#[test]
fn another_implementation_says_the_same() {
    let log = TestLog::of(LARGEST);
    let mut theirs: MemoryBackedTree<Sha256, Vec<u8>> = MemoryBackedTree::new();
    let mut compared = 0;
    for size in 1..=LARGEST {
        theirs.push(log.leaves[usize::try_from(size - 1).unwrap()].clone());
        let (head, root) = (log.head(size), theirs.root());
        assert_eq!(head.root().as_bytes()[..], root.as_bytes()[..], "of {size}");
        let nodes = log.read(&Head::nodes(size).unwrap());
        assert_eq!(Head::from_nodes(size, &nodes), Ok(head), "the same from what a keeper has stored");
        for index in 0..size {
            let at = usize::try_from(index).unwrap();
            let (ours, their) = (log.inclusion(index, size), theirs.prove_inclusion(at));
            assert_eq!(ours.hashes().concat_bytes(), their.as_bytes());
            let read = TheirInclusion::<Sha256>::try_from_bytes(ours.hashes().concat_bytes()).unwrap();
            assert!(root.verify_inclusion(&log.leaves[at], index, &read).is_ok());
            let read = [&index.to_be_bytes()[..], &size.to_be_bytes(), their.as_bytes()].concat();
            let read = InclusionProof::from_bytes(&read).unwrap();
            assert_eq!(read.verify(&log.leaf(index), &head), Ok(()));
            compared += 1;
        }
        for old in 1..size {
            let (ours, additions) = (log.consistency(old, size), usize::try_from(size - old).unwrap());
            let their = theirs.prove_consistency(additions);
            assert_eq!(ours.hashes().concat_bytes(), their.as_bytes(), "from {old} to {size}");
            let old_root = {
                let mut tree: MemoryBackedTree<Sha256, Vec<u8>> = MemoryBackedTree::new();
                (0..usize::try_from(old).unwrap()).for_each(|at| tree.push(log.leaves[at].clone()));
                tree.root()
            };
            let read = TheirConsistency::<Sha256>::try_from_bytes(ours.hashes().concat_bytes()).unwrap();
            assert!(root.verify_consistency(&old_root, &read).is_ok());
            let read = [&old.to_be_bytes()[..], &size.to_be_bytes(), their.as_bytes()].concat();
            let read = ConsistencyProof::from_bytes(&read).unwrap();
            assert_eq!(read.verify(&log.head(old), &head), Ok(()));
            compared += 1;
        }
    }
    assert_eq!(compared, LARGEST * LARGEST);
}

trait Concat {
    fn concat_bytes(&self) -> Vec<u8>;
}

impl Concat for [bulla_transparency::TreeHash] {
    fn concat_bytes(&self) -> Vec<u8> {
        self.iter().flat_map(|hash| *hash.as_bytes()).collect()
    }
}
