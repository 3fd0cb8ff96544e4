//! At home with the official library: its build from npm on one end, ours on the other.
//!
//! Not part of plain `cargo test`, which needs Rust alone: `.ci/run` installs the package and runs `cargo
//! test -p bulla-session --test live`. By hand: `npm ci` in this folder, in a copy of it that
//! `LIBSIGNAL_HOME` names.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod dialogues;
mod official_peer;
mod our_peer;
mod pair;

use dialogues::{bursts, heal, ping_pong};
use pair::{Pair, Role};

/// Messages of each long run.
const MESSAGES: usize = 2_400;

#[test]
fn ping_pong_with_us_as_initiator() {
    let mut pair = Pair::begun(1, Role::Ours, true);
    ping_pong(&mut pair, MESSAGES);
    pair.report("ping-pong, ours began");
}

#[test]
fn ping_pong_with_them_as_initiator_and_no_one_time_key() {
    let mut pair = Pair::begun(2, Role::Theirs, false);
    ping_pong(&mut pair, MESSAGES);
    pair.report("ping-pong, theirs began");
}

#[test]
fn bursts_loss_doubling_and_disorder_with_us_as_initiator() {
    let mut pair = Pair::begun(3, Role::Ours, false);
    bursts(&mut pair, MESSAGES);
    pair.report("bursts, ours began");
}

#[test]
fn bursts_loss_doubling_and_disorder_with_them_as_initiator() {
    let mut pair = Pair::begun(4, Role::Theirs, true);
    bursts(&mut pair, MESSAGES);
    pair.report("bursts, theirs began");
}

#[test]
fn both_may_begin_at_once_and_converge() {
    let mut pair = Pair::new(5);
    for _ in 0..40 {
        pair.begin(Role::Ours, true);
        pair.begin(Role::Theirs, true);
        let (from_us, from_them) = (pair.seal(Role::Ours), pair.seal(Role::Theirs));
        pair.open(&from_us).unwrap();
        pair.open(&from_them).unwrap();
        ping_pong(&mut pair, 60);
    }
    pair.report("both at once, 40 times");
}

#[test]
fn a_peer_that_restores_an_old_state_is_found_out_and_healed() {
    let mut pair = Pair::begun(6, Role::Ours, true);
    for round in 0..20 {
        ping_pong(&mut pair, 30);
        pair.theirs_snapshot();
        ping_pong(&mut pair, 60);
        pair.theirs_restore();
        // What is said from the old state repeats keys: it must not open as anything new.
        let stale = pair.seal(Role::Theirs);
        assert!(pair.open(&stale).is_err(), "a message from a restored state was believed in round {round}");
        heal(&mut pair, if round % 2 == 0 { Role::Ours } else { Role::Theirs });
    }
    pair.report("20 restored states");
}

#[test]
fn a_peer_that_reinstalls_is_met_anew() {
    let mut pair = Pair::begun(7, Role::Ours, true);
    for round in 0..20 {
        ping_pong(&mut pair, 60);
        let under_way = pair.seal(Role::Ours);
        pair.theirs_reinstall();
        assert!(pair.open(&under_way).is_err(), "an empty phone opened a message in round {round}");
        heal(&mut pair, if round % 2 == 0 { Role::Ours } else { Role::Theirs });
    }
    pair.report("20 reinstallations");
}
