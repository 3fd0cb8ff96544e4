//! Bytes from strangers and from the store: what is read is written as it was, and nothing panics.

use bulla_integrity::{Recipients, Report, Stamp, StampKeys, TierState};

/// Reads `form` as what its first byte says. Returns whether it was one.
pub(crate) fn check(form: &[u8]) -> bool {
    let Some((which, bytes)) = form.split_first() else { return false };
    match which {
        0 => Stamp::from_bytes(bytes).is_ok_and(|stamp| same(&stamp.to_bytes(), bytes)),
        1 => Report::from_bytes(bytes).is_ok_and(|report| same(&report.to_bytes(), bytes)),
        2 => StampKeys::from_bytes(bytes).is_ok_and(|keys| same(&keys.to_bytes(), bytes)),
        3 => Recipients::from_bytes(bytes).is_ok_and(|read| same(&read.to_bytes(), bytes)),
        4 => (bytes.try_into().ok())
            .and_then(|bytes| TierState::from_bytes(bytes).ok())
            .is_some_and(|state| same(&state.to_bytes(), bytes)),
        _ => false,
    }
}

fn same(written: &[u8], read: &[u8]) -> bool {
    assert!(written == read, "what is read has one form");
    true
}
