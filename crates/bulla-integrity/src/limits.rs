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

/// How many promotions a user gets in any 24 hours, from all businesses together.
pub const PROMOTIONS_A_DAY: usize = 4;

/// How many different businesses must have reported a user within [`REPORTERS_SPAN`] for the user to write
/// to no business. With fewer, a few could shut somebody out; with more, whoever writes to everybody goes
/// on.
pub const REPORTERS_TO_PAUSE: usize = 5;

/// For how long it counts that a business has reported a user: a week.
pub const REPORTERS_SPAN: Duration = Duration::from_secs(7 * 86_400);

/// To how many users a business must have written in 30 days to leave the first tier, unless it is verified.
pub const USERS_TO_LEAVE_FIRST_TIER: u64 = 2_000;

/// For how many days it counts that half of a limit was used.
pub const USED_DAYS: u32 = 7;

/// How many days of low quality on end cost a tier.
pub const DAYS_OF_LOW_QUALITY: u8 = 7;

/// How much one signal can say, in thousandths: of 30 nothing is left after some four hundred users who do
/// not mind.
pub(crate) const MAX_SCORE: u16 = 30_000;

/// How much all of them can say together.
pub(crate) const MAX_TOTAL_SCORE: u32 = 60_000;

/// How much a signal that honest businesses show, too, can say, and that all of these make of the others one
/// part of so many more at most.
pub(crate) const MAX_WEAK_SCORE: u32 = 2_000;
pub(crate) const MAX_WEAK_SHARE: u32 = 4;

/// From which score on a business is warned, limited, paused and stopped, in thousandths; before them that at
/// which nothing is done.
pub(crate) const THRESHOLDS: [u16; 5] = [0, 10_000, 11_000, 13_000, 15_000];

/// How long it takes from one rung to the next, unless it is users who complain: an hour, in which a warning
/// can be heeded.
pub(crate) const BETWEEN_RUNGS: Duration = Duration::from_secs(3600);

/// Up to which score numbers that nobody has are few, in thousandths: that of thirteen in a row, or of as
/// many more than one in seven. And how much few say for more than a warning: too little for it on their own,
/// whatever honest businesses show as well.
pub(crate) const FEW_UNREACHABLE_SCORE: u16 = 28_000;
pub(crate) const FEW_UNREACHABLE_WEIGH: u16 = 8_000;

/// By how much the score must have grown since somebody went up, in thousandths, to go up further when the
/// restriction is over: as much as one complaint and a little.
pub(crate) const FRESH_EVIDENCE: u16 = 2_500;

/// For how long a business is limited, and paused: the first time, and every other.
pub(crate) const LIMIT_SPANS: [Duration; 2] = [DAY, Duration::from_secs(3 * 86_400)];
pub(crate) const PAUSE_SPANS: [Duration; 2] =
    [Duration::from_secs(5 * 86_400), Duration::from_secs(7 * 86_400)];

/// After how many clean days a business goes down by one rung.
pub const CLEAN_DAYS_A_STEP: u8 = 30;

/// To how many new users a business must have written on a clean day. With none, waiting would be enough.
pub(crate) const CLEAN_DAY_USERS: u32 = 20;

/// For how long a business may appeal.
pub const APPEAL_SPAN: Duration = Duration::from_secs(90 * 86_400);

/// How many days a rating looks back, and how many are remembered of which hour was the busiest.
pub(crate) const RATED_DAYS: usize = 7;
pub(crate) const HISTORY_DAYS: usize = 28;

/// How many messages must have been delivered in a week for a rating.
pub(crate) const LEAST_RATED: u32 = 50;

/// Complaints per thousand users reached: from how many on, at least likely, a quality is medium and low, and
/// below how many, likeliest, it is not any more. Between them it stays as it is.
pub(crate) const YELLOW_FROM: u32 = 10;
pub(crate) const RED_FROM: u32 = 30;
pub(crate) const RED_UNTIL_BELOW: u32 = 20;
pub(crate) const GREEN_BELOW: u32 = 6;

/// For how many hours it is remembered whom a business reached, so that a complaint is weighed with it.
pub(crate) const BATCHES: usize = 48;

/// After how many hours there was time to react.
pub(crate) const REACTION_HOURS: usize = 4;

/// How many new users in an hour anybody may write to, and who is verified; and how many times as many as in
/// the busiest hour so far. And how many when the strong signals have reached a score, which is less than a
/// warning takes.
pub(crate) const PACE_FLOOR: u32 = 10;
pub(crate) const VERIFIED_PACE_FLOOR: u32 = 250;
pub(crate) const FASTER: u32 = 2;
pub(crate) const SLOW_PACE: u32 = 3;
pub(crate) const PACE_SCORE: u32 = 4_000;

/// From how many on something is many.
pub(crate) const MANY: u32 = 50;

/// How many users who complained are remembered, so that each counts once, and how many places of numbers.
/// Whoever complains again after so many others counts again. Fewer than 256.
pub(crate) const RECENT_COMPLAINERS: usize = 128;
pub(crate) const RECENT_NEIGHBOURHOODS: usize = 16;

/// A day.
const DAY: Duration = Duration::from_secs(86_400);

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
        assert_eq!((CLEAN_DAYS_A_STEP, APPEAL_SPAN.as_secs()), (30, 7_776_000));
        assert_eq!((USERS_TO_LEAVE_FIRST_TIER, USED_DAYS, DAYS_OF_LOW_QUALITY), (2_000, 7, 7));
        assert_eq!((REPORTERS_TO_PAUSE, REPORTERS_SPAN.as_secs()), (5, 604_800));
        assert_eq!((MAX_REPORT_BYTES, MAX_RECIPIENTS, PROMOTIONS_A_DAY), (492_985, 1_000_000, 4));
    }
}
