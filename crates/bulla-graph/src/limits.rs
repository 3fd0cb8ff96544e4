//! Everything a client of the API or a business's web server could make grow.

use std::time::Duration;

/// The longest request body, in bytes. A longer one is refused before it is parsed; parsed, it takes some 5 MiB at worst.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// How deep objects and arrays of a request may lie inside each other. A deeper body is refused as a whole.
pub const MAX_NESTING: usize = 127;

/// How long the body of a request may take to arrive. A slower one is refused; what came of it is thrown away.
pub const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// The longest bearer token, in bytes. A longer one is answered like any other that opens nothing.
pub const MAX_TOKEN_BYTES: usize = 1024;

/// The longest `to`, in characters as it was written: fifteen digits and all that people put between them. It is sent back verbatim.
pub const MAX_TO_CHARS: usize = 64;

/// The longest name of a message type or id that an error repeats, in bytes. A longer one is not repeated.
pub(crate) const MAX_REPEATED_BYTES: usize = 40;

/// How long a business's web server may take for one answer, from connecting to the last byte. After that the update counts as not taken
/// and comes again; one it did take then comes twice.
pub const WEBHOOK_PATIENCE: Duration = Duration::from_secs(15);

/// How much of an answer's body is read from a business's web server, in bytes. Of an update's answer nothing is lost beyond it but the
/// connection; a longer answer to the handshake is not the challenge.
pub const MAX_WEBHOOK_REPLY_BYTES: usize = 64 * 1024;

/// How large the head of such an answer may be, in bytes. A larger one counts as a failure.
pub(crate) const MAX_WEBHOOK_HEAD_BYTES: usize = 64 * 1024;

/// How many unused connections to one web server are kept. More are closed and made anew when needed.
pub(crate) const MAX_IDLE_CONNECTIONS: usize = 32;

/// The longest pause a business's web server can ask for with `Retry-After`. It may ask for more and is tried again after this.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
