//! The corpus that fuzzing has left behind.

#[path = "../../../../fuzz/replay.rs"]
mod replay;

use self::replay::Corpora;

const CORPORA: Corpora = Corpora { package: env!("CARGO_MANIFEST_DIR"), max_files: 100, max_bytes: 50_000 };

#[test]
fn the_corpus_stays_small() {
    CORPORA.stay_small();
}

#[test]
fn rows_replay() {
    CORPORA.replay("rows", bulla_endpoint::fuzzing::rows);
}

/// What a fuzzer reaches soon, so that a machine that never runs one has seen it too.
#[test]
fn every_row_is_seen_cut_and_with_every_byte_changed() {
    CORPORA.replay("rows", |row| {
        for place in 0..row.len() {
            bulla_endpoint::fuzzing::rows(&row[..place]);
            for change in [1, 0x40, 0x80, 0xff] {
                let mut changed = row.to_vec();
                changed[place] ^= change;
                bulla_endpoint::fuzzing::rows(&changed);
            }
        }
    });
}
