//! The log of businesses' identity keys.

mod append;
mod prove;
mod resume;

pub use resume::KeyLogResumption;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use bulla_base::{Partition, PhoneNumberId};
use bulla_store::{Key, Store, StoreError, Version};
use bulla_transparency::{
    CompactRange, Head, KeyStatement, LogKey, LogSigner, SIGNED_HEAD_BYTES, SignedCheckpoint,
};
use bulla_transport::TransportError;
use sha2::{Digest, Sha256};
use tracing::Instrument;

use crate::carrier::store_failed;
use crate::store_layout::{LOG_LATEST, LOG_RANGE};
use crate::{Carrier, trace_span};

/// A log that a carrier keeps in its own store: each business's identity keys, in the order in which they
/// came.
///
/// A batch touches one partition, and the log's is another than that of the business. So a statement is
/// appended first, in one record, and the keys are left after it. A crash in between leaves a statement of a
/// key that nobody is given yet; the business leaves its keys again, and the statement is found there.
///
/// Each log has a partition of its own, which follows from its public key: with another key, another log
/// begins.
pub(crate) struct KeyLog {
    signer: LogSigner,
    partition: Partition,
    /// Taken by whoever appends.
    appending: tokio::sync::Mutex<()>,
    /// The head that was signed last: to sign one again costs a multiplication on the curve.
    signed: Mutex<Option<(Head, [u8; SIGNED_HEAD_BYTES])>>,
    /// Whether nothing is appended, because the store was put back and what came after it may be signed.
    stands_still: AtomicBool,
}

/// The right edge of the log's tree, as it is stored.
struct Stored {
    version: Option<Version>,
    range: CompactRange,
    /// Whether it was written in this generation of the store.
    is_of_now: bool,
}

/// The statement that holds of a business, and its place.
#[derive(Clone, Copy)]
struct Latest {
    index: u64,
    statement: KeyStatement,
}

impl<S: Store> Carrier<S> {
    /// Has the carrier keep a log of businesses' identity keys, which `signer` signs. Bundles of businesses
    /// then come with a proof that the log has their key. A business that left its keys before is appended
    /// when somebody asks for them.
    ///
    /// The same key goes on with the log that is in the store; another begins a new one. Keep its seed as
    /// other secrets that live for long: who has it can sign a second history.
    ///
    /// # A store that was put back from a backup
    /// What was appended after the backup is lost, and its heads are signed: to append something else in its
    /// place would be a second history, for which witnesses have evidence. So the log stands still. It
    /// answers for what it has, and nothing is appended: a business with another key leaves it all the same,
    /// and its bundles come without a proof, which those refuse who check. It goes on after
    /// [`resume_key_log`](Self::resume_key_log). A store that does not tell that it was put back cannot be
    /// helped: then the carrier contradicts itself, and is found out.
    ///
    /// # Errors
    /// When the store fails, or what it has of the log is damaged.
    ///
    /// # Cost
    /// A read. Then, for a business that comes for the first time or with another key, two reads and a record
    /// of five rows on average, which businesses make one after the other; with log₂ of its leaves more at
    /// most. A bundle of a business takes two reads more, and one for each node of its proof: at most twice
    /// log₂ of the leaves. What was read lately is in memory. A head that was not signed before costs a
    /// multiplication on the curve.
    pub async fn with_key_log(self, signer: LogSigner) -> Result<Self, StoreError> {
        self.keeping_log(signer).instrument(trace_span::for_host("open")).await
    }

    async fn keeping_log(mut self, signer: LogSigner) -> Result<Self, StoreError> {
        let partition = partition_of(signer.public());
        let (appending, signed) = (tokio::sync::Mutex::default(), Mutex::default());
        let log = KeyLog { signer, partition, appending, signed, stands_still: AtomicBool::new(false) };
        let stored = self.stored_range(&log).await?;
        let stands_still = !(stored.is_of_now || stored.version.is_none() && self.generation.is_first());
        if stands_still {
            tracing::warn!("the log of keys stands still: the carrier's store was put back from a backup");
        }
        log.stands_still.store(stands_still, Ordering::Relaxed);
        self.key_log = Some(log);
        Ok(self)
    }

    async fn stored_range(&self, log: &KeyLog) -> Result<Stored, StoreError> {
        let record = self.store.get(log.partition, &range_key(), self.clock.now()).await?;
        let Some(record) = record else {
            return Ok(Stored { version: None, range: CompactRange::new(), is_of_now: false });
        };
        let bytes = record.value.get(8..).ok_or(DAMAGED)?;
        let range = CompactRange::from_bytes(bytes).map_err(|_| DAMAGED)?;
        Ok(Stored { version: Some(record.version), range, is_of_now: self.generation.is_of(&record) })
    }

    /// What the log has said of `business` last.
    async fn latest(&self, log: &KeyLog, business: PhoneNumberId) -> Result<Option<Latest>, TransportError> {
        let key = latest_key(business);
        let record = self.store.get(log.partition, &key, self.clock.now()).await.map_err(store_failed)?;
        let Some(record) = record else { return Ok(None) };
        let damaged = || store_failed(DAMAGED);
        let (index, statement) = record.value.split_first_chunk().ok_or_else(damaged)?;
        let statement = KeyStatement::from_bytes(statement).map_err(|_| damaged())?;
        Ok(Some(Latest { index: u64::from_be_bytes(*index), statement }))
    }
}

impl KeyLog {
    fn stands_still(&self) -> bool {
        self.stands_still.load(Ordering::Relaxed)
    }

    /// `head` with the log's signature. It must be that of what is durable.
    fn sign(&self, head: &Head) -> [u8; SIGNED_HEAD_BYTES] {
        let mut signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, bytes)) = &*signed
            && of == head
        {
            return *bytes;
        }
        let checkpoint: SignedCheckpoint = self.signer.sign(head);
        // It is its own signature, so it is there.
        let bytes = checkpoint.to_signed_head(self.signer.public()).unwrap_or([0; SIGNED_HEAD_BYTES]);
        *signed = Some((*head, bytes));
        bytes
    }
}

const DAMAGED: StoreError = StoreError::Damaged { what: "log of keys" };

/// The first half of SHA-256(a fixed word ‖ the written form of the key).
fn partition_of(key: &LogKey) -> Partition {
    let digest: [u8; 32] =
        Sha256::new().chain_update("bulla key log v1\n").chain_update(key.to_string()).finalize().into();
    let mut partition = [0; 16];
    partition.copy_from_slice(&digest[..16]);
    Partition::from_bytes(partition)
}

fn range_key() -> Key {
    Key::undated(LOG_RANGE, "")
}

fn latest_key(business: PhoneNumberId) -> Key {
    Key::undated(LOG_LATEST, business.number().to_be_bytes().to_vec())
}
