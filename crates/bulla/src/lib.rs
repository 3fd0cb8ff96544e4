#![doc = include_str!("../README.md")]
//!
//! # Where to go from here
//! [`Host`] opens the parts, with [`SystemClock`] and [`SystemRng`], the machine's ports. A part alone is
//! opened as its own page says, a relay by [`Relay::builder`](relay::Relay::builder). The [`guide`] tells how
//! the parts stand to each other, why, and how to do what hosts do.

#[cfg(all(feature = "graph", feature = "webhook"))]
mod client_callbacks;
#[cfg(all(feature = "graph", feature = "webhook"))]
mod fetch_links;
mod host_setup;
#[cfg(feature = "fjall")]
mod limits;

mod system_clock_and_rng;

pub mod guide;

#[cfg(all(feature = "graph", feature = "webhook"))]
pub use client_callbacks::ClientCallbacks;
#[cfg(all(feature = "graph", feature = "webhook"))]
pub use fetch_links::FetchLinks;
pub use host_setup::Host;
#[cfg(feature = "fjall")]
pub use host_setup::{OpenStoreError, SealedStore};

pub use system_clock_and_rng::{SystemClock, SystemRng};

// The sighted side, from what a host holds down to the ratchets.

#[cfg(feature = "relay")]
pub use bulla_relay as relay;

#[cfg(feature = "graph")]
pub use bulla_graph as graph;

#[cfg(feature = "webhook")]
pub use bulla_webhook as webhook;

#[cfg(feature = "device")]
pub use bulla_device as device;

#[cfg(feature = "sighted")]
pub use bulla_content as content;

#[cfg(feature = "sighted")]
pub use bulla_endpoint as endpoint;

#[cfg(feature = "sighted")]
pub use bulla_session as session;

#[cfg(feature = "sighted")]
pub use bulla_spqr as spqr;

// The blind side.

#[cfg(feature = "carrier")]
pub use bulla_carrier as carrier;

pub use bulla_integrity as integrity;

pub use bulla_transparency as transparency;

pub use bulla_transport as transport;

pub use bulla_envelope as envelope;

pub use bulla_meter as meter;

// Where records are kept.

pub use bulla_vault as vault;

pub use bulla_store as store;

#[cfg(feature = "fjall")]
pub use bulla_store_fjall as fjall;

// The words all share.

pub use bulla_base as base;
