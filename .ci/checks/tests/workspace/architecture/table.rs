//! The table of crates in the design, as data; crates that do not exist yet stand in it too.

/// Which side of the seal line a crate stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Words both sides use.
    Shared,
    /// May hold plaintext and message keys.
    Sighted,
    /// Carries, keeps, counts and forgets what it cannot read.
    Blind,
    /// Blind, and chosen by the host: no library may choose it for them.
    Engine,
}

/// One crate, without the `bulla-` before its name.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) side: Side,
    pub(crate) may_depend_on: &'static [&'static str],
}

const fn row(name: &'static str, side: Side, may_depend_on: &'static [&'static str]) -> Row {
    Row { name, side, may_depend_on }
}

pub(crate) const TABLE: &[Row] = &[
    row("base", Side::Shared, &[]),
    row("spqr", Side::Sighted, &[]),
    row("xeddsa", Side::Blind, &[]),
    row("session", Side::Sighted, &["spqr", "xeddsa"]),
    row("content", Side::Sighted, &["base"]),
    row("envelope", Side::Blind, &["base"]),
    row("store", Side::Blind, &["base"]),
    row("store-fjall", Side::Engine, &["base", "store"]),
    row("store-postgres", Side::Engine, &["base", "store"]),
    row("vault", Side::Blind, &["base", "store"]),
    row("meter", Side::Blind, &["base", "transparency"]),
    row("transparency", Side::Blind, &["base"]),
    row("integrity", Side::Blind, &["base"]),
    row("transport", Side::Blind, &["base", "envelope"]),
    row(
        "carrier",
        Side::Blind,
        &["base", "envelope", "transport", "store", "vault", "meter", "integrity", "transparency", "xeddsa"],
    ),
    row(
        "endpoint",
        Side::Sighted,
        &["base", "content", "session", "envelope", "store", "transparency", "transport"],
    ),
    row(
        "device",
        Side::Sighted,
        &["base", "content", "envelope", "endpoint", "transport", "store", "vault", "integrity"],
    ),
    row(
        "relay",
        Side::Sighted,
        &["base", "content", "envelope", "endpoint", "transport", "store", "vault", "meter", "integrity"],
    ),
    row("graph", Side::Sighted, &["base", "content", "relay", "meter"]),
    row("webhook", Side::Sighted, &["base", "content", "relay"]),
    row(
        "bulla",
        Side::Sighted,
        &[
            "base",
            "spqr",
            "xeddsa",
            "session",
            "content",
            "envelope",
            "store",
            "store-fjall",
            "vault",
            "meter",
            "transparency",
            "integrity",
            "transport",
            "carrier",
            "endpoint",
            "device",
            "relay",
            "graph",
            "webhook",
        ],
    ),
    row(
        "sim",
        Side::Sighted,
        &[
            "bulla",
            "base",
            "spqr",
            "session",
            "content",
            "envelope",
            "store",
            "vault",
            "meter",
            "transparency",
            "integrity",
            "transport",
            "carrier",
            "endpoint",
            "device",
            "relay",
            "graph",
            "webhook",
        ],
    ),
];

/// Crates that open or seal messages. None may be linked where the design promises blindness.
pub(crate) const MESSAGE_CIPHERS: &[&str] = &[
    "aes",
    "aes-gcm",
    "cbc",
    "chacha20",
    "chacha20poly1305",
    "curve25519-dalek",
    "graviola",
    "libcrux-ml-kem",
];

/// Which blind crate may link which of them all the same, and why. What another crate links through it is not
/// held against that one; what it links beside it is.
pub(crate) const SEALING_EXCEPTIONS: &[(&str, &[&str], &str)] = &[
    (
        "vault",
        &["aes", "aes-gcm"],
        "the vault seals rows, not messages: the keys are its own, and it has none of the words a message is
        made of",
    ),
    (
        "transparency",
        &["curve25519-dalek"],
        "the log's heads are signed on that curve, by ed25519-dalek: a signature hides nothing, and no key
        is agreed on",
    ),
    (
        "meter",
        &["curve25519-dalek"],
        "bills are signed on that curve, by ed25519-dalek, as the log's heads are: nothing is hidden, and no
        key is agreed on",
    ),
    (
        "xeddsa",
        &["curve25519-dalek"],
        "identity keys sign on that curve: the crate has signatures and nothing else, and agrees on no key",
    ),
];

/// How a source or a manifest names the system's clock or its randomness.
pub(crate) const AMBIENT_NAMES: &[&str] = &[
    "SystemTime::now",
    "Instant::now",
    "Zoned::now",
    "OsRng",
    "SysRng",
    "getrandom",
    "thread_rng",
    "rand::rng(",
];

/// Who may name them all the same, and why.
pub(crate) const AMBIENT_EXCEPTIONS: &[(&str, &str)] = &[
    (
        "bulla",
        "the facade is where a host that brings no clock or randomness of its own is given the system's",
    ),
    ("sim", "its `Instant` is the paused time of a runtime, and so what time everybody else is handed"),
    ("store-fjall", "it measures how long the disk takes for a sync, and nothing is decided by it"),
];
