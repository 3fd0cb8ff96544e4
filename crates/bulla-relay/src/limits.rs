//! Everything a business, a user or a setting could make grow.

use std::time::Duration;

use bulla_base::Backoff;
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

/// How many bytes of sessions are held in memory between messages, about. Those with a device are counted
/// with 4 to 6 KB; what does not fit is read from the store.
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

/// More bytes than the outside of an envelope takes in the outbox, with its length.
pub(crate) const OUTSIDE_BYTES: usize = 512;

/// How old a message becomes at most that waits for one of several devices of its user to leave keys: one
/// that never does must not keep the others from it.
pub(crate) const KEYS_AWAITED_FOR: Duration = Duration::from_secs(60);

/// How many conversations a sweep looks at together. What comes for one of them waits for one record.
pub(crate) const UNMARKED_AT_ONCE: usize = 64;

/// How many such lots a sweep looks at at the same time. With one, a million conversations take as long as
/// 15,625 records one after the other; with more than this, too many of what comes meets a lock that is held.
pub(crate) const UNMARKED_LOTS_AT_ONCE: usize = 8;

/// How often it looks at those of them that share a lock with another.
pub(crate) const UNMARK_ROUNDS: usize = 4;

/// How often a relay that acts renews its lease, and one that stands by looks at it.
pub(crate) const LEASE_INTERVAL: Duration = Duration::from_secs(1);

/// After so many looks at a lease that was not renewed meanwhile its holder is taken for dead: three seconds
/// at least, and less than four after it has died. A holder that is slower than that is replaced, and stands
/// by.
pub(crate) const LEASE_LOOKS: u32 = 3;

/// How often what is over is looked for.
pub(crate) const SWEEP_INTERVAL: Duration = Duration::from_secs(600);

/// How often the carrier's log of keys is looked at, and what is new in it is read.
pub(crate) const LOG_READING_INTERVAL: Duration = Duration::from_secs(600);

/// A message that is not delivered fails this long before it is forgotten, so that there is something left to
/// tell of.
const NOTICE: Duration = Duration::from_secs(2 * 3600);

/// The longest that a message lives before it fails.
pub(crate) const LONGEST_LIFE: Duration =
    Duration::from_secs(Retention::LONGEST.span().as_secs() - NOTICE.as_secs());

/// An acknowledged event is removed from the store with the next record of its conversation. If none is made,
/// it is after so long, and before twice as long: a relay that dies meanwhile tells it again.
pub(crate) const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// How many acknowledged events of one conversation stand in the store at most. Beyond it one is removed at
/// once.
pub(crate) const MAX_UNSETTLED_PER_CONVERSATION: usize = 16;

/// How many of all conversations stand there at most. Beyond it one is removed at once.
pub(crate) const MAX_UNSETTLED: usize = 65_536;

/// How many messages of one conversation that the business has taken leave the queue in one record at most.
pub(crate) const MAX_SETTLED_TOGETHER: usize = 16;

/// A business that takes longer than this over a message is not waited for: the user is told of it before the
/// next is offered.
pub(crate) const SLOW_SINK: Duration = Duration::from_millis(50);

/// How many conversations' acknowledged events are removed at once.
pub(crate) const SETTLED_AT_ONCE: usize = 64;

/// How many conversations are known in memory to be marked as busy today, at most: 24 to 56 bytes each.
/// Beyond it all are forgotten, and each is marked once more with its next message.
pub(crate) const MAX_BUSY_IN_MEMORY: usize = 1 << 20;

/// How often it is looked whether there is room again for what users send.
pub(crate) const ROOM_INTERVAL: Duration = Duration::from_secs(1);

/// The most events, envelopes or messages of one queue that are kept in memory for its worker.
pub(crate) const MAX_QUEUED_IN_MEMORY_PER_QUEUE: usize = 64;

/// The most that are kept in memory of all queues. Beyond it what is added is left in the store, and read
/// there.
pub(crate) const MAX_QUEUED_IN_MEMORY: usize = 8192;

/// The largest of them, in bytes; so all that is kept in memory is 32 MiB.
pub(crate) const MAX_QUEUED_IN_MEMORY_BYTES: usize = 4096;

/// How often a record that lost against another is made anew. Within one relay the lock keeps others out.
pub(crate) const MAX_COMMIT_ATTEMPTS: usize = 4;

/// How the relay waits when it has lost so often in what it does by itself: in all 3 to 6 s, in which a relay
/// that hands over has ended.
pub(crate) const CONTENTION_BACKOFF: Backoff =
    match Backoff::new(Duration::from_millis(100), Duration::from_secs(4)) {
        Ok(backoff) => backoff,
        Err(_) => unreachable!(),
    };

/// How often it waits.
pub(crate) const MAX_CONTENTION_WAITS: u32 = 6;

/// How many deadlines are in memory at most. What is beyond is found by a sweep: it is met up to
/// [`SWEEP_INTERVAL`] after its time.
pub(crate) const MAX_DEADLINES_IN_MEMORY: usize = 65_536;

/// How many deadlines that are due at once are met before the others are looked at.
pub(crate) const DEADLINES_AT_ONCE: usize = 128;

/// How long a conversation waits at most before it asks the carrier again, for which its business writes too
/// fast.
pub(crate) const MAX_PACE_WAIT: Duration = Duration::from_secs(60);

/// How often it is told of a business that the carrier holds it to a pace: once an hour.
pub(crate) const PACE_TOLD_EVERY: Duration = Duration::from_secs(3600);

/// How many events or envelopes of a queue are read from the store at a time.
pub(crate) const QUEUE_PAGE: usize = 16;

/// How often a conversation that waits is offered early, because another event got to its destination, before
/// its own time comes.
///
/// An event that its business never takes would otherwise be offered again after every other one.
pub(crate) const MAX_EARLY_TRIES: u32 = 3;

/// How long a request that cannot be answered yet waits to be looked at again: a device connects and then
/// leaves its keys.
pub(crate) const UNANSWERED_RETRY: Duration = Duration::from_secs(10);

/// How far the conversations that wait for one destination are spread when it is back: so long for each, up
/// to the longest.
pub(crate) const SINK_RETURN_SPREAD: Duration = Duration::from_millis(20);

/// The longest that they are spread.
pub(crate) const LONGEST_SINK_RETURN_SPREAD: Duration = Duration::from_secs(5);

/// The most users a messaging limit can name: they are in memory while they count.
pub(crate) const MAX_MESSAGING_LIMIT: u32 = 1_000_000;

/// The longest time between two messages that a pair rate can name, and the longest that can be borrowed.
/// What stands in a state is over before anything of the conversation is forgotten.
pub(crate) const LONGEST_PAIR_INTERVAL: Duration = Duration::from_secs(24 * 3600);

/// More messages a second than this a relay does not do, and a throughput cannot name.
pub(crate) const MAX_THROUGHPUT: u32 = 1_000_000;

/// How many envelopes of one device are opened in one record.
pub(crate) const MAX_OPENED_TOGETHER: usize = 16;

/// Among how many events of a conversation, and among how many of its dead letters, it is looked for messages
/// that have come again. Where there are more, their sender is not told anew that they came.
pub(crate) const MAX_SEARCHED: usize = 128;

/// In chunks of so many bytes media of businesses is put, kept and read: 256 KiB. Larger ones would be fewer
/// commits an upload, and more memory for each that is under way.
pub const MEDIA_CHUNK_BYTES: usize = 256 * 1024;

/// How many chunks media has at most: those of the largest document.
pub const MAX_MEDIA_CHUNKS: u32 = 400;

/// How many uploads of a business that come in several parts are not finished at most. One more is refused.
pub const MAX_UPLOADS: usize = 100;

/// How long such an upload may take, whatever the breaks: a day. What has come of it then is removed by the
/// next sweep of a new day, or before another one is begun.
pub const UPLOAD_SPAN: Duration = Duration::from_secs(24 * 3600);

/// How much later what is there of it is removed. No single part takes that long.
pub(crate) const UPLOAD_GRACE: Duration = Duration::from_secs(3600);

/// How many templates an account has at most. One more is refused.
pub const MAX_TEMPLATES: u64 = 10_000;

/// The longest name of a template, in characters. A longer one is refused.
pub const MAX_TEMPLATE_NAME_CHARS: usize = 512;

/// The longest name of a template's language, in characters. A longer one is refused.
pub const MAX_TEMPLATE_LANGUAGE_CHARS: usize = 15;

/// How many places a text of a template has at most, and how many parameters are looked at for it.
pub const MAX_TEMPLATE_PARAMETERS: usize = 100;

/// The longest name of a place in a template, in characters.
pub const MAX_TEMPLATE_PARAMETER_NAME_CHARS: usize = 20;

/// The longest example in a template, in bytes.
pub const MAX_TEMPLATE_EXAMPLE_BYTES: usize = 4096;

/// The longest reason for which a template is not approved, in characters. What is beyond is cut.
pub const MAX_TEMPLATE_REASON_CHARS: usize = 256;

/// After how many minutes a code of an authentication template expires at the latest, as it says.
pub const MAX_CODE_MINUTES: u8 = 90;

/// How many templates one call lists at most, and how many it looks at: where a filter takes few of many, a
/// page has fewer than were asked for, and says where it goes on.
pub const MAX_TEMPLATES_LISTED: usize = 100;

/// How many templates one call looks at.
pub(crate) const MAX_TEMPLATES_EXAMINED: usize = 512;

/// Among how many names it is looked for the one that a message may have meant, and with how many letters of
/// each.
pub(crate) const NAMES_COMPARED: usize = 64;

/// How many letters of two names are compared.
pub(crate) const COMPARED_NAME_CHARS: usize = 64;

/// The least id of a template, the first number of 16 digits.
pub(crate) const FIRST_TEMPLATE_ID: u64 = 1_000_000_000_000_000;

/// How many ids there are: up to what a client in JavaScript can count to.
pub(crate) const TEMPLATE_IDS: u64 = 8_000_000_000_000_000;

/// Names of templates stand whole in keys up to this many bytes; of a longer one, the digest of the rest
/// stands there.
pub(crate) const KEYED_NAME_BYTES: usize = 448;

/// The longest record of what is configured, in bytes. A longer one is refused.
pub const MAX_CONFIGURED_BYTES: usize = 256 * 1024;

/// How many records of one kind a number or an account has. One more is refused.
pub const MAX_CONFIGURED: u64 = 2000;

/// The longest name of such a record, in bytes. A longer one is refused.
pub const MAX_CONFIGURATION_NAME_BYTES: usize = 64;

/// How many such records one call lists at most.
pub const MAX_CONFIGURATION_LISTED: usize = 100;

/// How many users a number can block: they are in memory, some 30 bytes each. One more is refused.
pub const MAX_BLOCKED: usize = 64_000;

/// How many blocked users one call lists at most.
pub const MAX_BLOCKED_LISTED: usize = 1000;

/// How long businesses can fetch what users attach to their messages, from when the relay has the message:
/// seven days, as by the API whose clients are served. A carrier has it for less when it was uploaded long
/// before it was sent.
pub const RECEIVED_MEDIA_SPAN: Duration = Duration::from_secs(7 * 24 * 3600);
