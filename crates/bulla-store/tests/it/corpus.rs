//! The corpus that fuzzing has left behind.

#[path = "../../../../fuzz/replay.rs"]
mod replay;

use self::replay::Corpora;
use crate::checks::queue_index;

const CORPORA: Corpora = Corpora { package: env!("CARGO_MANIFEST_DIR"), max_files: 50, max_bytes: 20_000 };

#[test]
fn the_corpus_stays_small() {
    CORPORA.stay_small();
}

#[test]
fn indexes_of_queues_replay() {
    CORPORA.replay("queue_index", queue_index::check);
}

/// What a fuzzer reaches soon, so that a machine that never runs one has seen it too.
#[test]
fn every_index_is_seen_cut_and_with_every_byte_changed() {
    CORPORA.replay("queue_index", |row| {
        for place in 0..row.len() {
            queue_index::check(&row[..place]);
            for change in 1..=u8::MAX {
                let mut changed = row.to_vec();
                changed[place] ^= change;
                queue_index::check(&changed);
            }
        }
    });
}
