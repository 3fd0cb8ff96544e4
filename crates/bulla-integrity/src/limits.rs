//! What a report, a business and a state can be too much of.

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

#[cfg(test)]
mod tests {
    use super::*;

    /// Two sides that know another bound refuse each other's reports.
    #[test]
    fn the_bounds_are_those_that_are_documented() {
        assert_eq!((STAMP_KEY_DAYS, MAX_DAYS_FORWARD), (37, 366));
        assert_eq!((MAX_REPORTED_MESSAGES, MAX_REPORTED_BYTES, MAX_NOTE_BYTES), (5, 98_304, 1024));
        assert_eq!(MAX_REPORT_BYTES, 492_985);
    }
}
