//! What the service takes from strangers; the sizes of what goes over the wire are bounded by
//! `bulla-transport`.

use std::time::Duration;

/// The most streams that are open at a time. Who comes then is told that the carrier cannot answer now.
///
/// A stream on which nothing happens takes 18 kB, the client's half of it included: so many of them take less
/// than 3 GiB.
pub const MAX_OPEN_STREAMS: usize = 1 << 17;

/// The most connections at a time. Who comes then waits in the queue of the system.
pub const MAX_CONNECTIONS: usize = 1 << 16;

/// The most connections of one address at a time, unless the host says otherwise: a quarter of all, so that
/// no one address takes every place.
pub const CONNECTIONS_PER_ADDRESS: usize = 1 << 14;

/// The most bytes of messages that have begun to come from one address and are not there yet, unless the host
/// says otherwise: 64 MiB. Who sends another call then is told that the carrier cannot answer now.
pub const UNFINISHED_BYTES_PER_ADDRESS: usize = 64 << 20;

/// The same of one connection: 4 MiB, four of the largest messages. What more is sent waits for its turn.
pub const UNFINISHED_BYTES_PER_CONNECTION: usize = 4 << 20;

/// How long a message may take from its first byte to its last, and the first of a call from the beginning of
/// the call. After that the call ends, and what it has taken is free again.
///
/// Shorter, and a phone on a slow network has to send its largest messages again; longer, and somebody who
/// sends a byte now and then holds a message's room for longer.
pub const MESSAGE_DEADLINE: Duration = Duration::from_secs(30);

/// How many calls of one connection in a row may be refused, or ask for a nonce, before answers to such calls
/// are held back, and for how long at least. A call that is taken ends the row, a proof among them.
///
/// A relay asks for as many nonces at once as it has businesses and a connection has streams: with fewer, it
/// would be held up. With more, and with a shorter wait, whoever is refused takes more of our processors: as
/// many calls a second as a connection has streams.
pub(crate) const MAX_REFUSED_CALLS: u32 = STREAMS_PER_CONNECTION;
pub(crate) const REFUSED_CALL_DELAY: Duration = Duration::from_secs(1);

/// How many bytes of one connection are read before the others are served, and how many are written.
///
/// Sixteen KiB, a record of TLS, hold some seven hundred calls that are begun and taken back: a few
/// milliseconds of a processor.
pub(crate) const TURN_BYTES: usize = 16 * 1024;
pub(crate) const WRITING_TURN_BYTES: usize = 64 * 1024;

/// How many handshakes are computed at a time. Each takes half a millisecond of a processor: with more, those
/// who are there wait longer behind those who come; with fewer, processors of a large machine stand idle in a
/// storm of clients.
pub(crate) const HANDSHAKES_AT_ONCE: usize = 4;

/// How many calls of one connection may be taken back before the service has seen them, and how many broken
/// ones may be refused by HTTP/2 itself. The connection ends with the next.
///
/// A client takes a call back when whoever made it has given up; some that have done so at once are usual.
pub(crate) const MAX_RESETS_WAITING: usize = 64;
pub(crate) const MAX_BROKEN_STREAMS: usize = 64;

/// How long a connection may take until TLS is spoken and the first request is there, and a stream until its
/// first frame is. After that it ends.
pub const OPENING_DEADLINE: Duration = Duration::from_secs(10);

/// How much stands before each message in a call, in bytes: whether it is compressed, and its length.
pub(crate) const PREFIX_BYTES: usize = 5;

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
/// who has asked for it asks for another. It takes up to 2 kB of a connection to know which of them were
/// used.
pub(crate) const MAX_OPEN_NONCES: u64 = 16_384;

/// How long a credential is good for, on the connection on which it was given. Longer, and what somebody has
/// read in the memory of a client is good for longer; shorter, and those who call often sign more often.
/// Streams that are open stay.
pub(crate) const CREDENTIAL_LIFETIME: Duration = Duration::from_secs(3600);

/// How long to wait before a connection is accepted again when the system has refused one, because there are
/// too many open files for instance.
pub(crate) const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// That none can be accepted is told once in so long.
pub(crate) const ACCEPT_TOLD_EVERY: Duration = Duration::from_secs(60);

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

/// How often what was handed over on a stream is handed over on it once more at once, and after how long the
/// next time; then twice as long each time, and so many times. Who acknowledges something begins anew; who
/// reads on, or anew after a broken stream, does not wait.
///
/// Each time it may be a MiB: thirty readers who acknowledge nothing would keep everybody waiting.
pub(crate) const FREE_REREADS: u32 = 6;
pub(crate) const REREAD_INTERVAL: Duration = Duration::from_secs(1);
pub(crate) const REREAD_DOUBLINGS: u32 = 6;

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
        assert_eq!((CONNECTIONS_PER_ADDRESS, MESSAGE_DEADLINE.as_secs()), (16_384, 30));
        let unfinished = (UNFINISHED_BYTES_PER_CONNECTION, UNFINISHED_BYTES_PER_ADDRESS);
        assert_eq!(unfinished, (4_194_304, 67_108_864));
        assert_eq!((TURN_BYTES, WRITING_TURN_BYTES, HANDSHAKES_AT_ONCE), (16_384, 65_536, 4));
        assert_eq!((MAX_REFUSED_CALLS, REFUSED_CALL_DELAY.as_secs()), (4096, 1));
        assert_eq!((MAX_RESETS_WAITING, MAX_BROKEN_STREAMS), (64, 64));
        assert_eq!((FREE_REREADS, REREAD_INTERVAL.as_secs()), (6, 1));
    }
}
