//! What this crate counts. The guide's page "Monitoring" lists the same, and a test compares the two.

/// Counter of batches: committed, durable.
pub(crate) const COMMITS: &str = "bulla_store_fjall_commits_total";

/// Counter of batches, by `reason`: answered without being stored.
pub(crate) const REFUSED: &str = "bulla_store_fjall_refused_total";

/// Histogram of batches: committed with one sync.
pub(crate) const GROUP: &str = "bulla_store_fjall_group_batches";

/// Histogram of seconds: writing a group and its sync took.
pub(crate) const SYNC: &str = "bulla_store_fjall_sync_seconds";

/// Gauge of days: have a table.
pub(crate) const TABLES: &str = "bulla_store_fjall_tables_days";

/// Gauge of batches: wait for room in a group.
pub(crate) const WAITING: &str = "bulla_store_fjall_waiting_batches";

/// Counter of times: the engine was opened again after its own threads had failed.
pub(crate) const REOPENED: &str = "bulla_store_fjall_reopened_total";

/// Counter of bytes: cut off from a journal's end after a power cut.
pub(crate) const CUT: &str = "bulla_store_fjall_cut_bytes_total";
