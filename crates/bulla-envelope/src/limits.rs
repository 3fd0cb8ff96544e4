//! What an envelope and a key upload can be too much of.

/// The most sealed bytes in one envelope: 96 KiB. A larger one is refused by whoever makes it or reads it.
///
/// A text of 4,096 characters takes at most 16 KiB of UTF-8; a first message adds about 1.8 KiB of keys.
pub const MAX_SEALED_BYTES: usize = 96 * 1024;

/// The longest public key, signature or identifier in a bundle: 2 KiB. Kyber-1024 takes 1,569 bytes.
pub const MAX_KEY_BYTES: usize = 2048;

/// The most one-time keys in one upload. An upload with more is refused as a whole.
pub const MAX_ONE_TIME_KEYS: usize = 200;

/// How often a message is sent again, at most, to somebody who could not open it. An envelope that says more
/// is refused. Five times is what it takes for a peer that begins anew over and over; whoever asks more often
/// does so for another reason.
pub const MAX_RESENDS: u8 = 5;

/// The most bytes of a leaf of the carrier's log of keys: what a statement has, as `bulla-transparency`
/// writes it. A bundle with a longer one is refused.
pub const MAX_STATEMENT_BYTES: usize = 78;

/// The most bytes of a proof that a leaf is in the log: two numbers and 63 hashes, which a log of 2⁶³ − 1
/// leaves takes. A bundle with a longer one is refused.
pub const MAX_LOG_PROOF_BYTES: usize = 16 + 63 * 32;

/// The most bytes of a head of the log with its signature. A bundle with a longer one is refused.
pub const MAX_SIGNED_HEAD_BYTES: usize = 104;

/// The most bytes of a list of a user's devices: its version, and ten devices with their keys. A bundle or an
/// upload with a longer one is refused.
pub const MAX_DEVICE_LIST_BYTES: usize = 8 + 10 * 34;

/// How many bytes the signature of a list of devices has.
pub(crate) const DEVICE_LIST_SIGNATURE_BYTES: usize = 64;

/// How many bytes a serialised identity key has.
pub(crate) const IDENTITY_KEY_BYTES: usize = 33;

/// The first of them, which says that it is a key on Curve25519.
pub(crate) const IDENTITY_KEY_TYPE: u8 = 0x05;

/// The most bytes an envelope takes on the wire: what is sealed, and well under 256 bytes of outside.
pub(crate) const MAX_WIRE_BYTES: usize = MAX_SEALED_BYTES + 256;

/// How many bytes the outside takes that we write, at most: room for it is made at once.
pub(crate) const OUTSIDE_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    /// Two sides that know another bound refuse each other's envelopes.
    #[test]
    fn the_bounds_are_those_that_are_documented() {
        assert_eq!((MAX_SEALED_BYTES, MAX_KEY_BYTES, MAX_ONE_TIME_KEYS), (98_304, 2048, 200));
        assert_eq!(MAX_RESENDS, 5);
        assert_eq!((MAX_STATEMENT_BYTES, MAX_LOG_PROOF_BYTES, MAX_SIGNED_HEAD_BYTES), (78, 2032, 104));
        assert_eq!(MAX_DEVICE_LIST_BYTES, 348);
    }
}
