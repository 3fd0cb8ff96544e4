//! What others could make grow in a device, and how long it waits.

use std::time::Duration;

use bulla_base::Backoff;

/// How many messages are asked for at one time, at most. What cannot be opened beyond it is dropped, as
/// everything that is sent by somebody who floods the device with what nobody can open.
pub const MAX_ASKED_FOR: usize = 1024;

/// How many messages of the user are kept for as long as their business has not confirmed them. Beyond it the
/// oldest go: were one of those asked for again, the user would be told that it is lost.
pub const MAX_UNCONFIRMED: usize = 1024;

/// How many bytes of rows that are in use, such as sessions, are kept in memory, about.
pub(crate) const CACHED_BYTES: usize = 64 * 1024;

/// How many bytes of sessions are held in memory between messages, about.
pub(crate) const SESSION_CACHE_BYTES: usize = 64 * 1024;

/// How often what is over is dropped.
pub(crate) const SWEEP_INTERVAL: Duration = Duration::from_secs(3600);

/// How long to wait after the carrier did not answer; each further failure doubles it.
pub(crate) const BACKOFF: Backoff = match Backoff::new(Duration::from_millis(500), Duration::from_secs(60)) {
    Ok(backoff) => backoff,
    Err(_) => unreachable!(),
};

/// How many envelopes are opened in one record.
pub(crate) const MAX_OPENED_PER_RECORD: usize = 16;

/// How many envelopes of the outbox are read from the store at a time.
pub(crate) const OUTBOX_PAGE: usize = 16;

/// How many of the newest rows of a queue, inbox or outbox, are kept in memory.
pub(crate) const MAX_RECENT_PER_QUEUE: usize = 64;

/// How many messages of one business are asked for in one record.
pub(crate) const MAX_ASKED_FOR_PER_RECORD: usize = 16;

/// What was handed over is taken out of the outbox with the next record. If none is made, it is after so
/// long: a device that dies meanwhile hands it over again, and the carrier knows it.
pub(crate) const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// The most envelopes that were handed over and wait for the next record. Beyond it they are taken out at
/// once.
pub(crate) const MAX_UNSETTLED: usize = 16;

/// Of how many businesses it is known in memory that they are marked as active today. Beyond it all
/// are forgotten, and each is marked once more, which costs a row.
pub(crate) const MAX_NOTED_ACTIVE: usize = 256;

/// How many events of the mailbox are looked through for messages that have come again.
pub(crate) const MAX_SEARCHED: usize = 1024;

/// How many bytes of a file are read at once, to be sealed.
pub(crate) const READ_BYTES: usize = 16 * 1024;

/// Of how many businesses it is shown at once that they are writing. Of others it is not, until one of these
/// is over.
pub(crate) const MAX_TYPING: usize = 64;
