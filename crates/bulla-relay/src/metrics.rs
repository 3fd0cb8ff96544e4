//! What this crate counts. The guide's page "Watch it" lists the same, and a test compares the two.

/// Counter of messages, by `category`: accepted from businesses, sealed and durable.
pub(crate) const ACCEPTED: &str = "bulla_relay_accepted_total";
