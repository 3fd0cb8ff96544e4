//! What the carrier takes from strangers; the sizes of envelopes and uploads are bounded by `bulla-envelope`.

use std::time::Duration;

/// The oldest an envelope's id may be: as long as ids are remembered. An older envelope is refused, for it could not be told from a
/// repeated one.
pub const MAX_ID_AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The furthest an envelope's id may lie ahead of the carrier's clock. One further ahead is refused.
pub const MAX_ID_LEAD: Duration = Duration::from_secs(24 * 60 * 60);
