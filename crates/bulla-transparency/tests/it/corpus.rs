//! The corpora that fuzzing starts from, whole and changed at each place.

#[path = "../../../../fuzz/replay.rs"]
mod replay;

use bulla_transparency::{Evidence, InclusionProof};
use proptest::prelude::*;

use self::replay::Corpora;
use crate::checks::{bytes, text};
use crate::test_log::{TestLog, key, signer, statement};
use crate::witness::split;

const CORPORA: Corpora = Corpora { package: env!("CARGO_MANIFEST_DIR"), max_files: 20, max_bytes: 10_000 };

#[test]
fn the_corpora_stay_small() {
    CORPORA.stay_small();
}

#[test]
fn bytes_from_strangers_replay() {
    let mut read = 0;
    CORPORA.replay("bytes", |form| read += usize::from(bytes::check(form)));
    assert!(read >= 6, "only {read} files say something");
    CORPORA.replay_changed("bytes", |form| _ = bytes::check(form));
}

#[test]
fn text_from_strangers_replays() {
    let mut read = 0;
    CORPORA.replay("text", |form| read += usize::from(text::check(form)));
    assert!(read >= 4, "only {read} files say something");
    CORPORA.replay_changed("text", |form| _ = text::check(form));
}

/// What the corpora were made of, so that they can be made again when a form changes.
fn made() -> Vec<(&'static str, Vec<u8>)> {
    let (log, (one, other)) = (TestLog::of(13), split(3, 7));
    let first = statement(7, 1);
    let of_prefix =
        Evidence::of_prefix(one.signed(5), other.signed(7), *other.head(5).root(), other.consistency(5, 7));
    let of = |log: &TestLog, size| (log.signed(size), log.leaf(4), log.inclusion(4, size));
    let of_leaf = Evidence::of_leaf(of(&one, 5), of(&other, 7)).unwrap().to_string();
    let tagged = |tag: u8, form: &[u8]| [&[tag], form].concat();
    let cosigned = format!("{}— witness.example AAAAAAAA\n", log.signed(13));
    vec![
        ("bytes/first_statement", tagged(0, &first.to_bytes())),
        ("bytes/second_statement", tagged(0, &first.next(key(2)).unwrap().to_bytes())),
        ("bytes/head", tagged(1, &log.head(13).to_bytes())),
        ("bytes/head_of_nothing", tagged(1, &log.head(0).to_bytes())),
        ("bytes/inclusion", tagged(2, &log.inclusion(5, 13).to_bytes())),
        ("bytes/inclusion_of_the_only_leaf", tagged(2, &log.inclusion(0, 1).to_bytes())),
        ("bytes/consistency", tagged(3, &log.consistency(5, 13).to_bytes())),
        ("bytes/range", tagged(4, &log.range.to_bytes())),
        ("text/checkpoint", tagged(0, log.signed(13).to_string().as_bytes())),
        ("text/cosigned_checkpoint", tagged(0, cosigned.as_bytes())),
        (
            "text/evidence_of_roots",
            tagged(1, Evidence::of_roots(one.signed(7), other.signed(7)).to_string().as_bytes()),
        ),
        ("text/evidence_of_prefix", tagged(1, of_prefix.unwrap().to_string().as_bytes())),
        ("text/evidence_of_leaf", tagged(1, of_leaf.as_bytes())),
        ("text/key", tagged(2, signer().public().to_string().as_bytes())),
    ]
}

/// Run with `WRITE_CORPUS=1` it writes them.
#[test]
fn the_corpora_are_of_todays_forms() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus");
    for (name, form) in made() {
        if std::env::var_os("WRITE_CORPUS").is_some() {
            std::fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
            std::fs::write(folder.join(name), &form).unwrap();
        }
        assert!(std::fs::read(folder.join(name)).unwrap() == form, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(form in prop::collection::vec(any::<u8>(), 0..200), which in 0_u8..6) {
        let form = [&[which][..], &form].concat();
        bytes::check(&form);
        text::check(&form);
    }

    /// Proofs with the numbers of small logs, so that some are read.
    #[test]
    fn no_proof_panics(index in 0_u64..70, size in 0_u64..70, hashes in 0_usize..9) {
        let numbers = [index.to_be_bytes(), size.to_be_bytes()].concat();
        let form = [&numbers[..], &vec![7; 32 * hashes]].concat();
        let is_proof = InclusionProof::from_bytes(&form).is_ok();
        prop_assert!(bytes::check(&[&[2][..], &form].concat()) == is_proof);
        bytes::check(&[&[3][..], &form].concat());
    }

    #[test]
    fn no_text_panics(form in "[0-4]?[\n =+/—A-Za-z0-9]{0,80}") {
        text::check(form.as_bytes());
        for which in 0..3 {
            text::check(&[&[which][..], form.as_bytes()].concat());
        }
    }
}
