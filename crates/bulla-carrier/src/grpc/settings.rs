use std::time::Duration;

use super::limits::{HEARTBEAT, LONGEST_HEARTBEAT, SHORTEST_HEARTBEAT, STREAMS_PER_CONNECTION};

/// What a host may choose of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrpcSettings {
    heartbeat: Duration,
    streams_per_connection: u32,
}

impl GrpcSettings {
    /// These settings with another interval of heartbeats, in whole seconds, 1 to 3,600; 240 unless it is
    /// said.
    ///
    /// Each heartbeat wakes the radio of a phone: at 45 seconds its battery lasts a third as long as at 300.
    /// A stream whose other end is gone without a word is noticed after two of them, and what waits for it
    /// waits as long for the next one to be opened. Longer than the five minutes for which most networks
    /// remember a connection, and they forget it in between.
    ///
    /// # Errors
    /// When it is shorter or longer.
    pub fn with_heartbeat(self, heartbeat: Duration) -> Result<Self, InvalidSetting> {
        match (SHORTEST_HEARTBEAT..=LONGEST_HEARTBEAT).contains(&heartbeat) {
            true => Ok(Self { heartbeat, ..self }),
            false => Err(InvalidSetting::Heartbeat { heartbeat }),
        }
    }

    /// These settings with another number of streams that one connection may have at a time; 4,096 unless it
    /// is said.
    ///
    /// A relay needs one for each of its businesses, and some for its calls; those beyond it wait for their
    /// turn. With more, one stranger's connection can take more of those there are.
    #[must_use]
    pub const fn with_streams_per_connection(mut self, streams: u32) -> Self {
        self.streams_per_connection = streams;
        self
    }

    pub(crate) const fn heartbeat(self) -> Duration {
        self.heartbeat
    }

    pub(crate) const fn streams_per_connection(self) -> u32 {
        self.streams_per_connection
    }
}

impl Default for GrpcSettings {
    fn default() -> Self {
        Self { heartbeat: HEARTBEAT, streams_per_connection: STREAMS_PER_CONNECTION }
    }
}

/// A setting that is none. The host's move.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidSetting {
    /// The interval of heartbeats is not between a second and an hour.
    Heartbeat {
        /// What was asked for.
        heartbeat: Duration,
    },
}

impl std::fmt::Display for InvalidSetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::Heartbeat { heartbeat } = self;
        write!(
            f,
            "the interval of heartbeats, {heartbeat:?}, is not {SHORTEST_HEARTBEAT:?} to {LONGEST_HEARTBEAT:?}"
        )
    }
}

impl std::error::Error for InvalidSetting {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heartbeats_come_at_least_every_hour_and_at_most_every_second() {
        let with = |heartbeat| GrpcSettings::default().with_heartbeat(heartbeat);
        for good in [SHORTEST_HEARTBEAT, LONGEST_HEARTBEAT] {
            assert_eq!(with(good).unwrap().heartbeat(), good);
        }
        let nanosecond = Duration::from_nanos(1);
        for bad in [Duration::ZERO, SHORTEST_HEARTBEAT - nanosecond, LONGEST_HEARTBEAT + nanosecond] {
            assert!(with(bad).unwrap_err().to_string().ends_with("is not 1s to 3600s"));
        }
    }
}
