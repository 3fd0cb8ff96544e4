//! What the service takes from strangers; the sizes of what goes over the wire are bounded by
//! `bulla-transport`.

use std::time::Duration;

/// The most streams that are open at a time. Who comes then is told that the carrier cannot answer now.
///
/// A stream on which nothing happens takes 29 kB, the client's half of it included: so many of them take less
/// than 4 GiB.
pub const MAX_OPEN_STREAMS: usize = 1 << 17;

/// The most connections at a time. Who comes then waits in the queue of the system.
pub const MAX_CONNECTIONS: usize = 1 << 16;

/// How long a connection may take until TLS is spoken and the first request is there, and a stream until its
/// first frame is. After that it ends.
pub const OPENING_DEADLINE: Duration = Duration::from_secs(10);

/// The most uploads and downloads at a time. Who comes then is told that the carrier cannot answer now.
///
/// Each holds a part of its blob, of 1 MiB at most, and two frames.
pub const MAX_BLOB_STREAMS: usize = 256;

/// The most of them that are of one party, so that none takes all.
pub const MAX_BLOB_STREAMS_PER_PARTY: usize = 16;

/// How long the other side of an upload or a download may be silent, or take nothing. After that it ends.
pub const STALL_DEADLINE: Duration = Duration::from_secs(60);

/// How long a server that stops waits for what was begun. After that it is cut off, and those who called
/// repeat it.
pub const STOPPING_DEADLINE: Duration = Duration::from_secs(10);

/// How long a nonce is good for. Shorter, and a phone whose radio wakes slowly signs in vain; longer, and
/// what was signed and never sent is good for longer.
pub(crate) const NONCE_LIFETIME: Duration = Duration::from_secs(60);

/// How many nonces of one connection can be used at a time. One that was given before so many others is over:
/// who has asked for it asks for another. It takes 2 kB of a connection to know which of them were used.
pub(crate) const MAX_OPEN_NONCES: u64 = 16_384;

/// How long a credential is good for, on the connection on which it was given. Longer, and what somebody has
/// read in the memory of a client is good for longer; shorter, and those who call often sign more often.
/// Streams that are open stay.
pub(crate) const CREDENTIAL_LIFETIME: Duration = Duration::from_secs(3600);

/// How long to wait before a connection is accepted again when the system has refused one, because there are
/// too many open files for instance.
pub(crate) const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// How many frames wait to be written to a stream. Beyond them nothing more is read from it.
pub(crate) const MAX_WAITING_FRAMES: usize = 4;

/// How many bytes of one stream may be on their way to the carrier, and how many of all streams of a
/// connection.
pub(crate) const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
pub(crate) const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;

/// The most bytes of one connection that wait to be written.
pub(crate) const SEND_BUFFER_BYTES: usize = 256 * 1024;

/// The interval of heartbeats unless the host says otherwise.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(240);

/// The shortest and the longest interval of heartbeats a host may choose.
pub(crate) const SHORTEST_HEARTBEAT: Duration = Duration::from_secs(1);
pub(crate) const LONGEST_HEARTBEAT: Duration = Duration::from_secs(3600);

/// How many streams one connection may have, unless the host says otherwise.
pub(crate) const STREAMS_PER_CONNECTION: u32 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    /// What is documented, worked out by hand.
    #[test]
    fn every_bound_has_its_documented_value() {
        assert_eq!((MAX_OPEN_STREAMS, MAX_CONNECTIONS), (131_072, 65_536));
        assert_eq!((MAX_BLOB_STREAMS, MAX_BLOB_STREAMS_PER_PARTY), (256, 16));
        assert_eq!(STALL_DEADLINE.as_secs(), 60);
        assert_eq!([OPENING_DEADLINE, STOPPING_DEADLINE].map(|span| span.as_secs()), [10, 10]);
        let heartbeats = [SHORTEST_HEARTBEAT, HEARTBEAT, LONGEST_HEARTBEAT].map(|span| span.as_secs());
        assert_eq!((heartbeats, STREAMS_PER_CONNECTION), ([1, 240, 3600], 4096));
        assert_eq!([NONCE_LIFETIME, CREDENTIAL_LIFETIME].map(|span| span.as_secs()), [60, 3600]);
        assert_eq!(MAX_OPEN_NONCES, 16_384);
    }
}
