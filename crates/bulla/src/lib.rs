#![doc = include_str!("../README.md")]

mod builder;
mod system;

pub mod guide;

pub use builder::RelayBuilder;
pub use system::{SystemClock, SystemRng};

pub use bulla_base as base;
#[cfg(feature = "carrier")]
pub use bulla_carrier as carrier;
pub use bulla_content as content;
#[cfg(feature = "device")]
pub use bulla_device as device;
pub use bulla_endpoint as endpoint;
pub use bulla_envelope as envelope;
#[cfg(feature = "graph")]
pub use bulla_graph as graph;
pub use bulla_meter as meter;
pub use bulla_relay as relay;
pub use bulla_session as session;
pub use bulla_spqr as spqr;
pub use bulla_store as store;
#[cfg(feature = "fjall")]
pub use bulla_store_fjall as fjall;
pub use bulla_transport as transport;
pub use bulla_vault as vault;
#[cfg(feature = "webhook")]
pub use bulla_webhook as webhook;
