//! What strangers can send to either side of the wire.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test that fails should say so by panicking")]

mod corpus;
