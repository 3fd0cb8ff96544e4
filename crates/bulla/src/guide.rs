//! How the parts stand to each other, why, and how to do what hosts do.

#[doc = include_str!("guide/architecture.md")]
pub mod architecture {}

#[doc = include_str!("guide/decisions.md")]
pub mod decisions {}

#[doc = include_str!("guide/how_to.md")]
pub mod how_to {}

#[doc = include_str!("guide/glossary.md")]
pub mod glossary {}

#[doc = include_str!("guide/monitoring.md")]
pub mod monitoring {}

#[doc = include_str!("guide/memory.md")]
pub mod memory {}

#[doc = include_str!("guide/key_log.md")]
pub mod key_log {}

#[doc = include_str!("guide/backups.md")]
pub mod backups {}

#[doc = include_str!("guide/fault_tolerance.md")]
pub mod fault_tolerance {}

#[doc = include_str!("guide/run_a_carrier.md")]
pub mod run_a_carrier {}

#[doc = include_str!("guide/write_a_client.md")]
pub mod write_a_client {}

#[doc = include_str!("guide/write_an_engine.md")]
pub mod write_an_engine {}
