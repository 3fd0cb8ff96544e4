//! What one program has seen of the carrier's log of keys.

mod bundle_check;
mod comparison;
mod leaf_reading;
mod logged_keys;
mod seen;

pub use bundle_check::NotLogged;
pub use comparison::{LogSource, Settled};
pub use leaf_reading::{LeafReading, LeavesRead, Watched};
pub use logged_keys::{Foreign, ForeignKind, LoggedKeys};

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_base::Timestamp;
use bulla_store::{Batch, Key, SYSTEM_PARTITION, Store, StoreError};
use bulla_transparency::{Evidence, LogKey, SIGNED_HEAD_BYTES};
use bytes::Bytes;
use tokio::sync::watch;

use self::seen::Seen;
use crate::limits::{MAX_HEARD_HEADS, MAX_PROVEN_HEADS};
use crate::store_layout::KEY_LOG;

/// A head of a log with the log's signature, as it stands in sealed content.
pub(crate) type SignedHead = [u8; SIGNED_HEAD_BYTES];

/// What a program does when the carrier has shown two histories of its log of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnSplitLog {
    /// It takes no keys from the carrier's bundles any more. Sessions that there are go on: they were begun
    /// before, and a carrier cannot get into them.
    #[default]
    StopNewSessions,
    /// It goes on as before. The host has the evidence, and decides.
    GoOn,
}

/// What one program has seen of the carrier's log of keys: the newest head, durably, and which others are
/// proven to be of the same history. All endpoints of a program share one; a clone is the same.
///
/// Whoever shares a conversation tells the other side the newest head, with the log's signature, inside what
/// is sealed. A head that was not seen before is [compared](Self::settle): the carrier has to prove that the
/// one continues the other. If it has signed two histories, the proof that it gives to the one side is
/// evidence against what it showed to the other.
///
/// A head that the carrier does not prove anything about says nothing: it is compared again with the next
/// message that comes.
#[derive(Clone)]
pub struct KeyLog(Arc<Inner>);

struct Inner {
    key: LogKey,
    on_split: OnSplitLog,
    state: Mutex<State>,
    /// Taken by whoever compares: others find what is proven then.
    comparing: tokio::sync::Mutex<()>,
    /// The file, once there is evidence.
    evidence: watch::Sender<Option<Arc<str>>>,
}

#[derive(Default)]
struct State {
    newest: Option<Seen>,
    /// Heads of the same history as the newest, which is the last of them or was proven before others.
    proven: VecDeque<SignedHead>,
    /// Heads that peers have told and that are not compared yet; whether that was tried.
    heard: VecDeque<(SignedHead, bool)>,
}

impl KeyLog {
    /// What was seen of the log with this key, as it stands in `store`.
    ///
    /// # Errors
    /// When the store fails, or what it has is damaged.
    pub async fn open<S: Store>(
        store: &S,
        key: LogKey,
        on_split: OnSplitLog,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let record = store.get(SYSTEM_PARTITION, &evidence_key(&key), now).await?;
        let evidence = record.map(|record| str::from_utf8(&record.value).map(Arc::from));
        let evidence = evidence.transpose().map_err(|_| DAMAGED)?;
        let log = Self(Arc::new(Inner {
            key,
            on_split,
            state: Mutex::default(),
            comparing: tokio::sync::Mutex::default(),
            evidence: watch::Sender::new(evidence),
        }));
        log.catch_up(store, now).await?;
        Ok(log)
    }

    /// The log's key.
    #[must_use]
    pub fn key(&self) -> &LogKey {
        &self.0.key
    }

    /// The newest head that was seen, as it is told to others.
    #[must_use]
    pub fn signed_head(&self) -> Option<[u8; SIGNED_HEAD_BYTES]> {
        self.state().newest.as_ref().map(|newest| newest.bytes)
    }

    /// The newest head that was seen as a signed checkpoint: a text that a carrier's operator needs to have
    /// the log go on after a restore.
    #[must_use]
    pub fn checkpoint(&self) -> Option<String> {
        self.state().newest.as_ref().map(|newest| newest.checkpoint.to_string())
    }

    /// The evidence that the carrier has signed two histories, if it was found: a file as
    /// [`Evidence`](bulla_transparency::Evidence) describes it.
    #[must_use]
    pub fn evidence(&self) -> Option<Arc<str>> {
        self.0.evidence.borrow().clone()
    }

    /// Waits until there is evidence that the carrier has signed two histories.
    ///
    /// Cancel safe: the evidence stays.
    pub async fn split(&self) -> Arc<str> {
        let mut evidence = self.0.evidence.subscribe();
        loop {
            if let Some(file) = evidence.borrow_and_update().clone() {
                return file;
            }
            // The sender is ours: it cannot be gone.
            let _ = evidence.changed().await;
        }
    }

    /// Whether a peer has told a head that is still to be compared.
    #[must_use]
    pub fn has_heard(&self) -> bool {
        !self.state().heard.is_empty()
    }

    /// Takes note of a head that a peer has told. Of too many the oldest is forgotten: it comes again with
    /// the peer's next message.
    pub(crate) fn note(&self, told: SignedHead) {
        if self.evidence().is_some() {
            return;
        }
        let mut state = self.state();
        if state.is_proven(&told) || state.heard.iter().any(|(heard, _)| *heard == told) {
            return;
        }
        if state.heard.len() == MAX_HEARD_HEADS {
            state.heard.pop_front();
        }
        state.heard.push_back((told, false));
    }

    /// Goes on from what is in the store, if that is further: another instance may have written there.
    async fn catch_up<S: Store>(&self, store: &S, now: Timestamp) -> Result<(), StoreError> {
        let record = store.get(SYSTEM_PARTITION, &head_key(&self.0.key), now).await?;
        let Some(record) = record else { return Ok(()) };
        let bytes = record.value[..].try_into().map_err(|_| DAMAGED)?;
        if self.state().is_proven(&bytes) {
            return Ok(());
        }
        let seen = Seen::verify(&self.0.key, bytes).map_err(|_| DAMAGED)?;
        let mut state = self.state();
        if state.newest.as_ref().is_none_or(|newest| newest.head.size() < seen.head.size()) {
            state.advance(seen);
        }
        Ok(())
    }

    /// Makes `seen` the newest head, durably: it was proven to continue what was the newest.
    async fn advance<S: Store>(&self, store: &S, seen: Seen) -> Result<(), StoreError> {
        let mut batch = Batch::new(SYSTEM_PARTITION);
        batch.put(head_key(&self.0.key), seen.bytes.to_vec());
        // It expects nothing.
        let _ = store.commit(batch).await?;
        self.state().advance(seen);
        Ok(())
    }

    /// Keeps `evidence`, durably, unless there is some.
    async fn keep<S: Store>(&self, store: &S, evidence: &Evidence) -> Result<Arc<str>, StoreError> {
        if let Some(found) = self.evidence() {
            return Ok(found);
        }
        let file: Arc<str> = evidence.to_string().into();
        let mut batch = Batch::new(SYSTEM_PARTITION);
        batch.put(evidence_key(&self.0.key), Bytes::copy_from_slice(file.as_bytes()));
        let _ = store.commit(batch).await?;
        self.state().heard.clear();
        self.0.evidence.send_replace(Some(Arc::clone(&file)));
        tracing::error!("the carrier has signed two histories of its log of keys");
        Ok(file)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_proven(&self, head: &SignedHead) -> bool {
        self.proven.contains(head)
    }

    fn remember(&mut self, head: SignedHead) {
        if self.is_proven(&head) {
            return;
        }
        if self.proven.len() == MAX_PROVEN_HEADS {
            self.proven.pop_front();
        }
        self.proven.push_back(head);
    }

    fn advance(&mut self, seen: Seen) {
        self.remember(seen.bytes);
        self.newest = Some(seen);
    }
}

impl fmt::Debug for KeyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyLog").field("key", &self.0.key).finish_non_exhaustive()
    }
}

const DAMAGED: StoreError = StoreError::Damaged { what: "head of the log of keys" };

/// Where the newest head of the log with this key stands.
fn head_key(key: &LogKey) -> Key {
    Key::undated(KEY_LOG, [&key.id()[..], b"h"].concat())
}

/// Where the evidence against it stands.
fn evidence_key(key: &LogKey) -> Key {
    Key::undated(KEY_LOG, [&key.id()[..], b"e"].concat())
}
