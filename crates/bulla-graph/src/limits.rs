//! Everything a client of the API could make grow.

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
