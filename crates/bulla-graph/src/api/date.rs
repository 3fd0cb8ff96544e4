//! A moment as some clients read it: `2026-11-28T19:04:19+0000`.

use bulla_base::Timestamp;

/// A moment, to the second.
pub(crate) fn written(at: Timestamp) -> String {
    let seconds = at.as_millis() / 1000;
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{}T{hour:02}:{minute:02}:{second:02}+0000", at.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_clients_read_them() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00+0000"),
            (951_782_399, "2000-02-28T23:59:59+0000"),
            (951_782_400, "2000-02-29T00:00:00+0000"),
            (1_795_892_659, "2026-11-28T19:04:19+0000"),
        ] {
            assert_eq!(written(Timestamp::from_millis(seconds * 1000)), expected);
        }
    }
}
