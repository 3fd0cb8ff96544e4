//! In which span something happens: ids and keyed tags alone, never a number.
//!
//! They are of the level of warnings, so that a warning says what it is about also to an operator who asked
//! for no more.

use bulla_base::{Address, Party};
use bulla_store::Store;
use tracing::Span;
use tracing::field::{Empty, display};

use crate::Carrier;

/// What the carrier does of itself, for as long as it is there.
pub(crate) fn task(task: &'static str) -> Span {
    // Not within that of whoever happened to open it.
    tracing::warn_span!(parent: None, "carrier", task)
}

/// What the carrier does for its host.
pub(crate) fn for_host(task: &'static str) -> Span {
    tracing::warn_span!("carrier", task)
}

impl<S: Store> Carrier<S> {
    /// What the carrier does for `caller`, perhaps about `peer`, and perhaps about a message that is recorded
    /// later.
    pub(crate) fn call(&self, task: &'static str, caller: &Address, peer: Option<&Address>) -> Span {
        let (business, conversation, message) = (Empty, Empty, Empty);
        let span = tracing::warn_span!("carrier", task, business, conversation, message);
        // A tag costs two hashes, which nobody need pay who does not look.
        if !span.is_disabled() {
            for address in [Some(caller), peer].into_iter().flatten() {
                match address.party() {
                    Party::Business(business) => span.record("business", display(business)),
                    _ => span.record("conversation", display(self.partition(address).tag())),
                };
            }
        }
        span
    }
}
