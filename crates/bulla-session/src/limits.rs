//! Every bound that a stranger can push against, and what is lost beyond it.

/// How far ahead of its chain a message may be, in messages.
///
/// Each step ahead costs two HMACs before the message can be authenticated, so this is also the most work one
/// forged message can cause in one session (about 10 ms, and 20 ms in the post-quantum ratchet, which has the
/// same bound). Beyond it the message is refused as too far ahead and is lost. The official library lifts
/// this bound between the devices of one account; we never do.
///
/// The post-quantum ratchet counts from the last message that arrived in its epoch, not from the start of a
/// chain, and so lets at most 24 999 messages in a row be lost; one further ahead is refused as one that
/// cannot be opened.
pub const MAX_SKIP: u32 = 25_000;

/// How far behind the newest message of its chain one may be that was overtaken: so many message keys are
/// kept per receiving chain at most.
///
/// A message further behind cannot be opened any more and is reported as a duplicate. The post-quantum
/// ratchet counts in the same way within an epoch. The official library counts what is missing instead, so
/// that it could open a message further behind if, meanwhile, its post-quantum epoch had changed but not its
/// chain.
pub const MAX_SKIPPED_KEYS: u32 = bulla_spqr::limits::MAX_SKIPPED_KEYS;

/// Receiving chains kept per session, the newest ones.
///
/// Each time the peer's ratchet key changes a chain is added. A message of an older chain than these cannot
/// be opened any more.
pub const MAX_RECEIVING_CHAINS: usize = 5;

/// Replaced sessions kept per peer device, the newest ones.
///
/// A message of an older session than these cannot be opened any more.
pub const MAX_ARCHIVED_SESSIONS: usize = 40;

/// The most bytes all archived sessions of one peer device have together: 600 KiB, so that one always fits,
/// whatever it keeps.
///
/// Forty that kept little, which is nearly always so, have 170 KB. Beyond it the oldest go, as if there were
/// more than [`MAX_ARCHIVED_SESSIONS`].
pub const MAX_ARCHIVE_BYTES: usize = 600 * 1_024;

/// How long a session may be sealed with before the peer has answered in it: 30 days, in seconds.
///
/// Past it sealing is refused as if there were no session, because the prekeys it was built on may be gone.
pub const MAX_UNACKNOWLEDGED_SECONDS: u64 = 2_592_000;

/// The highest device id; the lowest is 1.
pub const MAX_DEVICE_ID: u8 = 127;

/// The most rounds a fingerprint may be hashed; the fewest are 2.
pub const MAX_FINGERPRINT_ITERATIONS: u32 = 1_000_000;

/// The most a stored [`Sessions`](crate::Sessions) can measure, in bytes.
///
/// It follows from the other bounds (every chain full of skipped message keys); a larger one is refused
/// before it is looked at. A record between two devices that talk measures 646 to 4322 bytes, 3000 in the
/// mean, depending on where the post-quantum ratchet stands.
pub const MAX_RECORD_BYTES: usize = 6 + MAX_SESSION_BYTES + MAX_ARCHIVE_BYTES;

const _: () = assert!(4 + MAX_SESSION_BYTES <= MAX_ARCHIVE_BYTES, "a session would not fit into the archive");

/// The most one stored session can measure, in bytes.
pub(crate) const MAX_SESSION_BYTES: usize =
    4_096 + bulla_spqr::limits::MAX_STORED_BYTES + MAX_RECEIVING_CHAINS * 2_000 * 36;

/// The most parts that storing sessions once writes and deletes, taken together: 32 078.
///
/// One message can put an archived session in the place of the one in use, and both can keep all they may.
/// Then every part of the one goes and every part of the other is written, and the head and the archive. A
/// store has to take so many at once, or no message is opened for that device any more.
pub const MAX_CHANGED_PARTS: usize = 2 * MAX_SESSION_PARTS + 2;

/// The most parts the session in use has besides the head.
const MAX_SESSION_PARTS: usize = 1 + bulla_spqr::limits::MAX_ROWS + MAX_RECEIVING_CHAINS * 2_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// What is documented, added up by hand: whoever lays out a store or a frame counts on these.
    #[test]
    fn every_bound_has_its_documented_value() {
        assert_eq!((MAX_SKIP, MAX_SKIPPED_KEYS, MAX_RECEIVING_CHAINS), (25_000, 2_000, 5));
        assert_eq!((MAX_ARCHIVED_SESSIONS, MAX_ARCHIVE_BYTES), (40, 614_400));
        assert_eq!(MAX_UNACKNOWLEDGED_SECONDS, 30 * 24 * 60 * 60);
        assert_eq!((MAX_DEVICE_ID, MAX_FINGERPRINT_ITERATIONS), (127, 1_000_000));
        assert_eq!((MAX_SESSION_BYTES, MAX_RECORD_BYTES), (585_192, 1_199_598));
        assert_eq!((MAX_SESSION_PARTS, MAX_CHANGED_PARTS), (16_038, 32_078));
    }
}
