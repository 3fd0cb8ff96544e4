//! The corpora that fuzzing has left behind, and what was found with them.

#[path = "../../../../fuzz/replay.rs"]
mod replay;

use self::replay::Corpora;
use crate::checks::{keyring, row};

const CORPORA: Corpora = Corpora { package: env!("CARGO_MANIFEST_DIR"), max_files: 100, max_bytes: 100_000 };

#[test]
fn the_corpora_stay_small() {
    CORPORA.stay_small();
}

#[test]
fn keyrings_replay() {
    CORPORA.replay("keyring", keyring::check);
}

#[test]
fn sealed_rows_replay() {
    CORPORA.replay("row", row::check);
}

/// What a fuzzer reaches soon, so that a machine that never runs one has seen it too.
#[test]
fn every_byte_of_a_row_and_of_a_keyrings_head_counts() {
    for form in 0..8 {
        for place in 0..60 {
            row::check(&[form, place, 1]);
            row::check(&[form, place, 0x80]);
        }
        row::check(&[form]);
        for length in 0..60 {
            row::check(&[&[form | 8][..], &vec![form + 1; length]].concat());
        }
    }
    keyring::opens_untouched();
    for form in 1..=6 {
        for place in (0..160_u16).chain(8180..8200) {
            let [high, low] = place.to_be_bytes();
            keyring::check(&[form, high, low, 0x41, 0]);
        }
    }
}
