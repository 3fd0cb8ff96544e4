//! What the example programs are made of.
//!
//! `embedded_relay` puts a carrier, a relay, the Graph API and users' devices into one process. Without
//! arguments it runs a scripted conversation and reports what everybody saw of it ([`demo`]); with `--serve`
//! it stays up for others to talk to ([`serve`]).
//!
//! [`file_store`] is a storage engine, as short as one can be.

// The two commands.
pub mod demo;
pub mod serve;

// The carrier, the relay and the devices, and what lies between them.
pub mod carrier_log;
pub mod observed_transport;
pub mod parties;
pub mod storage;

// The business's side: it calls the Graph API and receives webhooks.
pub mod graph_client;
pub mod webhook_receiver;

// The program around them.
pub mod escaped_text;
pub mod exit_error;
pub mod observability;
pub mod open_files;
pub mod options;
pub mod terminal;
pub mod timing;

mod disk_search;

// A storage engine of one's own.
pub mod file_store;
