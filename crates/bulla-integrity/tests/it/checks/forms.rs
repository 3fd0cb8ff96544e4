//! Bytes from strangers and from the store: what is read is written as it was, and nothing panics.

use bulla_base::Timestamp;
use bulla_integrity::{
    EnforcementEvent, Observation, Reason, Recipients, Report, Stamp, StampKeys, Standing, TierState,
};

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
        5 => Standing::from_bytes(bytes).is_ok_and(|standing| used(standing, bytes)),
        6 => EnforcementEvent::from_bytes(bytes).is_ok_and(|event| same(&event.to_bytes(), bytes)),
        _ => false,
    }
}

fn same(written: &[u8], read: &[u8]) -> bool {
    assert!(written == read, "what is read has one form");
    true
}

/// A standing of any numbers is used for all there is: none of it panics.
fn used(mut standing: Standing, bytes: &[u8]) -> bool {
    same(&standing.to_bytes(), bytes);
    for millis in [0, 1 << 40, 1 << 41, u64::MAX] {
        let (now, user) = (Timestamp::from_millis(millis), millis ^ 5);
        let _ = standing.admit(true, now);
        let _ = standing.admit_from_user(now);
        for seen in [
            Observation::Sent { to_new_user: true, is_template: true, neighbourhood: user },
            Observation::Delivered,
            Observation::Unreachable,
            Observation::Replied,
            Observation::PairRate,
            Observation::Blocked { user, reached: now },
            Observation::Reported { user: user ^ 1, reached: now, reason: Reason::WrongCategory },
        ] {
            let _ = standing.note(seen, now);
        }
        let _ = (standing.rate(now), standing.sweep(now), standing.appeal(now), standing.signals(now));
        let _ = standing.decide_appeal(millis % 3 == 0, now);
    }
    Standing::from_bytes(&standing.to_bytes()).is_ok()
}
