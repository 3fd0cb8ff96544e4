//! Every bound of the wire form, and of the transport that speaks it.

use std::time::Duration;

use bulla_base::Backoff;

use crate::MAX_DELIVERIES;

/// The most bytes of one message on the wire, in either direction: 1 MiB. A longer one is refused before it
/// is read, and its stream ends.
///
/// The largest envelope takes a tenth of it. With more, each stranger could make us hold more at once; with
/// less, large envelopes would travel one by one.
pub const MAX_FRAME_BYTES: usize = 1 << 20;

/// The most bytes of one message of an upload or a download: 256 KiB.
pub const MAX_BLOB_FRAME_BYTES: usize = 256 * 1024;

/// How many bytes of a blob we put into one message: 64 KiB, as much as one sealed chunk has inside. Another
/// client may put in what fits.
pub const BLOB_FRAME_DATA_BYTES: usize = 64 * 1024;

/// The most fields of one message on the wire, those of messages in it counted. One with more is malformed.
///
/// Sixty-four deliveries have 258. Each takes some dozens of bytes in memory, however few it has on the wire.
pub const MAX_FIELDS: usize = 1024;

/// The most calls of one stream that are not answered yet, beside the one that receives and the one that
/// waits for a low stock. A client waits before it makes another; a carrier reads no further.
pub const MAX_CALLS_IN_FLIGHT: usize = 32;

/// How many deliveries of one stream a carrier remembers that were not acknowledged, so that one number
/// acknowledges those before it. Older ones are acknowledged by their own numbers alone; if they are not,
/// they come again on the next stream. Each takes some dozens of bytes.
pub const MAX_UNACKNOWLEDGED: usize = 4096;

/// How many of them our client remembers, before it names each. With those that it is just acknowledging and
/// those that are on their way to it, the carrier remembers no fewer.
pub(crate) const MAX_NAMED_LATER: usize = MAX_UNACKNOWLEDGED - (MAX_CALLS_IN_FLIGHT + 1) * MAX_DELIVERIES;

/// The most bytes of the metadata of one call: 16 KiB. A call with more is refused by HTTP/2 itself.
pub const MAX_HEADER_BYTES: u32 = 16 * 1024;

/// The name in the metadata of a call under which its credential stands.
pub const CREDENTIAL_METADATA: &str = "bulla-credential-bin";

/// The most bytes of what a carrier gives to be signed. A longer one is not signed, and none is given.
pub const MAX_NONCE_BYTES: usize = 64;

/// The most bytes of a credential. A longer one is not taken from a carrier, nor read from a call.
pub const MAX_CREDENTIAL_BYTES: usize = 128;

/// How long a connection may take to be made. After that it is tried anew.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// How long a call that does not wait for something may take. After that it is not known what became of it.
///
/// Shorter, and a carrier whose disk is slow for a while is asked again while it is still at it; longer, and
/// a connection that is dead without having said so is noticed later.
pub const CALL_DEADLINE: Duration = Duration::from_secs(30);

/// How long to wait before a connection is tried again that could not be made, or brought no answer.
pub(crate) const BACKOFF: Backoff = match Backoff::new(Duration::from_millis(250), Duration::from_secs(30)) {
    Ok(backoff) => backoff,
    Err(_) => unreachable!(),
};

/// How many frames wait in a client to be written to its stream. Beyond them callers wait.
pub(crate) const MAX_WAITING_FRAMES: usize = 16;

/// The longest interval of heartbeats a carrier may choose. A longer one is taken for this one.
pub(crate) const MAX_HEARTBEAT: Duration = Duration::from_secs(3600);

/// How many bytes of one stream may be on their way to a client: a quarter of the largest frame, so that a
/// stream that is not read holds no more.
pub(crate) const STREAM_WINDOW_BYTES: u32 = 256 * 1024;

/// How many bytes of all its streams together: 8 MiB, so that a few that are not read stop no others.
pub(crate) const CONNECTION_WINDOW_BYTES: u32 = 8 << 20;

/// What is set aside for each stream and direction to begin with, in bytes. It grows as it is needed.
pub(crate) const BUFFER_BYTES: usize = 512;

/// How many bytes of small frames are written together.
pub(crate) const YIELD_BYTES: usize = 32 * 1024;

/// How many bytes a frame takes around each envelope in it, at most.
pub(crate) const FRAMING_BYTES: usize = 40;

/// The most bytes of the details of a status. Longer ones are not read.
pub(crate) const MAX_DETAIL_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    /// The two sides, and clients in other languages, have to agree on them.
    #[test]
    fn the_bounds_are_those_that_are_documented() {
        assert_eq!((MAX_FRAME_BYTES, MAX_FIELDS, MAX_CALLS_IN_FLIGHT), (1_048_576, 1024, 32));
        assert_eq!((MAX_UNACKNOWLEDGED, MAX_NAMED_LATER), (4096, 1984));
        assert_eq!(MAX_HEADER_BYTES, 16_384);
        assert_eq!((MAX_BLOB_FRAME_BYTES, BLOB_FRAME_DATA_BYTES), (262_144, 65_536));
        assert_eq!([CONNECT_DEADLINE, CALL_DEADLINE].map(|span| span.as_secs()), [10, 30]);
    }
}
