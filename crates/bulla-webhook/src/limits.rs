//! Everything a business's web server could make grow.

use std::time::Duration;

/// How long a business's web server may take for one answer, from connecting to the last byte. After that the update counts as not taken
/// and comes again; one it did take then comes twice.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// How much of an answer's body is read from a business's web server, in bytes. Of an update's answer nothing is lost beyond it but the
/// connection; a longer answer to the handshake is not the challenge.
pub const MAX_RESPONSE_BODY_BYTES: usize = 64 * 1024;

/// How large the head of such an answer may be, in bytes. A larger one counts as a failure.
pub(crate) const MAX_RESPONSE_HEAD_BYTES: usize = 64 * 1024;

/// How many unused connections to one web server are kept. More are closed and made anew when needed.
pub(crate) const MAX_IDLE_CONNECTIONS: usize = 32;

/// The longest pause a business's web server can ask for with `Retry-After`. It may ask for more and is tried again after this.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);
