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
    CORPORA.replay("rows", bulla_carrier::fuzzing::rows);
}

#[test]
fn every_row_is_seen_cut_and_with_every_byte_changed() {
    CORPORA.replay_changed("rows", bulla_carrier::fuzzing::rows);
}

#[test]
fn grants_replay() {
    CORPORA.replay("grants", bulla_carrier::fuzzing::grants);
    CORPORA.replay_changed("grants", bulla_carrier::fuzzing::grants);
    CORPORA.replay_mutated("grants", bulla_carrier::fuzzing::grants);
}

#[test]
fn the_bodies_of_calls_replay() {
    CORPORA.replay("calls", bulla_carrier::grpc::fuzzing::calls);
    CORPORA.replay_changed("calls", bulla_carrier::grpc::fuzzing::calls);
    CORPORA.replay_mutated("calls", bulla_carrier::grpc::fuzzing::calls);
}

#[test]
fn what_strangers_show_to_be_somebody_replays() {
    CORPORA.replay("identities", bulla_carrier::grpc::fuzzing::identities);
    CORPORA.replay_changed("identities", bulla_carrier::grpc::fuzzing::identities);
    CORPORA.replay_mutated("identities", bulla_carrier::grpc::fuzzing::identities);
}
