//! The form at `bulla_session::Sessions::to_bytes`.

use super::{Cursor, ratchet};

pub(super) fn record(from: &mut Cursor<'_>) {
    assert_eq!(from.number(1), 2, "another form of record");
    if from.number(4) != 0 {
        session(from);
    }
    for _ in 0..from.number(1) {
        from.skip(4);
        session(from);
    }
}

fn session(from: &mut Cursor<'_>) {
    // Base key, identities, registrations.
    from.skip(3 * 32 + 2 * 4);
    // Root key.
    from.secret(32);
    // Previous counter.
    from.skip(4);
    // Own ratchet key.
    from.private();
    from.skip(32);
    // Sending chain.
    from.secret(32);
    from.skip(4);
    let chains = from.number(1);
    let mut skipped = 0;
    for _ in 0..chains {
        from.skip(32);
        from.secret(32);
        from.skip(4);
        skipped += from.number(2);
    }
    if from.number(1) == 1 {
        from.skip(8 + 4 + 4 + 1 + 4 + 1569);
    }
    // Length of the ratchet.
    from.skip(4);
    ratchet::ratchet(from);
    from.skipped(skipped);
}
