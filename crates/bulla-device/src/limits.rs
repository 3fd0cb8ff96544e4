//! What others could make grow in a device.

use std::time::Duration;

/// How many messages are asked for at one time, at most. What cannot be opened beyond it is dropped, as
/// everything that is sent by somebody who floods the device with what nobody can open.
pub const MAX_ASKED_FOR: usize = 1024;

/// How many messages of the user are kept for as long as their business has not confirmed them. Beyond it the
/// oldest go: were one of those asked for again, the user would be told that it is lost.
pub const MAX_UNCONFIRMED: usize = 1024;

/// How many bytes of rows that are in use, such as sessions, are kept in memory, about.
pub(crate) const CACHED_BYTES: usize = 64 * 1024;

/// How many bytes of sessions are held in memory between messages, about.
pub(crate) const SESSION_CACHE_BYTES: usize = 64 * 1024;

/// How often what is over is dropped.
pub(crate) const SWEEP_INTERVAL: Duration = Duration::from_secs(3600);
