//! What a peer could make grow.

/// The most bytes the sessions with one device may take in the store: 512 KiB, half of what a record may have.
///
/// A peer that skips thousands of messages in several chains and sessions makes its record grow with the keys it leaves unused. An envelope
/// that would take it beyond this is not opened, and lost; all others still are. A fresh session takes less than 1 KiB.
pub const MAX_SESSIONS_BYTES: usize = 512 * 1024;
