//! What this crate counts. The guide's page "Monitoring" lists the same, and a test compares the two.

/// Counter of times, by `outcome`: a store's upkeep was asked for.
pub(crate) const UPKEEP: &str = "bulla_store_upkeep_total";
