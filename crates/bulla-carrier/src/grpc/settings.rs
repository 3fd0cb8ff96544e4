use std::time::Duration;

use bulla_transport::grpc::MAX_FRAME_BYTES;
use tokio::sync::Semaphore;

use super::limits::{
    CONNECTIONS_PER_ADDRESS, HEARTBEAT, LONGEST_HEARTBEAT, SHORTEST_HEARTBEAT, STREAMS_PER_CONNECTION,
    UNFINISHED_BYTES_PER_ADDRESS,
};

/// What a host may choose of the service.
///
/// # Cost
/// What strangers can make the service hold, in bytes: of each address the unfinished messages, 64 MiB unless
/// it is said; of each connection 50 kB while nothing is on its way, and at most 4 MiB that were sent and not
/// read yet; of each call in progress some 29 kB, and of each stream that is not read 256 KiB that wait to be
/// written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrpcSettings {
    heartbeat: Duration,
    streams_per_connection: u32,
    connections_per_address: usize,
    unfinished_bytes_per_address: usize,
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

    /// These settings with another number of connections that one address may have at a time, of IPv4 or of
    /// the first 64 bits of IPv6; 16,384 unless it is said. One that comes beyond it is closed at once.
    ///
    /// With fewer, phones behind one address of their network's keep each other out; with more, somebody with
    /// few addresses takes all the places there are. Behind a proxy that hides where connections come from,
    /// all are of one address: then it is the proxy that has to bound them, and this is to be as many as
    /// there may be at all.
    #[must_use]
    pub const fn with_connections_per_address(mut self, connections: usize) -> Self {
        self.connections_per_address = connections;
        self
    }

    /// These settings with so many bytes of messages that have begun to come from one address and are not
    /// there yet; 64 MiB unless it is said. A call beyond it is told that the carrier cannot answer now.
    ///
    /// With fewer, those behind one address who send large messages over a slow network have to repeat them;
    /// with more, each address can take more memory. Behind a proxy it is what all may take together.
    ///
    /// # Errors
    /// When it is less than the largest message has, or more than can be counted.
    pub fn with_unfinished_bytes_per_address(self, bytes: usize) -> Result<Self, InvalidSetting> {
        match (MAX_FRAME_BYTES..=Semaphore::MAX_PERMITS).contains(&bytes) {
            true => Ok(Self { unfinished_bytes_per_address: bytes, ..self }),
            false => Err(InvalidSetting::UnfinishedBytes { bytes }),
        }
    }

    pub(crate) const fn connections_per_address(self) -> usize {
        self.connections_per_address
    }

    pub(crate) const fn unfinished_bytes_per_address(self) -> usize {
        self.unfinished_bytes_per_address
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
        Self {
            heartbeat: HEARTBEAT,
            streams_per_connection: STREAMS_PER_CONNECTION,
            connections_per_address: CONNECTIONS_PER_ADDRESS,
            unfinished_bytes_per_address: UNFINISHED_BYTES_PER_ADDRESS,
        }
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
    /// The bytes of unfinished messages of an address are fewer than the largest message has, or more than
    /// can be counted.
    UnfinishedBytes {
        /// What was asked for.
        bytes: usize,
    },
}

impl std::fmt::Display for InvalidSetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Heartbeat { heartbeat } => write!(
                f,
                "the interval of heartbeats, {heartbeat:?}, is not {SHORTEST_HEARTBEAT:?} to \
                 {LONGEST_HEARTBEAT:?}"
            ),
            Self::UnfinishedBytes { bytes } => {
                let most = Semaphore::MAX_PERMITS;
                write!(f, "unfinished bytes of an address, {bytes}, are not {MAX_FRAME_BYTES} to {most}")
            }
        }
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

    #[test]
    fn an_address_has_room_for_the_largest_message_at_least() {
        let with = |bytes| GrpcSettings::default().with_unfinished_bytes_per_address(bytes);
        for good in [MAX_FRAME_BYTES, Semaphore::MAX_PERMITS] {
            assert_eq!(with(good).unwrap().unfinished_bytes_per_address(), good);
        }
        for bad in [0, MAX_FRAME_BYTES - 1, Semaphore::MAX_PERMITS + 1] {
            let told = with(bad).unwrap_err().to_string();
            assert!(told.starts_with(&format!("unfinished bytes of an address, {bad}, are not 1048576 to")));
        }
    }
}
