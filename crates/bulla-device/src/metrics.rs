//! What this crate counts. The guide's page "Monitoring" lists the same, and a test compares the two.

/// Counter of messages: sealed and durable.
pub(crate) const SEALED: &str = "bulla_device_sealed_total";

/// Counter of calls, by `reason`: to send something, refused.
pub(crate) const REFUSED: &str = "bulla_device_refused_total";

/// Counter of envelopes: handed to the carrier.
pub(crate) const SENT: &str = "bulla_device_sent_total";

/// Counter of messages, by `reason`: will not arrive, as the user is told.
pub(crate) const FAILED: &str = "bulla_device_failed_total";

/// Counter of envelopes, by `kind`: from businesses, opened and durable.
pub(crate) const OPENED: &str = "bulla_device_opened_total";

/// Counter of envelopes, by `reason`: from businesses, dropped; with `lost`, as the user is told.
pub(crate) const DROPPED: &str = "bulla_device_dropped_total";

/// Counter of businesses: have come with another identity than before.
pub(crate) const IDENTITY_CHANGES: &str = "bulla_device_identity_changes_total";

/// Counter of heads, by `outcome`: of the carrier's log of keys, told by businesses and compared with what
/// was seen; `split` also for one that came with keys.
pub(crate) const LOG_HEADS: &str = "bulla_device_log_heads_total";

/// Counter of messages: from businesses, could not be opened and were asked for again, each time they were.
pub(crate) const ASKED: &str = "bulla_device_asked_total";

/// Counter of messages, by `reason`: sealed anew and sent again, because the business has asked for it or was
/// installed anew, or the carrier was put back from a backup.
pub(crate) const RESENT: &str = "bulla_device_resent_total";

/// Counter of attempts, by `task`: put off, because the carrier did not answer or took no keys.
pub(crate) const RETRIED: &str = "bulla_device_retried_total";
