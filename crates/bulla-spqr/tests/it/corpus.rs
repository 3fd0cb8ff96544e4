//! The corpora that fuzzing has left behind.

#[path = "../../../../fuzz/replay.rs"]
mod replay;

use self::replay::Corpora;
use crate::checks::{exchange, message, stored};

const CORPORA: Corpora = Corpora { package: env!("CARGO_MANIFEST_DIR"), max_files: 50, max_bytes: 150_000 };

#[test]
fn the_corpora_stay_small() {
    CORPORA.stay_small();
}

#[test]
fn messages_of_any_peer_replay() {
    CORPORA.replay("message", message::check);
}

#[test]
fn stored_ratchets_replay() {
    CORPORA.replay("stored", stored::check);
}

#[test]
fn exchanges_replay() {
    CORPORA.replay("exchange", exchange::check);
}
