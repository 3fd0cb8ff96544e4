//! What a report, a business and a state can be too much of.

use std::time::Duration;

/// For how many days before today messages can be reported: the 30 days of the longest retention, and seven.
/// Of older ones the key is destroyed, and nobody can prove any more that they were sent.
pub const STAMP_KEY_DAYS: u32 = 37;

/// How many days at once keys can go on. A clock further ahead is refused, for it would destroy every key.
pub const MAX_DAYS_FORWARD: u32 = 366;

/// The most messages of one report. A report with more is refused as a whole.
pub const MAX_REPORTED_MESSAGES: usize = 5;

/// The most bytes of one reported message: as many as an envelope holds at all. A report with a longer one is
/// refused.
pub const MAX_REPORTED_BYTES: usize = 96 * 1024;

/// The longest note of a report, in bytes. A report with a longer one is refused.
pub const MAX_NOTE_BYTES: usize = 1024;

/// The most bytes of a report: what five of the longest messages take, with all that stands around them. A
/// larger one is refused unread.
pub const MAX_REPORT_BYTES: usize = MAX_REPORTED_MESSAGES * (MAX_REPORTED_BYTES + 87) + MAX_NOTE_BYTES + 6;

/// The most users of one business that are counted, and so the limit of a business without one: a million in
/// 24 hours, in 36 MB. Beyond it no further user can be written to outside a window.
pub const MAX_RECIPIENTS: u32 = 1_000_000;

/// The most of a rate, in its period or at once. A rate of more is refused.
pub(crate) const MAX_RATE_COUNT: u32 = 1_000_000;

/// To how many users a business must have written in 30 days to leave the first tier, unless it is verified.
pub const USERS_TO_LEAVE_FIRST_TIER: u64 = 2_000;

/// For how many days it counts that half of a limit was used.
pub const USED_DAYS: u32 = 7;

/// How many days of low quality on end cost a tier.
pub const DAYS_OF_LOW_QUALITY: u8 = 7;

/// For how long one key makes the tags of users. Two live, so that each is destroyed after twice as long.
pub(crate) const TAG_EPOCH: Duration = Duration::from_secs(24 * 3600);

/// A vector grows by one part of so many: less room stands empty, and it moves more often.
pub(crate) const GROWTH_SHARE: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// Two sides that know another bound refuse each other's reports.
    #[test]
    fn the_bounds_are_those_that_are_documented() {
        assert_eq!((STAMP_KEY_DAYS, MAX_DAYS_FORWARD), (37, 366));
        assert_eq!((MAX_REPORTED_MESSAGES, MAX_REPORTED_BYTES, MAX_NOTE_BYTES), (5, 98_304, 1024));
        assert_eq!((USERS_TO_LEAVE_FIRST_TIER, USED_DAYS, DAYS_OF_LOW_QUALITY), (2_000, 7, 7));
        assert_eq!((MAX_REPORT_BYTES, MAX_RECIPIENTS), (492_985, 1_000_000));
    }
}
