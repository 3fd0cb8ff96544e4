//! What a peer could make grow.

/// The most bytes the sessions with one device may take in the store: 512 KiB, half of what a record may have.
///
/// A peer that skips thousands of messages in several chains and sessions makes its record grow with the keys it leaves unused. An envelope
/// that would take it beyond this is not opened, and lost; all others still are. A session takes up to 4.5 KB, and forty archived ones about
/// 170 KB.
pub const MAX_SESSIONS_BYTES: usize = 512 * 1024;
