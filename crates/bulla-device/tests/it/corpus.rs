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
    CORPORA.replay("rows", bulla_device::fuzzing::rows);
}

#[test]
fn every_row_is_seen_cut_and_with_every_byte_changed() {
    CORPORA.replay_changed("rows", bulla_device::fuzzing::rows);
}
