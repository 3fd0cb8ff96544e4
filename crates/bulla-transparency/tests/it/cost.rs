//! What it takes, counted: bytes of state, allocations, nodes.

use allocation_counter::measure;
use bulla_transparency::{CompactRange, Evidence, MAX_EVIDENCE_BYTES, SignedCheckpoint, TreeHash};

use crate::test_log::TestLog;

/// However large the log, to append takes its right edge alone.
#[test]
fn the_state_of_a_log_of_2_to_the_40_leaves_is_1288_bytes() {
    let size: u64 = (1 << 40) - 1;
    let bytes = [&size.to_be_bytes()[..], &[7; 40 * 32]].concat();
    assert_eq!(bytes.len(), 1288);
    let mut range = CompactRange::from_bytes(&bytes).unwrap();
    assert_eq!(range.to_bytes(), bytes);
    let mut nodes = 0;
    let measured = measure(|| nodes = range.append(TreeHash::of_leaf(b"leaf")).unwrap().len());
    // The leaf, and the node that it completes on each of 40 levels.
    assert_eq!((nodes, range.to_bytes().len()), (41, 40));
    assert!(measured.count_total == 1 && measured.bytes_max <= 41 * 48, "{measured:?}");
}

#[test]
fn two_hashes_are_stored_a_leaf() {
    let log = TestLog::of(1000);
    // All nodes of complete subtrees: one less than twice the leaves of each.
    assert_eq!(log.stored.len(), 2000 - 1000_u64.count_ones() as usize);
}

#[test]
fn to_verify_a_proof_allocates_nothing() {
    let log = TestLog::of(1000);
    let (inclusion, leaf, head) = (log.inclusion(613, 1000), log.leaf(613), log.head(1000));
    let (consistency, old) = (log.consistency(613, 1000), log.head(613));
    let measured = measure(|| {
        assert!(inclusion.verify(&leaf, &head).is_ok() && consistency.verify(&old, &head).is_ok());
        assert!(consistency.implied_old_root(&head).is_some());
    });
    assert_eq!(measured.count_total, 0);
}

/// What a stranger can make somebody allocate is bounded by what he sends.
#[test]
fn what_is_refused_takes_little_more_than_its_bytes() {
    let checkpoint = TestLog::of(5).signed(5).to_string();
    let start = format!("bulla transparency evidence, form 1\n== older checkpoint ==\n{checkpoint}");
    let many = "— a AAAAAAA=\n".repeat(MAX_EVIDENCE_BYTES / 16);
    let long = format!("— a {}\n", "AAAA".repeat(MAX_EVIDENCE_BYTES / 5));
    for hostile in [format!("{start}{many}"), format!("{start}{long}"), "\n".repeat(MAX_EVIDENCE_BYTES)] {
        let measured = measure(|| {
            assert!(Evidence::parse(hostile.as_bytes()).is_err());
            assert!(SignedCheckpoint::parse(hostile.as_bytes()).is_err());
        });
        assert!(measured.bytes_max <= 2 * MAX_EVIDENCE_BYTES as u64, "{measured:?}");
    }
}
