//! Everything a client of the API could make grow.

use std::time::Duration;

/// The longest request body, in bytes. A longer one is refused. What stands in it and means nothing here is walked over, so one that is
/// read takes at most four times as much.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// How much of the body of a refused request is read away, in bytes, so that the connection can go on. After a longer one the connection is
/// closed, and the answer says so.
pub const MAX_DRAINED_BYTES: usize = MAX_BODY_BYTES;

/// How long the rest of the body of a refused request may take to arrive. After that the connection is closed, and the answer says so.
pub const DRAIN_PATIENCE: Duration = Duration::from_secs(5);

/// How long the body of a request may take to arrive. A slower one is refused; what came of it is thrown away.
pub const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// The longest bearer token, in bytes. A longer one is answered like any other that opens nothing.
pub const MAX_TOKEN_BYTES: usize = 1024;

/// The longest `to`, in characters as it was written: fifteen digits and all that people put between them. It is sent back verbatim.
pub const MAX_TO_CHARS: usize = 64;
