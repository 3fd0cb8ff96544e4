//! What the example programs are made of.
//!
//! `embedded_relay` puts a carrier, a relay, the Graph API and users' devices into one process. Without
//! arguments it plays a conversation to its end and reports what everybody saw of it ([`play`]); with
//! `--serve` it stays up for others to talk to ([`serve`]).
//!
//! [`file_store`] is a storage engine, as short as one can be.

pub mod open_files;
pub mod options;
pub mod problem;
pub mod quoted;
pub mod terminal;
pub mod timing;
pub mod watching;

pub mod carrier_log;
pub mod cast;
pub mod strongroom;
pub mod witness;

pub mod graph_client;
pub mod webhook;

pub mod play;
pub mod serve;

pub mod file_store;

mod disk;
