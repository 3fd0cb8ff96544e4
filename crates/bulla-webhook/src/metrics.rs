//! What this crate counts. The guide's page "Monitoring" lists the same, and a test compares the two.

/// Counter of updates, by `outcome`: given to a business's web server, and whether it took them.
pub(crate) const UPDATES: &str = "bulla_webhook_updates_total";

/// Counter of calls, by `kind` and `outcome`: made to web servers, or given up before.
pub(crate) const CALLS: &str = "bulla_webhook_calls_total";

/// Histogram of seconds, by `kind`: how long calls took, from being let through to the end of the answer.
pub(crate) const CALL_SECONDS: &str = "bulla_webhook_call_seconds";

/// Gauge of calls: under way.
pub(crate) const IN_FLIGHT: &str = "bulla_webhook_in_flight_calls";
