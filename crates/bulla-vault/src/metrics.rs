//! What this crate counts. The guide's page "Watch it" lists the same, and a test compares the two.

/// Counter of ticks: the vault took note of the time; when they stop, nothing is forgotten any more.
pub(crate) const TICKS: &str = "bulla_vault_ticks_total";

/// Counter of hours: whose keys were destroyed, and with them everything that was to be forgotten by then.
pub(crate) const FORGOTTEN: &str = "bulla_vault_forgotten_hours_total";

/// Counter of changes, by `to`: how the clock stands to the vault's time; `ahead` and `behind` mean that it was set.
pub(crate) const RECKONINGS: &str = "bulla_vault_reckonings_total";
