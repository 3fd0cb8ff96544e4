//! What stands in the directory of a store.
//!
//! ```text
//! lock                   directory_lock: held while files are looked at before the engine is let in
//! version, keyspaces/    tables, rows in them; what every store has: required_files
//! 0.jnl, 1.jnl, …        journal: where it ends, and what of it is torn
//! closed                 shutdown_manifest: what there was when the store was closed
//! ```

// While the engine has it.
pub(crate) mod tables;

pub(crate) mod bloom_filter;
pub(crate) mod compaction;
pub(crate) mod descriptor_reserve;
pub(crate) mod row_format;

// Before the engine is let in, and after it has gone.
pub(crate) mod startup_check;

pub(crate) mod directory_lock;
pub(crate) mod interrupted_creation;
pub(crate) mod journal;
pub(crate) mod required_files;
pub(crate) mod shutdown_manifest;
