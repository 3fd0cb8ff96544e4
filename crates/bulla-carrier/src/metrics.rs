//! What this crate counts. The guide's page "Monitoring" lists the same, and a test compares the two.

/// Counter of envelopes, by `kind`: queued for their recipients.
pub(crate) const ENQUEUED: &str = "bulla_carrier_enqueued_total";

/// Counter of envelopes: handed to their recipients, each time they were.
pub(crate) const DELIVERED: &str = "bulla_carrier_delivered_total";

/// Counter of envelopes: acknowledged by their recipients.
pub(crate) const ACKNOWLEDGED: &str = "bulla_carrier_acknowledged_total";

/// Counter of calls, by `reason`: refused, or failed.
pub(crate) const REFUSED: &str = "bulla_carrier_refused_total";

/// Counter of bundles, by `kind`: of public keys, given with a one-time key or without.
pub(crate) const BUNDLES: &str = "bulla_carrier_bundles_total";

/// Counter of numbers: registered by an installation that was not there before.
pub(crate) const REGISTERED: &str = "bulla_carrier_registered_total";

/// Counter of identities: proved on a connection.
#[cfg(feature = "grpc")]
pub(crate) const PROVEN: &str = "bulla_carrier_identities_proven_total";

/// Counter of calls, by `kind`: without a proof of identity that is one.
#[cfg(feature = "grpc")]
pub(crate) const UNAUTHENTICATED: &str = "bulla_carrier_unauthenticated_total";

/// Counter of connections, by `reason`: closed by the service, for what was done on them or not done.
#[cfg(feature = "grpc")]
pub(crate) const CONNECTIONS_CLOSED: &str = "bulla_carrier_connections_closed_total";

/// Counter of calls, by `reason`: cut off while a message of theirs was coming.
#[cfg(feature = "grpc")]
pub(crate) const MESSAGES_CUT: &str = "bulla_carrier_messages_cut_total";

/// Counter of calls: refused and answered late, because those before them on their connection were refused
/// too.
#[cfg(feature = "grpc")]
pub(crate) const ANSWERS_HELD: &str = "bulla_carrier_answers_held_total";

/// Counter of devices: removed.
pub(crate) const REMOVED: &str = "bulla_carrier_removed_total";

/// Counter of numbers: erased.
pub(crate) const ERASED: &str = "bulla_carrier_erased_total";

/// Counter of blobs, by `kind`: uploads begun and completed, and deleted by their uploaders.
pub(crate) const BLOBS: &str = "bulla_carrier_blobs_total";

/// Counter of bytes, by `kind`: of blobs, uploaded and downloaded.
pub(crate) const BLOB_BYTES: &str = "bulla_carrier_blob_bytes_total";

/// Counter of calls, by `reason`: about blobs, refused or failed.
pub(crate) const BLOBS_REFUSED: &str = "bulla_carrier_blobs_refused_total";

/// Counter of reports, by `reason`: of messages that were sent as they say, taken for the operator.
pub(crate) const REPORTS: &str = "bulla_carrier_reports_total";

/// Counter of steps, by `what`: taken about a business or a user that writes what nobody wants, or taken
/// back.
pub(crate) const ENFORCEMENTS: &str = "bulla_carrier_enforcements_total";

/// Counter of messages, by `outcome`: acknowledged by a user's device; `counted` as delivered, `known` to be,
/// or `too_late` for it.
pub(crate) const LEDGER: &str = "bulla_carrier_ledger_total";

/// Counter of statements, by `outcome`: issued to businesses, and answered by their relays.
pub(crate) const STATEMENTS: &str = "bulla_carrier_statements_total";

/// Counter of businesses, by `tier`: came into it from another, by the rules.
pub(crate) const TIERS: &str = "bulla_carrier_tiers_total";

/// Gauge of businesses: watched in memory.
pub(crate) const WATCHED: &str = "bulla_carrier_watched_businesses";

/// Counter of identity keys: of businesses, appended to the log of keys.
pub(crate) const LOGGED: &str = "bulla_carrier_logged_keys_total";

/// Counter of calls: found a key that is not in the log of keys, which stands still.
pub(crate) const UNLOGGED: &str = "bulla_carrier_unlogged_keys_total";

/// Gauge of envelopes: waiting for businesses when the statistics were last asked for.
pub(crate) const WAITING: &str = "bulla_carrier_waiting_envelopes";

/// Gauge of seconds: the age of the oldest envelope that waited for a business when the statistics were last
/// asked for.
pub(crate) const OLDEST: &str = "bulla_carrier_oldest_seconds";
