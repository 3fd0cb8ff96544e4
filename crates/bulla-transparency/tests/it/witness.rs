//! A witness goes forward only, over what is signed and proven, and says exactly what else it is shown.

use bulla_base::SeededRng;
use bulla_transparency::{Comparison, Head, LogSigner, NotSigned, Observation, Verdict, Witness};

use crate::test_log::{TestLog, flipped, origin, signer};

/// Two views of one log that part after `common` leaves.
pub(crate) fn split(common: u64, size: u64) -> (TestLog, TestLog) {
    let (mut one, mut other) = (TestLog::of(common), TestLog::of(common));
    for number in common..size {
        one.append(&number.to_be_bytes());
        other.append(&[0xff; 8]);
    }
    (one, other)
}

fn witness() -> Witness {
    Witness::new(signer().public().clone())
}

#[test]
fn a_witness_goes_forward_over_what_is_proven() {
    let (log, mut witness) = (TestLog::of(12), witness());
    assert_eq!((witness.head(), witness.compare(&log.head(3), None)), (None, Comparison::NothingSeen));
    assert_eq!(witness.observe(&log.signed(3), None), Ok(Observation::First));
    assert_eq!(witness.observe(&log.signed(3), None), Ok(Observation::Same));
    for (old, new) in [(3, 4), (4, 9), (9, 12)] {
        assert_eq!(witness.observe(&log.signed(new), None), Ok(Observation::Unproven { old, new }));
        assert_eq!(witness.head(), Some(&log.head(old)), "it stays where it is");
        let proof = log.consistency(old, new);
        assert_eq!(witness.compare(&log.head(new), Some(&proof)), Comparison::Newer);
        assert_eq!(witness.head(), Some(&log.head(old)), "what is only told moves nothing");
        assert_eq!(witness.observe(&log.signed(new), Some(&proof)), Ok(Observation::Newer));
        assert_eq!(witness.head(), Some(&log.head(new)));
    }
}

#[test]
fn a_witness_never_goes_back() {
    let (log, mut witness) = (TestLog::of(12), witness());
    let _first = witness.observe(&log.signed(12), None).unwrap();
    for old in 0..12 {
        let proof = log.consistency(old, 12);
        assert_eq!(witness.observe(&log.signed(old), Some(&proof)), Ok(Observation::Older));
        assert_eq!(witness.compare(&log.head(old), Some(&proof)), Comparison::Older);
        let without = if old == 0 { Observation::Older } else { Observation::Unproven { old, new: 12 } };
        assert_eq!(witness.observe(&log.signed(old), None), Ok(without));
        assert_eq!(witness.head(), Some(&log.head(12)));
    }
}

#[test]
fn what_the_log_has_not_signed_is_not_observed() {
    let (log, mut witness) = (TestLog::of(5), witness());
    let other = LogSigner::generate(origin(), &SeededRng::new(3));
    assert_eq!(witness.observe(&other.sign(&log.head(5)), None), Err(NotSigned::NoSignature));
    assert_eq!(witness.head(), None);
    assert_eq!(
        Witness::resume(signer().public().clone(), &other.sign(&log.head(5))),
        Err(NotSigned::NoSignature)
    );
}

#[test]
fn a_witness_is_resumed_from_its_checkpoint_without_the_signatures_of_others() {
    let log = TestLog::of(5);
    let text = format!("{}— witness.example AAAAAAAA\n", log.signed(5));
    let checkpoint = bulla_transparency::SignedCheckpoint::parse(text.as_bytes()).unwrap();
    let mut first = witness();
    let _first = first.observe(&checkpoint, None).unwrap();
    let kept = first.newest().unwrap();
    assert_eq!(kept, &log.signed(5));
    assert!(kept.to_string().len() < 300);
    assert_eq!(Witness::resume(signer().public().clone(), kept), Ok(first));
}

#[test]
fn two_roots_of_one_size_are_proven_at_once() {
    let (one, other) = split(3, 8);
    let mut witness = witness();
    let _first = witness.observe(&one.signed(8), None).unwrap();
    assert_eq!(witness.compare(&other.head(8), None), Comparison::Conflict);
    let Ok(Observation::Equivocation(evidence)) = witness.observe(&other.signed(8), None) else { panic!() };
    assert_eq!(evidence.verify(signer().public()), Verdict::Equivocation);
    assert_eq!(witness.head(), Some(&one.head(8)), "it keeps its own");
}

/// One between other sizes may come along, and must not take the place of the two roots.
#[test]
fn two_roots_of_one_size_are_proven_whatever_proof_comes_along() {
    let (one, other) = split(3, 8);
    for (old, new) in (0..=8).flat_map(|old| (old..=8).map(move |new| (old, new))) {
        for proof in [one.consistency(old, new), other.consistency(old, new)] {
            let mut witness = witness();
            let _first = witness.observe(&one.signed(8), None).unwrap();
            let observed = witness.observe(&other.signed(8), Some(&proof)).unwrap();
            let Observation::Equivocation(evidence) = observed else { panic!("{observed:?}") };
            assert_eq!(evidence.verify(signer().public()), Verdict::Equivocation);
            let text = evidence.to_string();
            assert_eq!(bulla_transparency::Evidence::parse(text.as_bytes()).as_ref(), Ok(&*evidence));
        }
    }
}

/// A log that proves to one party what it denied to another, in whichever order they come.
#[test]
fn a_proof_from_the_other_view_convicts_the_log() {
    let mut convicted = 0;
    for (old, new) in (4..12).flat_map(|old| (old + 1..=12).map(move |new| (old, new))) {
        let (one, other) = split(3, 12);
        let proof = other.consistency(old, new);
        for is_older_first in [true, false] {
            let mut witness = witness();
            let (own, shown) = if is_older_first {
                (one.signed(old), other.signed(new))
            } else {
                (other.signed(new), one.signed(old))
            };
            let _first = witness.observe(&own, None).unwrap();
            match witness.observe(&shown, Some(&proof)).unwrap() {
                Observation::Equivocation(evidence) => {
                    assert_eq!(evidence.verify(signer().public()), Verdict::Equivocation);
                    convicted += 1;
                }
                // The proof leaves the older root out, so that it fails tells nothing.
                Observation::Unproven { .. } => assert!(old.is_power_of_two(), "{old}, {new}"),
                observed => panic!("{observed:?}"),
            }
            assert_eq!(witness.newest(), Some(&own));
        }
    }
    assert!(convicted > 20, "{convicted}");
}

#[test]
fn a_proof_that_fails_accuses_nobody() {
    let log = TestLog::of(12);
    let mut witness = witness();
    let _first = witness.observe(&log.signed(6), None).unwrap();
    let right = log.consistency(6, 12);
    let mut proofs = vec![log.consistency(6, 11), log.consistency(5, 12), log.consistency(7, 12)];
    for bit in 0..right.to_bytes().len() * 8 {
        let mut bytes = right.to_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        proofs.extend(bulla_transparency::ConsistencyProof::from_bytes(&bytes));
    }
    for proof in proofs {
        let observed = witness.observe(&log.signed(12), Some(&proof));
        assert_eq!(observed, Ok(Observation::Unproven { old: 6, new: 12 }));
    }
    assert_eq!(witness.observe(&log.signed(12), Some(&right)), Ok(Observation::Newer));
}

/// Anybody who has the right edge can make up leaves behind it, and a proof to the head that follows.
#[test]
fn a_made_up_head_with_a_fine_proof_does_not_lead_a_witness_astray() {
    let (log, made_up) = split(6, 9);
    let mut witness = witness();
    let _first = witness.observe(&log.signed(6), None).unwrap();
    let proof = made_up.consistency(6, 9);
    assert_eq!(witness.compare(&made_up.head(9), Some(&proof)), Comparison::Newer);
    assert_eq!(witness.observe(&log.signed(9), Some(&log.consistency(6, 9))), Ok(Observation::Newer));
    assert_eq!(witness.compare(&made_up.head(9), None), Comparison::Conflict);
    let other = Head::new(6, flipped(log.head(6).root(), 0)).unwrap();
    assert_eq!(witness.compare(&other, Some(&log.consistency(6, 9))), Comparison::Conflict);
}
