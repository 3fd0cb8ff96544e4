//! Everything a business's web server, or the name of one, could make grow.

use std::time::Duration;

/// As many digits as the number of a business has in names, 2⁶⁴ − 1 at most.
pub(crate) const BUSINESS_DIGITS: usize = 20;

/// As many digits as the id of a message has in names, 2¹²⁸ − 1 at most.
pub(crate) const MESSAGE_DIGITS: usize = 39;

/// As many digits as the id of a user has in names, 2¹²⁸ − 1 at most.
pub(crate) const USER_DIGITS: usize = 39;

/// How long a business's web server may take for one answer, from looking up its name to the last byte. After
/// that the update counts as not taken and comes again; one it did take then comes twice.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a call may wait for its turn, behind others to the same web server or all together. One that
/// waits longer was not made; its update comes again.
pub const QUEUE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long one address of a web server may take to accept a connection, with `https` until TLS is spoken on
/// it. The next one is tried then.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How many of the addresses a name has are looked at. The others might as well not be there.
pub const MAX_ADDRESSES: usize = 8;

/// How many names are looked up at once by the system's resolver. Others wait, within [`ANSWER_TIMEOUT`].
pub(crate) const MAX_LOOKUPS: usize = 16;

/// How many calls to one webhook are under way at once, each with a connection of its own. Others wait,
/// within [`QUEUE_TIMEOUT`].
pub const MAX_CALLS_PER_WEBHOOK: usize = 16;

/// How many calls are under way at once, over all webhooks that answer. Others wait, within
/// [`QUEUE_TIMEOUT`].
pub const MAX_CALLS: usize = 128;

/// How many webhooks that last gave no answer are tried at once, each by one call. Others wait, within
/// [`QUEUE_TIMEOUT`].
pub const MAX_PROBES: usize = 32;

/// How many unused connections are kept over all webhooks. More are closed and made anew when needed.
pub const MAX_IDLE: usize = 64;

/// How many unused connections are kept to one webhook. More are closed and made anew when needed.
pub(crate) const MAX_IDLE_PER_WEBHOOK: usize = 8;

/// How long an unused connection is kept, once to twice.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// How much of an answer's body is read from a business's web server, in bytes. Of an update's answer nothing
/// is lost beyond it but the connection; a longer answer to the handshake is not the challenge.
pub const MAX_RESPONSE_BODY_BYTES: usize = 64 * 1024;

/// How large the head of such an answer may be: the names and values of all its headers, in bytes. A larger
/// one counts as a failure.
pub const MAX_RESPONSE_HEAD_BYTES: usize = 16 * 1024;

/// How much of an answer lies in memory before it is read. A head within its limit fits in with what stands
/// around names and values.
pub(crate) const READ_BUFFER_BYTES: usize = MAX_RESPONSE_HEAD_BYTES + 8 * 1024;

/// The longest pause a business's web server can ask for with `Retry-After`. It may ask for more and is tried
/// again after this.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// How long a file may take to be fetched, from looking up its host to its last byte.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(60);

/// How many names of files are looked up at once. Others wait, within [`FETCH_TIMEOUT`]; also for look-ups
/// that nobody waits for any more.
pub(crate) const MAX_FETCH_LOOKUPS: usize = 8;

/// How many redirects are followed to a file.
pub const MAX_REDIRECTS: usize = 5;

/// How many numbers without a webhook are remembered, so that the operator is told once of each. Of others
/// the operator is told every time.
pub(crate) const MAX_UNKNOWN: usize = 64;

/// The longest host name in a webhook's URL, in bytes (RFC 1035 §2.3.4). A longer one is refused with the
/// URL.
pub(crate) const MAX_HOST_NAME_BYTES: usize = 253;

/// The longest part of a host name between two dots, in bytes (RFC 1035 §2.3.4).
pub(crate) const MAX_HOST_LABEL_BYTES: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    /// What is documented, worked out by hand.
    #[test]
    fn every_bound_has_its_documented_value() {
        assert_eq!(
            (MAX_RESPONSE_BODY_BYTES, MAX_RESPONSE_HEAD_BYTES, READ_BUFFER_BYTES),
            (65_536, 16_384, 24_576)
        );
        let spans = [ANSWER_TIMEOUT, QUEUE_TIMEOUT, CONNECT_TIMEOUT, IDLE_TIMEOUT, MAX_RETRY_AFTER];
        assert_eq!(spans.map(|span| span.as_secs()), [15, 30, 5, 30, 3_600]);
    }
}
