//! What others could make grow in a device.

use std::time::Duration;

use bulla_envelope::MAX_RESENDS;

/// How often a message that cannot be opened is asked for, at most. One more than it is sent again: the last
/// request tells the business that it is lost.
pub const MAX_RETRY_REQUESTS: u32 = MAX_RESENDS as u32 + 1;

/// How many messages are asked for at one time, at most. What cannot be opened beyond it is dropped, as
/// everything that is sent by somebody who floods the device with what nobody can open.
pub const MAX_ASKED_FOR: usize = 1024;

/// How many messages of the user are kept for as long as their business has not confirmed them. Beyond it the
/// oldest go: were one of those asked for again, the user would be told that it is lost.
pub const MAX_UNCONFIRMED: usize = 1024;

/// How long a message that was asked for once has time to come, before it is asked for again. Each further
/// time takes four times as long.
pub const FIRST_WAIT: Duration = Duration::from_secs(300);

/// How long a message is asked for at most. A device that was off for longer than its next request would have
/// taken does not come back with it: nobody has it any more.
pub const LONGEST_ASKED_FOR: Duration = Duration::from_secs(5 * 24 * 3600);

/// How often what is over is dropped.
pub(crate) const SWEEP_INTERVAL: Duration = Duration::from_secs(3600);

/// How long to wait after a message was asked for the time number `times`.
pub(crate) fn wait_after(times: u32) -> Duration {
    FIRST_WAIT.saturating_mul(4_u32.saturating_pow(times.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_is_four_times_as_long_as_the_one_before_it() {
        let waits: Vec<u64> = (0..=MAX_RETRY_REQUESTS).map(|times| wait_after(times).as_secs()).collect();
        assert_eq!(waits, [300, 300, 1200, 4800, 19_200, 76_800, 307_200]);
        assert_eq!(wait_after(u32::MAX), FIRST_WAIT.saturating_mul(u32::MAX));
    }
}
