//! What the example programs are made of.
//!
//! The relay and the device are programs of their own, for a carrier that is a third ([`relay`], [`device`]).
//!
//! `embedded_relay` puts a carrier, a relay, the Graph API and users' devices into one process. Without
//! arguments it runs a scripted conversation and reports what everybody saw of it ([`demo`]); with `--serve`
//! it stays up for others to talk to ([`serve`]).
//!
//! [`sandbox`] is the same for tests of programs that speak to the Cloud API: its users follow scripts, and
//! its clock stands until it is pushed.
//!
//! [`file_store`] is a storage engine, as short as one can be.

// The two commands of the one program.
pub mod demo;
pub mod serve;

// The programs for themselves.
pub mod device;
pub mod relay;

// A Cloud API to test programs against.
pub mod sandbox;

// What users type and see, and what a business and its relay's host hear.
mod attachments;
mod device_reader;
mod event_sink;
mod reports;
mod stdin;
mod typed_content;

// How webhooks and links of `https` are called.
mod tls_dialer;

// The carrier, the relay and the devices, and what lies between them.
pub mod carrier_log;
pub mod observed_transport;
pub mod parties;

// The business's side: it calls the Graph API and receives webhooks.
pub mod graph_client;
pub mod webhook_receiver;

// The program around them.
pub mod options;

use bulla_example_program::{escaped_text, exit_error, observability, open_files, storage, terminal, timing};

mod disk_search;

// A storage engine of one's own.
pub mod file_store;
