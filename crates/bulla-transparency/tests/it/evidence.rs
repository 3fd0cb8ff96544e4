//! Evidence convicts a log that was split, and no other.

use bulla_base::SeededRng;
use bulla_transparency::{Evidence, LogSigner, NotSigned, TreeHash, Verdict};

use crate::test_log::{TestLog, origin, signer};
use crate::witness::split;

fn verdict(evidence: &Evidence) -> Verdict {
    let text = evidence.to_string();
    let read = Evidence::parse(text.as_bytes()).unwrap();
    assert_eq!(&read, evidence);
    assert_eq!(read.to_string(), text);
    read.verify(signer().public())
}

fn of_prefix(older: (&TestLog, u64), newer: (&TestLog, u64), root: TreeHash) -> Evidence {
    let ((one, old), (other, new)) = (older, newer);
    Evidence::of_prefix(one.signed(old), other.signed(new), root, other.consistency(old, new)).unwrap()
}

#[test]
fn whoever_has_read_the_newer_view_convicts_a_split_log_whatever_the_sizes() {
    let (one, other) = split(3, 12);
    for (old, new) in (4..12).flat_map(|old| (old + 1..=12).map(move |new| (old, new))) {
        let evidence = of_prefix((&one, old), (&other, new), *other.head(old).root());
        assert_eq!(verdict(&evidence), Verdict::Equivocation, "{old}, {new}");
        // The same proof with the root that was signed is merely wrong.
        let evidence = of_prefix((&one, old), (&other, new), *one.head(old).root());
        assert_eq!(verdict(&evidence), Verdict::NotProven, "{old}, {new}");
    }
}

#[test]
fn an_honest_log_is_not_convicted() {
    let log = TestLog::of(12);
    for (old, new) in (1..12).flat_map(|old| (old + 1..=12).map(move |new| (old, new))) {
        let honest = of_prefix((&log, old), (&log, new), *log.head(old).root());
        assert_eq!(verdict(&honest), Verdict::Consistent, "{old}, {new}");
        // Another root, or any other proof that can be had, does not lead to the newer head.
        for made_up in [TreeHash::of_nothing(), *log.head(old - 1).root(), *log.head(old + 1).root()] {
            let evidence = of_prefix((&log, old), (&log, new), made_up);
            assert_eq!(verdict(&evidence), Verdict::NotProven, "{old}, {new}");
        }
        let (_, view) = split(old - 1, 12);
        let (root, proof) = (*view.head(old).root(), view.consistency(old, new));
        let evidence = Evidence::of_prefix(log.signed(old), log.signed(new), root, proof).unwrap();
        assert_eq!(verdict(&evidence), Verdict::NotProven, "{old}, {new}");
        assert_eq!(verdict(&Evidence::of_roots(log.signed(new), log.signed(old))), Verdict::NotProven);
    }
    assert_eq!(verdict(&Evidence::of_roots(log.signed(12), log.signed(12))), Verdict::Consistent);
}

#[test]
fn two_roots_of_one_size_need_no_proof() {
    let (one, other) = split(3, 8);
    for size in 4..=8 {
        let evidence = Evidence::of_roots(one.signed(size), other.signed(size));
        assert_eq!(verdict(&evidence), Verdict::Equivocation);
    }
    assert_eq!(verdict(&Evidence::of_roots(one.signed(3), other.signed(3))), Verdict::Consistent);
}

#[test]
fn two_leaves_in_one_place_convict_a_split_log_and_one_leaf_convicts_nobody() {
    let (one, other) = split(3, 9);
    let of = |log: &TestLog, index, size| (log.signed(size), log.leaf(index), log.inclusion(index, size));
    let (mut convicted, mut not) = (0, 0);
    for (old, new) in (1..=9).flat_map(|old| (old..=9).map(move |new| (old, new))) {
        for index in 0..old {
            let evidence = Evidence::of_leaf(of(&one, index, old), of(&other, index, new)).unwrap();
            let expected = if index < 3 { Verdict::NotProven } else { Verdict::Equivocation };
            assert_eq!(verdict(&evidence), expected, "{index} of {old} and {new}");
            *(if index < 3 { &mut not } else { &mut convicted }) += 1;
            let honest = Evidence::of_leaf(of(&one, index, old), of(&one, index, new)).unwrap();
            assert_eq!(verdict(&honest), Verdict::NotProven);
            // A leaf that is not there.
            let made_up = (one.signed(new), TreeHash::of_nothing(), one.inclusion(index, new));
            let made_up = Evidence::of_leaf(of(&one, index, old), made_up).unwrap();
            assert_eq!(verdict(&made_up), Verdict::NotProven);
        }
    }
    assert!(convicted > 50 && not > 50, "{convicted}, {not}");
    // Another place, another size, and the larger one first.
    assert!(Evidence::of_leaf(of(&one, 4, 6), of(&other, 5, 8)).is_err());
    let wrong_size = (other.signed(8), other.leaf(4), other.inclusion(4, 7));
    assert!(Evidence::of_leaf(of(&one, 4, 6), wrong_size).is_err());
    assert!(Evidence::of_leaf(of(&one, 4, 8), of(&other, 4, 6)).is_err());
}

#[test]
fn evidence_by_leaves_is_read_strictly() {
    let (one, other) = split(3, 9);
    let of = |log: &TestLog, size| (log.signed(size), log.leaf(4), log.inclusion(4, size));
    let text = Evidence::of_leaf(of(&one, 6), of(&other, 9)).unwrap().to_string();
    let (before, proofs) = text.split_once("both proofs ==\n").unwrap();
    let lines: Vec<_> = proofs.lines().collect();
    assert_eq!(
        lines.len(),
        1 + 2 + one.inclusion(4, 6).hashes().len() + other.inclusion(4, 9).hashes().len()
    );
    let with = |lines: &[&str]| format!("{before}both proofs ==\n{}\n", lines.join("\n"));
    assert_eq!(with(&lines), text);
    let at = |index| [&[index][..], &lines[1..]].concat();
    for wrong in [
        with(&[]),
        with(&lines[..1]),
        with(&lines[..2]),
        with(&lines[1..]),
        with(&lines[..lines.len() - 1]),
        with(&[&lines[..], &lines[1..2]].concat()),
        with(&[&lines[..1], &vec![lines[1]; 129][..]].concat()),
        with(&at("04")),
        with(&at("+4")),
        with(&at("6")),
        with(&at("9223372036854775807")),
        with(&at("18446744073709551615")),
        text.trim_end().to_owned(),
        format!("{text}\n"),
    ] {
        assert!(Evidence::parse(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn what_the_log_has_not_signed_is_held_against_nobody() {
    let (one, other) = split(3, 8);
    let forger = LogSigner::generate(origin(), &SeededRng::new(5));
    for evidence in [
        Evidence::of_roots(one.signed(8), forger.sign(&other.head(8))),
        Evidence::of_roots(forger.sign(&other.head(8)), one.signed(8)),
    ] {
        assert_eq!(verdict(&evidence), Verdict::NotSigned(NotSigned::NoSignature));
    }
}

#[test]
fn the_smaller_one_is_the_older_in_whichever_order_they_come() {
    let log = TestLog::of(8);
    let (forth, back) =
        (Evidence::of_roots(log.signed(3), log.signed(8)), Evidence::of_roots(log.signed(8), log.signed(3)));
    assert_eq!(forth, back);
    assert_eq!((forth.older(), forth.newer()), (&log.signed(3), &log.signed(8)));
}

#[test]
fn the_file_is_text_that_says_what_its_parts_are() {
    let (one, other) = split(3, 7);
    let evidence = of_prefix((&one, 4), (&other, 7), *other.head(4).root());
    let text = evidence.to_string();
    let expected = format!(
        "bulla transparency evidence, form 1\n== older checkpoint ==\n{}== newer checkpoint ==\n{}\
         == root of the older size under the newer checkpoint, and proof ==\n",
        one.signed(4),
        other.signed(7)
    );
    assert!(text.starts_with(&expected), "{text}");
    assert_eq!(text[expected.len()..].lines().count(), 1 + other.consistency(4, 7).hashes().len());
}

#[test]
fn what_is_not_quite_evidence_is_refused() {
    let (one, other) = split(3, 7);
    let text = of_prefix((&one, 5), (&other, 7), *other.head(5).root()).to_string();
    let (before, proof) = text.split_once(", and proof ==\n").unwrap();
    let lines: Vec<_> = proof.lines().collect();
    let with = |lines: &[&str]| format!("{before}, and proof ==\n{}\n", lines.join("\n"));
    assert_eq!(with(&lines), text);
    let same_size = Evidence::of_roots(one.signed(7), other.signed(7)).to_string();
    let (_, implied) = text.split_once("== root").unwrap();
    let too_many = vec![lines[0]; 200];
    for wrong in [
        with(&[]),
        with(&lines[1..]),
        with(&lines[..lines.len() - 1]),
        with(&[&lines[..], &lines[..1]].concat()),
        with(&too_many),
        text.trim_end().to_owned(),
        format!("{text}\n"),
        text.replacen("form 1", "form 2", 1),
        text.replacen("== older", "== elder", 1),
        text.replacen("== newer checkpoint ==\n", "", 1),
        // A proof between equals.
        format!("{same_size}== root{implied}"),
        // The larger one first.
        format!(
            "bulla transparency evidence, form 1\n== older checkpoint ==\n{}== newer checkpoint ==\n{}",
            one.signed(7),
            other.signed(5)
        ),
    ] {
        assert!(Evidence::parse(wrong.as_bytes()).is_err(), "{wrong}");
    }
    let (older, newer) = (one.signed(5), other.signed(7));
    let of = |proof| Evidence::of_prefix(older.clone(), newer.clone(), TreeHash::of_nothing(), proof);
    assert!(of(other.consistency(5, 7)).is_ok());
    assert!(of(other.consistency(4, 7)).is_err() && of(other.consistency(5, 6)).is_err());
}
