//! Time as the thread spent it: what other programs do meanwhile does not count.

use rustix::time::{ClockId, clock_gettime};

/// Microseconds of this thread's processor time.
fn spent() -> f64 {
    read(ClockId::ThreadCPUTime)
}

fn read(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    // A run is far too short for either number to lose a digit here.
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

/// Microseconds that each of `count` calls took; each is told its number.
pub(crate) fn timed(count: usize, mut call: impl FnMut(usize)) -> f64 {
    let before = spent();
    for number in 0..count {
        call(number);
    }
    (spent() - before) / count as f64
}

/// As [`timed`], by the clock on the wall: less true, but it takes no call of the system, for what is over
/// too soon.
pub(crate) fn walled(count: usize, mut call: impl FnMut(usize)) -> f64 {
    let before = read(ClockId::Monotonic);
    for number in 0..count {
        call(number);
    }
    (read(ClockId::Monotonic) - before) / count as f64
}

/// The middle one of several samples.
pub(crate) fn median(samples: &[f64]) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}
