//! The corpora that fuzzing has left behind.

#[path = "../../../../fuzz/replay.rs"]
mod replay;

use self::replay::Corpora;
use crate::checks::{dialogue, message, parts, records, stored};

const CORPORA: Corpora = Corpora { package: env!("CARGO_MANIFEST_DIR"), max_files: 150, max_bytes: 150_000 };

#[test]
fn the_corpora_stay_small() {
    CORPORA.stay_small();
}

#[test]
fn messages_from_strangers_replay() {
    CORPORA.replay("message", message::check);
}

#[test]
fn stored_sessions_replay() {
    CORPORA.replay("stored", stored::check);
}

#[test]
fn parts_replay() {
    CORPORA.replay("parts", parts::check);
    // What the corpus started from is what is stored today, so that what it checks is still read.
    let start = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/corpus/parts/all");
    assert_eq!(std::fs::read(start).unwrap(), parts::sample());
}

#[test]
fn records_replay() {
    CORPORA.replay("records", records::check);
}

#[test]
fn dialogues_replay() {
    CORPORA.replay("dialogue", dialogue::check);
}
