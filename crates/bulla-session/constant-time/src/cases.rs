//! What is run under the memory checker, one process a case.

mod handshake;
mod keys;
mod device;
mod planted_leaks;
mod ratchet;
mod records;
mod session;

/// One thing done with secrets.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Returns how many operations it carried out, each with secrets that were hidden.
    pub(crate) run: fn() -> usize,
    /// How many that has to be.
    pub(crate) operations: usize,
    /// Whether X25519 has a part in it; where it has not, builds that differ in nothing else do not differ.
    pub(crate) x25519: bool,
    /// Whether it leaks on purpose, so that the check fails unless this is found.
    pub(crate) leaks: bool,
}

const fn with_x25519(name: &'static str, operations: usize, run: fn() -> usize) -> Case {
    Case { name, run, operations, x25519: true, leaks: false }
}

const fn without(name: &'static str, operations: usize, run: fn() -> usize) -> Case {
    Case { name, run, operations, x25519: false, leaks: false }
}

const fn leaking(name: &'static str, operations: usize, run: fn() -> usize) -> Case {
    Case { name, run, operations, x25519: false, leaks: true }
}

pub(crate) const CASES: &[Case] = &[
    with_x25519("public_key", 8, keys::public_key),
    with_x25519("agreement", 8, keys::agreement),
    with_x25519("agreement_refused", 4, keys::agreement_refused),
    without("signing", 8, keys::signing),
    with_x25519("key_generation", 5, keys::generation),
    without("key_records", 4, records::keys),
    without("session_records", 4, records::sessions),
    with_x25519("initiating", 4, handshake::initiating),
    with_x25519("responding", 4, handshake::responding),
    without("responding_to_altered_ciphertext", 4, handshake::altered),
    without("sealing", 8, session::sealing),
    with_x25519("opening", 8, session::opening),
    without("opening_out_of_order", 8, session::opening_out_of_order),
    without("opening_in_archived", 2, session::opening_in_archived),
    without("opening_forged", 11, session::opening_forged),
    without("dialogue", 240, session::dialogue),
    without("ratchet", 600, ratchet::exchange),
    without("ratchet_forged", 4, ratchet::forged),
    leaking("planted_branch", 1, planted_leaks::branch),
    leaking("planted_index", 1, planted_leaks::index),
    leaking("planted_comparison", 1, planted_leaks::comparison),
];
