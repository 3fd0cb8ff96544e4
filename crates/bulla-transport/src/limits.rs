//! Every bound of a call to the carrier.

/// The most envelopes one call to receive returns. The rest comes with the next call.
pub const MAX_DELIVERIES: usize = 64;

/// The most bytes a proof has: 1 KiB. A longer one is refused where it is made.
pub const MAX_PROOF_BYTES: usize = 1024;
