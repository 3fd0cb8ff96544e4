//! The form in `bulla_spqr::serialization`.

use super::Cursor;

pub(super) fn ratchet(from: &mut Cursor<'_>) {
    assert_eq!(from.number(1), 1, "another form of ratchet");
    // Role.
    from.skip(1);
    let epoch = from.number(8) as u64;
    from.epoch.get_or_insert(epoch);
    let state = from.number(1);
    from.skip(2);
    let chunks = from.number(1);
    // Authenticator: root, MAC key. Chains: next root.
    from.secret(3 * 32);
    let (epochs, silent) = (from.number(1), from.number(1));
    let mut skipped = 0;
    for epoch in 0..epochs {
        for _ in 0..if epoch < silent { 1 } else { 2 } {
            from.skip(4);
            from.secret(32);
        }
        skipped += from.number(2);
    }
    match state {
        0 | 5 => {}
        1 | 2 => pair(from),
        3 | 4 => {
            pair(from);
            from.skip(960);
        }
        6 => from.skip(64),
        7 | 9 => {
            // Header, m, ciphertext 1.
            from.skip(64);
            from.secret(32);
            from.skip(960);
        }
        8 => from.skip(960 + 160),
        10 => from.skip(160),
        _ => panic!("no state is called {state}"),
    }
    from.skip(chunks * (2 + 32));
    from.skipped(skipped);
}

/// s, t, rho, the hash of both, z.
fn pair(from: &mut Cursor<'_>) {
    from.secret(1152);
    from.skip(1152 + 32 + 32);
    from.secret(32);
}
