//! What is fuzzed.
//!
//! The checks stand beside the tests of the crates, which replay the corpora with them; those of rows, which
//! are private, in the crates. Here they only get the names of their targets.

// Where the checks look for the parties they let talk.
#[path = "../../crates/bulla-spqr/tests/it/test_peer.rs"]
mod test_peer;
#[path = "../../crates/bulla-spqr/tests/it/row_store.rs"]
mod row_store;
#[path = "../../crates/bulla-session/tests/it/part_store.rs"]
#[expect(dead_code, reason = "other tests of the crate use the rest")]
mod part_store;
#[path = "../../crates/bulla-session/tests/it/test_device.rs"]
#[expect(dead_code, reason = "other tests of the crate use the rest")]
mod test_device;

mod content;
mod envelope;
mod graph;
mod meter;
mod integrity;
mod queue;
mod session;
mod spqr;
mod store;
mod transparency;
mod vault;
mod webhook;

macro_rules! targets {
    ($($(#[$doc:meta])* $name:ident = $check:path;)*) => {
        $($(#[$doc])*
        pub fn $name(bytes: &[u8]) {
            $check(bytes);
        })*
    };
}

targets! {
    /// What stands inside a sealed envelope.
    content = content::content::check;
    /// The outside of a message.
    envelope = envelope::envelope::check;
    /// The keys that a party leaves with the carrier, and those that the carrier gives to another.
    upload = envelope::upload::check;
    /// Messages of sessions, as bytes from a stranger.
    session_message = session::message::check;
    /// Stored sessions.
    session_stored = session::stored::check;
    /// Sessions stored in parts.
    session_parts = session::parts::check;
    /// Prekeys, identities, bundles and fingerprints.
    session_records = session::records::check;
    /// Two devices, an unreliable carrier and a store that may go back in time.
    session_dialogue = session::dialogue::check;
    /// Messages of the post-quantum ratchet, from a peer that does not follow the protocol.
    spqr_message = spqr::message::check;
    /// Stored ratchets.
    spqr_stored = spqr::stored::check;
    /// Two ratchets and an unreliable carrier.
    spqr_exchange = spqr::exchange::check;
    /// The body of a request to the Graph API.
    graph_body = graph::body::check;
    /// Keyrings.
    vault_keyring = vault::keyring::check;
    /// Sealed rows.
    vault_row = vault::row::check;
    /// The journal of a store whose process was killed.
    store_journal = store::journal::check;
    /// What a business's web server answers.
    webhook_answer = webhook::answer::check;
    /// Reports, stamps, and what is kept about who writes what nobody wants.
    integrity_forms = integrity::forms;
    /// The log of keys: statements, heads and proofs.
    transparency_bytes = transparency::bytes;
    /// The log of keys: checkpoints, evidence and keys.
    transparency_text = transparency::text;
    /// What is kept and exchanged of bills.
    meter_forms = meter::forms;
    /// The indexes of queues.
    store_queue = queue::queue_index::check;
    /// The rows of an endpoint.
    endpoint_rows = bulla_endpoint::fuzzing::rows;
    /// The rows of a device.
    device_rows = bulla_device::fuzzing::rows;
    /// The rows of a relay.
    relay_rows = bulla_relay::fuzzing::rows;
    /// The rows of a carrier.
    carrier_rows = bulla_carrier::fuzzing::rows;
    /// Grants of numbers.
    carrier_grants = bulla_carrier::fuzzing::grants;
    /// The bodies of calls to a carrier, cut anywhere.
    carrier_calls = bulla_carrier::grpc::fuzzing::calls;
    /// Proofs of identity, nonces and credentials.
    carrier_identities = bulla_carrier::grpc::fuzzing::identities;
    /// Every message that a client sends.
    wire_requests = bulla_transport::grpc::fuzzing::requests;
    /// Every message that a carrier sends, and the details of its refusals.
    wire_answers = bulla_transport::grpc::fuzzing::answers;
}
