//! What the carrier takes from strangers; the sizes of envelopes and uploads are bounded by `bulla-envelope`.

use std::time::Duration;

/// The oldest an envelope's id may be: as long as ids are remembered. An older envelope is refused, for it
/// could not be told from a repeated one.
pub const MAX_ID_AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The furthest an envelope's id may lie ahead of the carrier's clock. One further ahead is refused.
pub const MAX_ID_LEAD: Duration = Duration::from_secs(24 * 60 * 60);

/// The most one-time keys of one business that one user is given on a day, and of one user that one business
/// is. Beyond it bundles come without one: sessions begin all the same, and their first messages are
/// protected by the signed prekeys alone.
///
/// A session is begun seldom. Without a bound, whoever asks often enough takes every other user's one-time
/// keys away.
pub const MAX_ONE_TIME_KEYS_A_DAY: u8 = 8;

/// The most one-time keys that are counted for somebody who connects. Of more, it is only known that there
/// are as many: to count all of them again for each of thousands who connect at once is what their start
/// would wait for.
pub const MAX_COUNTED_KEYS: usize = 32;

/// The most waiting envelopes that are counted for one business. Of more, it is only known that there are as
/// many.
pub const MAX_COUNTED: usize = 4096;

/// How many bytes of rows that are in use, such as fencing tokens and heads of queues, are kept in memory,
/// about. A row takes 237 beside its name and its value. What was not used for twenty minutes at most is let
/// go of: a mailbox in which nothing happens takes nothing.
pub const CACHED_BYTES: usize = 32 << 20;

/// How many attempts to prove a number may fail within [`ATTEMPTS_WINDOW`]. With more, a code of six digits
/// is soon guessed; with fewer, who mistypes one has to wait. Beyond it nobody, its owner neither, can
/// register the number until the window is over.
pub const MAX_ATTEMPTS: u32 = 5;

/// From the first attempt that fails on, others are counted with it for so long.
pub const ATTEMPTS_WINDOW: Duration = Duration::from_secs(600);

/// The most business numbers that one grant lists. So many of them fit into a proof; a relay with more has
/// more grants.
pub const MAX_GRANTED_NUMBERS: usize = 100;

/// Of how many numbers it is known that attempts have failed, in 100 bytes each. Whoever tries more makes
/// that of the first be forgotten: five more attempts for one number cost them one for each of thirty
/// thousand.
pub(crate) const MAX_COUNTED_NUMBERS: usize = 65_536;

/// What a user may begin to upload on a day, unless the host says otherwise: 1 GiB, 1,000 blobs, and so many
/// of them that are not done. Beyond it uploads are refused until midnight (UTC), or one is done or deleted.
pub(crate) const USER_BLOB_BYTES_A_DAY: u64 = 1 << 30;
pub(crate) const USER_BLOBS_A_DAY: u64 = 1_000;
pub(crate) const USER_UNFINISHED_BLOBS: u64 = 16;

/// What a business may: 256 GiB, 1,000,000 blobs, and so many of them that are not done.
pub(crate) const BUSINESS_BLOB_BYTES_A_DAY: u64 = 256 << 30;
pub(crate) const BUSINESS_BLOBS_A_DAY: u64 = 1_000_000;
pub(crate) const BUSINESS_UNFINISHED_BLOBS: u64 = 1_024;

/// An upload has to be done by the end of the day (UTC) after that on which it was begun. What is not is
/// forgotten.
pub(crate) const MAX_UPLOAD_DAYS: u32 = 2;

/// The shortest time for which blobs can be kept.
pub(crate) const MIN_BLOB_RETENTION: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// In how many days' folders a blob is looked for, beside the newest. It is as many as the longest retention
/// has.
pub(crate) const BLOB_DAYS: u32 = 31;

/// A day.
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How many locks there are of uploaders, of blobs and of counts: a power of two. More take memory, with
/// fewer some wait for each other's disk.
pub(crate) const BLOB_LOCKS: usize = 256;

/// How often it is written down how businesses stand.
pub(crate) const PROTECTION_INTERVAL: Duration = Duration::from_secs(60);

/// After how long a business at which nothing happens is not watched in memory any more.
pub(crate) const UNWATCHED_AFTER: Duration = Duration::from_secs(3600);

/// For how long it is stored whom a business has met: within it their keys are destroyed.
pub(crate) const MET_FOR: Duration = Duration::from_secs(48 * 3600);

/// In how many rows at most it stands whom of one kind a business has met: of a million users.
pub(crate) const MAX_MET_ROWS: u8 = 16;

/// Of how many users it is known in memory until when they are paused, at some 50 bytes each. Beyond it all
/// are forgotten, and each is read once more.
pub(crate) const MAX_KNOWN_USERS: usize = 65_536;

/// How many users that were counted with their messages stand in records of their own; with more, all whom
/// the business has met are written down before the minute is over. Of each 24 to 32 bytes have to be read
/// when the carrier is opened.
pub(crate) const MAX_REACHED_APART: usize = 16_384;

/// For how many days it is summed up how many users a business has written to, of which its tier follows.
pub(crate) const TIER_DAYS: usize = 30;

/// For how long it stays in memory what a relay compares with its own: a comparison asks some ten times, and
/// whoever goes on later compares with what was counted since.
pub(crate) const SIDE_KEPT_FOR: Duration = Duration::from_secs(600);

/// Of how many businesses and periods that stays in memory. With more, what was begun first is let go of, and
/// made anew if somebody goes on with it.
pub(crate) const MAX_COMPARED_SIDES: usize = 16;

/// How many messages all of them have together, at some 50 bytes each; one side alone may have more.
pub(crate) const MAX_COMPARED_LEAVES: usize = 1 << 22;

/// How many are made at once: more take memory, with fewer some wait behind a large one.
pub(crate) const SIDES_MADE_AT_ONCE: usize = 2;

/// How many are begun and not made yet. Beyond it who asks for another is told to come again.
pub(crate) const MAX_SIDES_BEGUN: usize = 64;

/// How often what is over is dropped.
pub(crate) const SWEEP_INTERVAL: Duration = Duration::from_secs(3600);

/// How often what was not used since the last time is let go of: what nobody uses is in memory for twice as
/// long at most. More often, who is heard from every few minutes is read from the store each time; less
/// often, those who have fallen silent take memory for longer.
pub(crate) const EVICTION_INTERVAL: Duration = Duration::from_secs(600);

/// The most envelopes for one party that are queued in one record.
pub(crate) const MAX_ENVELOPES_A_RECORD: usize = 64;

/// How many envelopes are looked at at a time when a user is erased.
pub(crate) const ERASE_PAGE: usize = 64;

/// How many locks of fencing tokens there are: a power of two.
pub(crate) const FENCING_LOCKS: usize = 1024;

/// The most envelopes of one queue that are kept in memory for its reader.
pub(crate) const MAX_RECENT_PER_QUEUE: usize = 1024;

/// The most envelopes that are kept in memory in all. Beyond it all are let go, and their readers read the
/// store once.
pub(crate) const MAX_RECENT_ENVELOPES: usize = 8192;

/// The most queues of which the end is known in memory. Beyond it all are let go, and their readers read the
/// store once.
pub(crate) const MAX_RECENT_QUEUES: usize = 1 << 20;

/// The largest envelope that is kept in memory, in sealed bytes; so all of them are 32 MiB.
pub(crate) const MAX_RECENT_SEALED_BYTES: usize = 4096;

/// An acknowledged envelope is taken out of the store with the next record of its party's queues. If none
/// is made, it is after so long, and before twice as long: a carrier that dies meanwhile hands it on again,
/// and its recipient knows it.
pub(crate) const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// The most acknowledged envelopes of one queue that stand in the store. With more, all of the party's are
/// taken out at once.
pub(crate) const MAX_UNSETTLED_PER_QUEUE: usize = 256;

/// The most of all queues that stand there; to remember them takes 10 MiB at most. With more, those of
/// whoever acknowledges are taken out at once.
pub(crate) const MAX_UNSETTLED: usize = 65_536;

/// How many parties' acknowledged envelopes are taken out at once.
pub(crate) const SETTLED_AT_ONCE: usize = 64;

/// How often a record of them that lost against another is made anew. Within one carrier the lock keeps
/// others out, but for a record whose sender left while it was written.
pub(crate) const MAX_SETTLE_ATTEMPTS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    /// What is documented, worked out by hand.
    #[test]
    fn every_bound_has_its_documented_value() {
        assert_eq!([MAX_ID_AGE, MAX_ID_LEAD].map(|span| span.as_secs()), [2_592_000, 86_400]);
        assert_eq!((MAX_ONE_TIME_KEYS_A_DAY, MAX_COUNTED_KEYS, MAX_COUNTED), (8, 32, 4_096));
        assert_eq!((CACHED_BYTES, MAX_GRANTED_NUMBERS), (33_554_432, 100));
        assert_eq!((MAX_ATTEMPTS, ATTEMPTS_WINDOW.as_secs(), MAX_COUNTED_NUMBERS), (5, 600, 65_536));
        assert_eq!((USER_BLOB_BYTES_A_DAY, USER_BLOBS_A_DAY), (1_073_741_824, 1_000));
        assert_eq!((BUSINESS_BLOB_BYTES_A_DAY, BUSINESS_BLOBS_A_DAY), (274_877_906_944, 1_000_000));
        assert_eq!((USER_UNFINISHED_BLOBS, BUSINESS_UNFINISHED_BLOBS), (16, 1_024));
    }
}
