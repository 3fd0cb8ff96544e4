//! Everything a client of the API could make grow.

use std::time::Duration;

/// The longest request body, in bytes. A longer one is refused. What stands in it and means nothing here is
/// walked over, so one that is read takes at most four times as much; one with contacts takes 4 MiB.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// How much of the body of a refused request is read away, in bytes, so that the connection can go on. After
/// a longer one the connection is closed, and the answer says so.
pub const MAX_DRAINED_BYTES: usize = MAX_BODY_BYTES;

/// How long the rest of the body of a refused request may take to arrive. After that the connection is
/// closed, and the answer says so.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the body of a request may take to arrive. A slower one is refused; what came of it is thrown
/// away.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest bearer token, in bytes. A longer one is answered like any other that opens nothing.
pub const MAX_TOKEN_BYTES: usize = 1024;

/// The longest `to`, in characters as it was written: fifteen digits and all that people put between them. It
/// is sent back verbatim.
pub const MAX_TO_CHARS: usize = 64;

/// How large the head of a request may be, in bytes: its first line and all its fields. A larger one is
/// answered with HTTP 431, without a body, and the connection closed.
pub const MAX_HEAD_BYTES: usize = 16 * 1024;

/// How long a client may take for the head of a request, and for its first one from when it came. After that
/// the connection is closed without an answer.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection may wait for its next request. Then it is closed. It is longer than most clients'
/// own patience, who could otherwise send their next request just when it is closed.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(120);

/// How long a client may not take anything of an answer. After that the connection is closed.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a connection that ends with a refusal stays open for a client that is still sending, so that it
/// can read the answer. Whoever sends longer may lose it.
pub const LINGER_TIMEOUT: Duration = Duration::from_secs(10);

/// How much such a client may send meanwhile, in bytes: a little more than the largest file the original
/// takes. Whoever sends more may lose the answer.
pub const MAX_LINGER_BYTES: usize = 128 * 1024 * 1024;

/// How long a request may wait for room, when as many as may be are under way. After that it is asked to try
/// again.
pub const ROOM_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest form with a file, in bytes: the largest document, and what stands around it. A longer one is
/// refused where it says so, or else when it has come so far.
pub const MAX_FORM_BYTES: u64 = (100 << 20) + (64 << 10);

/// The longest field of a form beside its file, in bytes. A longer one is refused.
pub const MAX_FORM_FIELD_BYTES: usize = 1024;

/// How long a form with a file may take to arrive, whatever its pace; and no piece of it longer than
/// [`BODY_TIMEOUT`].
pub const UPLOAD_TIMEOUT: Duration = Duration::from_secs(600);

/// How much of a form may come without anything in it that is given on, in bytes: the heads of its parts, and
/// parts that nobody asked for. More is refused, since it would be held in memory.
pub(crate) const MAX_FORM_BUFFER_BYTES: u64 = 128 * 1024;

/// How many bytes memory is counted with for a form with a file while it comes: the buffer above, a chunk
/// that is filled and one that is being stored.
pub(crate) const FORM_MEMORY_BYTES: usize = 1024 * 1024;

/// By how many of its first bytes it is told what a file is.
pub(crate) const SNIFFED_BYTES: usize = 1024;

/// For how many minutes a button that calls the business may do so: thirty days.
pub(crate) const MAX_CALL_MINUTES: u32 = 43_200;

/// How many templates are listed when nobody says how many.
pub(crate) const TEMPLATES_LISTED: usize = 25;

/// How many components a template has at most in a request, or one of its cards: a header, a body, ten
/// buttons, and room for more.
pub(crate) const MAX_COMPONENTS: usize = 16;

/// How many items of a list are kept that is read item by item, at most: more than any of them may have.
pub(crate) const MAX_LISTED_ITEMS: usize = 128;

/// Bodies up to this many bytes do not count when room is made for bodies: those of most messages.
pub(crate) const SMALL_BODY_BYTES: u32 = 16 * 1024;

/// How long to wait for a connection that was asked to leave before another one is asked too: it may just
/// have got a request.
pub(crate) const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long to wait after a connection could not be accepted, the first time; then twice as long each time.
pub(crate) const FIRST_ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// The longest such wait.
pub(crate) const LONGEST_ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// How long a failure on our side must not have been seen to be told to the operator again.
pub(crate) const FAILURE_LOG_INTERVAL: Duration = Duration::from_secs(60);

/// How many requests of one connection of HTTP/2 may be under way. More are refused by the protocol.
#[cfg(feature = "tls")]
pub(crate) const MAX_STREAMS: u32 = 32;

/// How many bytes of one such request may be on their way to us, and how many of all of a connection.
#[cfg(feature = "tls")]
pub(crate) const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
#[cfg(feature = "tls")]
pub(crate) const CONNECTION_WINDOW_BYTES: u32 = 512 * 1024;

/// How many bytes of one answer wait to be written.
#[cfg(feature = "tls")]
pub(crate) const STREAM_BUFFER_BYTES: usize = 32 * 1024;

/// How many requests of a connection may be taken back before they were seen, and how many broken ones may be
/// refused by HTTP/2 itself. The connection ends with the next.
#[cfg(feature = "tls")]
pub(crate) const MAX_BROKEN_STREAMS: usize = 32;

/// How much is read at once of what nobody wants, in bytes.
pub(crate) const DRAIN_PIECE_BYTES: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// What is documented, worked out by hand.
    #[test]
    fn every_bound_has_its_documented_value() {
        assert_eq!((MAX_BODY_BYTES, MAX_DRAINED_BYTES, SMALL_BODY_BYTES), (262_144, 262_144, 16_384));
        assert_eq!((MAX_HEAD_BYTES, MAX_LINGER_BYTES), (16_384, 134_217_728));
        assert_eq!((MAX_TOKEN_BYTES, MAX_TO_CHARS, MAX_CALL_MINUTES), (1_024, 64, 43_200));
    }
}
