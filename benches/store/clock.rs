//! Processor time, and what the system counts of this process.

use rustix::time::{ClockId, clock_gettime};

/// Microseconds of processor time that all threads of this process have taken.
pub(crate) fn spent() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

/// Bytes this process has handed to the system to write.
pub(crate) fn written() -> u64 {
    number("/proc/self/io", "wchar:")
}

/// KiB of memory that this process held at most.
pub(crate) fn most_memory_kib() -> u64 {
    number("/proc/self/status", "VmHWM:")
}

fn number(file: &str, line: &str) -> u64 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let found = text.lines().find_map(|row| row.strip_prefix(line)?.split_whitespace().next()?.parse().ok());
    found.unwrap_or(0)
}

/// The middle one of several samples.
pub(crate) fn median(samples: &[f64]) -> f64 {
    quantile(samples, 0.5)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
pub(crate) fn quantile(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get((sorted.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN)
}
