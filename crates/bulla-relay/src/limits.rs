//! Everything a business, a user or a setting could make grow.

use std::time::Duration;

use bulla_store::Retention;

/// The longest tracking text a business may attach to a message, in characters. A longer one is refused with
/// the message.
pub const MAX_TRACKING_CHARS: usize = 512;

/// The longest idempotency key, in bytes. A longer one is refused with the message.
pub const MAX_IDEMPOTENCY_BYTES: usize = 128;

/// How many reports are kept for a host that reads them late. The oldest beyond it are dropped, and counted
/// for whoever missed them.
pub const MAX_REPORTS: usize = 256;

/// The shortest first wait before something is tried again that has failed. With a shorter one a relay is not
/// opened.
pub const MIN_BACKOFF: Duration = Duration::from_millis(10);

/// How many businesses are opened, and connected to the carrier, at once. More would load the carrier after
/// each start; fewer make the start longer, by a commit and two calls for each so many.
pub(crate) const OPENED_AT_ONCE: usize = 128;

/// How many bytes of rows that are in use, such as heads of queues, are kept in memory, about.
pub const CACHED_BYTES: usize = 64 << 20;

/// How many bytes of sessions are held in memory between messages, about. Those of a conversation take 1 to
/// 6 KB; what does not fit is read from the store.
pub(crate) const SESSION_CACHE_BYTES: usize = 128 << 20;

/// How many messages to one user can wait for a rule, at most. One more is refused.
pub const MAX_DEFERRED: u64 = 1024;

/// How many messages to one user can wait for the carrier, or for the user's new identity to be approved, at
/// most. One more is refused.
pub const MAX_WAITING: u64 = 8192;

/// How many calls of businesses are carried out at once, at most. One more is refused.
pub const MAX_CALLS: usize = 16_384;

/// How many of them are about one conversation, at most: the others have room whatever one is flooded with.
pub const MAX_CALLS_PER_CONVERSATION: usize = 1024;

/// After how long it is tried again what was refused for a reason that passes by itself, and nobody knows
/// when.
pub const RETRY_AFTER: Duration = Duration::from_secs(5);

/// How often what is over is looked for.
pub(crate) const SWEEP_INTERVAL: Duration = Duration::from_secs(600);

/// A message that is not delivered fails this long before it is forgotten, so that there is something left to
/// tell of.
const NOTICE: Duration = Duration::from_secs(2 * 3600);

/// The longest that a message lives before it fails.
pub(crate) const LONGEST_LIFE: Duration =
    Duration::from_secs(Retention::LONGEST.span().as_secs() - NOTICE.as_secs());
