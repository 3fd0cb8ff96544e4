//! The corpus that fuzzing has left behind.

#[path = "../../../../fuzz/replay.rs"]
mod replay;

use bulla_transport::grpc::fuzzing::{answers, requests};

use self::replay::Corpora;

const CORPORA: Corpora = Corpora { package: env!("CARGO_MANIFEST_DIR"), max_files: 100, max_bytes: 50_000 };

#[test]
fn the_corpus_stays_small() {
    CORPORA.stay_small();
}

#[test]
fn what_clients_send_replays_whole_cut_and_with_every_byte_changed() {
    CORPORA.replay("requests", requests);
    CORPORA.replay_changed("requests", requests);
    CORPORA.replay_mutated("requests", requests);
}

#[test]
fn what_carriers_send_replays_whole_cut_and_with_every_byte_changed() {
    CORPORA.replay("answers", answers);
    CORPORA.replay_changed("answers", answers);
    CORPORA.replay_mutated("answers", answers);
}
