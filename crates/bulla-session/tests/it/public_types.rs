//! Whoever depends on this crate names nothing of the crates beneath it.

use bulla_session::*;

/// What is stored, by the names of this crate alone: it was a hidden type of the ratchet's.
fn stored(sessions: &Sessions) -> Option<Wiped> {
    sessions.to_bytes().ok()
}

#[test]
fn what_is_stored_is_a_type_of_this_crate_and_prints_nothing() {
    let stored: Wiped = stored(&Sessions::new()).unwrap();
    assert!(Sessions::from_bytes(&stored).unwrap().is_empty());
    assert_eq!(format!("{stored:?}"), format!("Wiped({} bytes)", stored.len()));
}
