//! What this crate counts. The guide's page "Monitoring" lists the same, and a test compares the two.

/// Counter of ticks: the vault took note of the time; when they stop, nothing is forgotten any more.
pub(crate) const TICKS: &str = "bulla_vault_ticks_total";

/// Counter of hours: whose keys were destroyed, and with them everything that was to be forgotten by then.
pub(crate) const FORGOTTEN: &str = "bulla_vault_forgotten_hours_total";

/// Counter of changes, by `to`: how the clock stands to the vault's time; `ahead` and `behind` mean that it
/// was set.
pub(crate) const CLOCK_CHANGES: &str = "bulla_vault_reckonings_total";

/// Counter of generations: begun, each a moment from which a backup is told from the store.
pub(crate) const GENERATIONS: &str = "bulla_vault_generations_total";

/// Counter of writes, by `outcome`: made to the keyring.
pub(crate) const KEYRING_WRITES: &str = "bulla_vault_keyring_writes_total";

/// Counter of records, by `reason`: could not be opened.
pub(crate) const UNOPENED: &str = "bulla_vault_unopened_total";

/// Counter of conversations, by `reason`: lost their salt, and with it whatever was sealed in them.
pub(crate) const SALTS: &str = "bulla_vault_salts_total";
