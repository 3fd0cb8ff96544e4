//! What this crate counts. The guide's page "Monitoring" lists the same, and a test compares the two.

/// Counter of messages, by `category`: accepted from businesses, sealed and durable.
pub(crate) const ACCEPTED: &str = "bulla_relay_accepted_total";

/// Counter of messages, by `rule`: accepted and kept back until this rule allows them, or, by `order`, until
/// those before them have gone.
pub(crate) const DEFERRED: &str = "bulla_relay_deferred_total";

/// Counter of events, by `kind`: taken by their businesses.
pub(crate) const FORWARDED: &str = "bulla_relay_forwarded_total";

/// Counter of events, by `reason`: offered to the sink and not taken; each is tried again.
pub(crate) const NOT_TAKEN: &str = "bulla_relay_not_taken_total";

/// Counter of events: not taken as often as the settings say, and kept as dead letters.
pub(crate) const DEAD_LETTERS: &str = "bulla_relay_dead_letters_total";

/// Gauge of events: with the sink now.
pub(crate) const AT_SINK: &str = "bulla_relay_at_sink_events";

/// Gauge of seconds: since when the conversation waits that waits longest for the carrier or its business, as
/// Unix time; 0 when none does.
pub(crate) const OLDEST: &str = "bulla_relay_oldest_since_seconds";

/// Gauge of conversations: wait to be tried again, with an event that was not taken.
pub(crate) const WAITING: &str = "bulla_relay_waiting_conversations";

/// Counter of users: have come with another identity than before.
pub(crate) const IDENTITY_CHANGES: &str = "bulla_relay_identity_changes_total";

/// Counter of looks at a user's devices, by `reason`: the carrier has named one that the user's first device
/// has not listed, or, by `older_list`, given an older list than before.
pub(crate) const UNLISTED: &str = "bulla_relay_unlisted_devices_total";

/// Counter of heads, by `outcome`: of the carrier's log of keys, told by users and compared with what was
/// seen.
pub(crate) const LOG_HEADS: &str = "bulla_relay_log_heads_total";

/// Counter of attempts, by `outcome`: to read what is new in the carrier's log of keys.
pub(crate) const LOG_READINGS: &str = "bulla_relay_log_readings_total";

/// Counter of leaves, by `kind`: of the carrier's log of keys, read for the first time and about a business
/// of the relay; or about nobody knows whom, by `unreadable`.
pub(crate) const LOG_LEAVES: &str = "bulla_relay_log_leaves_total";

/// Counter of messages: accepted without the reference to the message they answer, because it was not known.
pub(crate) const UNQUOTED: &str = "bulla_relay_unquoted_total";

/// Counter of envelopes, by `reason`: from users, dropped without a word to the business.
pub(crate) const DROPPED: &str = "bulla_relay_dropped_total";

/// Counter of envelopes, by `kind`: from users, opened and durable.
pub(crate) const OPENED: &str = "bulla_relay_opened_total";

/// Counter of messages, by `reason`: sealed anew and sent again, because the user's device has asked for it
/// or is another one, or the carrier was put back from a backup.
pub(crate) const RESENT: &str = "bulla_relay_resent_total";

/// Counter of messages: of users, could not be opened and were asked for again.
pub(crate) const ASKED: &str = "bulla_relay_asked_total";

/// Counter of envelopes: handed to the carrier.
pub(crate) const SENT: &str = "bulla_relay_sent_total";

/// Counter of messages, by `status`: have come so far, as the business is told.
pub(crate) const REACHED: &str = "bulla_relay_reached_total";

/// Counter of reports, by `reason`: of what users have sent, taken by the carrier.
pub(crate) const REPORTED: &str = "bulla_relay_reported_total";

/// Counter of calls, by `reason`: refused.
pub(crate) const REFUSED: &str = "bulla_relay_refused_total";

/// Counter of attempts, by `reason`: put off, because the carrier or the store did not answer, or the
/// business writes too fast.
pub(crate) const RETRIED: &str = "bulla_relay_retried_total";

/// Counter of uploads: come in several parts, not finished within their day, and removed.
pub(crate) const LAPSED_UPLOADS: &str = "bulla_relay_lapsed_uploads_total";

/// Counter of parts, by `kind`: suspended, a business or a conversation.
pub(crate) const SUSPENDED: &str = "bulla_relay_suspended_total";
