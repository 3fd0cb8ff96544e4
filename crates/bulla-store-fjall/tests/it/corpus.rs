//! The corpora that fuzzing has left behind.

#[path = "../../../../fuzz/replay.rs"]
mod replay;

use self::replay::Corpora;
use crate::checks::journal;

const CORPORA: Corpora = Corpora { package: env!("CARGO_MANIFEST_DIR"), max_files: 30, max_bytes: 30_000 };

#[test]
fn the_corpora_stay_small() {
    CORPORA.stay_small();
}

#[test]
fn changed_journals_replay() {
    CORPORA.replay("journal", journal::check);
}
