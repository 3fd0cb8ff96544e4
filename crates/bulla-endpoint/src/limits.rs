//! How many prekeys there are, for how long; how often and for how long a message is asked for; and how often
//! what lost against another is made anew; and in which parts attachments are carried.

use std::time::Duration;

use bulla_base::Backoff;
use bulla_envelope::MAX_RESENDS;
use bulla_store::Retention;

/// How many one-time keys an endpoint leaves with the carrier at a time.
pub const ONE_TIME_KEYS: usize = 100;

/// With how many one-time keys left it brings new ones. The fewer, the more likely that they run out and
/// sessions start without one.
pub const REFILL_BELOW: usize = 25;

/// After so long the signed and the Kyber prekey are replaced. What was sealed to those before is opened for
/// as long as it may be under way.
///
/// The shorter, the less is open to who takes a store, and the more keys of before are kept. While the
/// carrier cannot be reached it gives away those of before, which open for 30 days from their replacement on.
pub const RENEWED_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);

/// How long replaced prekeys are kept, one-time prekeys too, which are replaced with the signed prekey they
/// were left beside. They are opened with together, so one-time prekeys have no reason to outlive it. Those
/// that were given away and never used go at the first renewal after it.
///
/// What was sealed to them and arrives later is asked for again, in a session with those of now.
pub const REPLACED_KEYS_KEPT: Duration = Retention::LONGEST.span();

/// How often a message that cannot be opened is asked for, at most. One more than it is sent again: the last
/// request tells the other side that it is lost.
pub const MAX_RETRY_REQUESTS: u32 = MAX_RESENDS as u32 + 1;

/// How long a message that was asked for once has time to come, before it is asked for again. Each further
/// time takes four times as long.
pub const FIRST_WAIT: Duration = Duration::from_secs(300);

/// How long a message is asked for at most. A party that was off for longer than its next request would have
/// taken does not come back with it: nobody has it any more.
pub const LONGEST_ASKED_FOR: Duration = Duration::from_secs(5 * 24 * 3600);

/// How often what lost against another change of the state is made anew: within one program two may leave
/// keys at once.
pub(crate) const ATTEMPTS: usize = 4;

/// How many heads of the log of keys are remembered as proven, each in 104 bytes. One that is older has to be
/// proven again when somebody tells it.
pub(crate) const MAX_PROVEN_HEADS: usize = 64;

/// How many heads that peers have told wait to be compared. With more the oldest is forgotten: its teller
/// tells it again with each message.
pub(crate) const MAX_HEARD_HEADS: usize = 32;

/// How many parts a session cache has at most, each with a lock of its own: a power of two.
pub(crate) const MAX_SESSION_CACHE_SHARDS: usize = 16;

/// How many bytes a part of a session cache is worth having for.
pub(crate) const SESSION_CACHE_SHARD_BYTES: usize = 64 * 1024;

/// What the session cache holds of one peer takes so many bytes beside its stored form, about.
pub(crate) const SESSION_OVERHEAD_BYTES: usize = 1_792;

/// In parts of so many bytes, sealed, or one chunk more, an attachment is brought to the carrier and fetched
/// from it: 256 KiB. Larger ones would wait for the disk less often, and hold more in memory.
pub const ATTACHMENT_PART_BYTES: usize = 256 * 1024;

/// How often a call about an attachment is made while the carrier does not answer. After that its caller
/// decides.
pub(crate) const MAX_ATTACHMENT_ATTEMPTS: u32 = 6;

/// How long to wait before it is made again.
pub(crate) const ATTACHMENT_BACKOFF: Backoff =
    match Backoff::new(Duration::from_millis(250), Duration::from_secs(4)) {
        Ok(backoff) => backoff,
        Err(_) => unreachable!(),
    };
