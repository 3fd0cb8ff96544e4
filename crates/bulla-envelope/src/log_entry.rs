use bytes::Bytes;

use crate::{InvalidEnvelope, MAX_LOG_PROOF_BYTES, MAX_SIGNED_HEAD_BYTES, MAX_STATEMENT_BYTES};

/// Where an identity key stands in the carrier's log of keys, and what proves it.
///
/// All of it is bytes here: what they say is checked by whoever uses the key, with the log's own key.
#[derive(Clone, PartialEq, Eq, prost::Message)]
#[non_exhaustive]
pub struct LogEntry {
    /// The leaf: which key the business has.
    #[prost(bytes = "bytes", tag = "1")]
    pub statement: Bytes,
    /// That the leaf is in the log.
    #[prost(bytes = "bytes", tag = "2")]
    pub inclusion: Bytes,
    /// In which log: its size, its root, and the log's signature.
    #[prost(bytes = "bytes", tag = "3")]
    pub signed_head: Bytes,
}

impl LogEntry {
    /// The leaf `statement`, with its proof in the log that has `signed_head`.
    pub fn new(
        statement: impl Into<Bytes>,
        inclusion: impl Into<Bytes>,
        signed_head: impl Into<Bytes>,
    ) -> Self {
        Self { statement: statement.into(), inclusion: inclusion.into(), signed_head: signed_head.into() }
    }

    /// Checks that nothing is missing or beyond its limit.
    pub(crate) fn check(&self) -> Result<(), InvalidEnvelope> {
        let Self { statement, inclusion, signed_head } = self;
        within("statement of the log entry (bytes)", MAX_STATEMENT_BYTES, statement)?;
        within("proof of the log entry (bytes)", MAX_LOG_PROOF_BYTES, inclusion)?;
        within("signed head of the log entry (bytes)", MAX_SIGNED_HEAD_BYTES, signed_head)
    }
}

fn within(field: &'static str, limit: usize, bytes: &Bytes) -> Result<(), InvalidEnvelope> {
    match bytes.is_empty() {
        true => Err(InvalidEnvelope::Field { field }),
        false => InvalidEnvelope::at_most(field, limit, bytes.len()),
    }
}
