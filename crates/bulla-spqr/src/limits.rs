//! Every bound that a stranger can push against, and what is lost beyond it.

/// How far ahead of its chain a message's index may be.
///
/// Each step ahead costs one HKDF before the message can be authenticated, so this is also the most work one
/// forged message can cause (about 20 ms). A message further ahead is refused and lost. The official library
/// lifts this bound between the devices of one account; we never do.
pub const MAX_SKIP: u32 = 25_000;

/// Keys kept per epoch for messages that were overtaken by later ones.
///
/// A message that is more than this many behind the newest of its epoch cannot be opened any more.
pub const MAX_SKIPPED_KEYS: u32 = 2_000;

/// Epochs whose receiving chains are kept at most: the one sent in, the one before, and the one agreed on
/// next.
///
/// A message of an older epoch cannot be opened any more. An epoch takes two parties that answer each other
/// about 87 messages.
pub const MAX_EPOCHS: usize = 3;

/// The most bytes a message of the ratchet has.
pub const MAX_MESSAGE_BYTES: usize = 1 + 10 + 5 + 1 + 3 + 32;

/// The most bytes a stored ratchet has; a longer one is refused before it is looked at.
///
/// It follows from the other bounds, with every key kept that can be. Between two parties that talk it is
/// below 4 KiB.
pub const MAX_STORED_BYTES: usize = 512 + 2_400 + 960 + 36 * 34 + MAX_EPOCHS * 2_000 * 36;

/// The most rows a ratchet stored in rows has besides its head: what a state keeps, the chunks of a key, and
/// the keys of every epoch.
pub const MAX_ROWS: usize = 1 + 36 + MAX_EPOCHS * 2_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serialization::{HEAD_BYTES, WHOLE_HEAD_BYTES};

    /// What is drawn and documented, added up by hand: whoever lays out a store or a frame counts on these.
    #[test]
    fn every_bound_has_its_documented_value() {
        assert_eq!((MAX_SKIP, MAX_SKIPPED_KEYS, MAX_EPOCHS), (25_000, 2_000, 3));
        assert_eq!(MAX_MESSAGE_BYTES, 52);
        assert_eq!(WHOLE_HEAD_BYTES, 298);
        assert_eq!(HEAD_BYTES, 316);
        assert_eq!(MAX_STORED_BYTES, 221_096);
        assert_eq!(MAX_ROWS, 6_037);
    }
}
