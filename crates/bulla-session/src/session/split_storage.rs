//! Sessions in parts: what every message changes in one record, and what few need in records of their own.

use std::fmt;
use std::iter::Peekable;

use bulla_spqr::serialization::{HEAD_BYTES as RATCHET_HEAD, Row};
use bulla_spqr::wiped_bytes::Brief;

use super::Sessions;
use super::archive::{Archive, RecordChange};
use super::post_quantum::PostQuantum;
use super::serialization::Stored;
use super::state::Session;
use crate::error::{NotWhole, StoredError};
use crate::limits::MAX_RECEIVING_CHAINS;

/// The form of a head.
pub(super) const FORM: u8 = 3;
/// In a head: there is a session in use.
pub(super) const IN_USE: u8 = 1;
/// In a head: the peer has yet to answer in it.
pub(super) const PENDING: u8 = 2;

/// The most bytes a head has: less than a kibibyte, together with the chunk that a message may add.
pub(crate) const HEAD_BYTES: usize = 3 + 240 + 2 + MAX_RECEIVING_CHAINS * (32 + 32 + 4 + 8) + RATCHET_HEAD;

const _: () = assert!(HEAD_BYTES + 34 < 1_024, "a message would rewrite more than a kibibyte");

/// One of the records in which sessions can be stored.
///
/// Ordered as their [names](StoredPart::name) are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum StoredPart {
    /// What every message changes, below a kibibyte. There is always one.
    Head,
    /// What a message carries to start the session, until the peer has answered.
    Pending,
    /// What the post-quantum ratchet keeps while it sends or awaits a key or a ciphertext; written once for
    /// each.
    Exchange,
    /// A piece of a key or ciphertext that is coming in.
    Chunk(u8),
    /// The message key of a message that others overtook.
    MessageKey {
        /// Its chain.
        chain: u8,
        /// Its place in the chain.
        index: u32,
    },
    /// The post-quantum ratchet's key of a message that others overtook.
    PostQuantumKey {
        /// Its epoch.
        epoch: u8,
        /// Its place in the epoch.
        index: u32,
    },
    /// All sessions that were replaced.
    Archive,
}

impl StoredPart {
    /// What the [names](Self::name) of the parts begin with that are needed for every message, and no others'
    /// do.
    pub const WORKING: u8 = 0;

    /// The part with this name.
    #[must_use]
    pub fn named(name: &[u8]) -> Option<Self> {
        Some(match *name {
            [0, 0] => Self::Head,
            [0, 1] => Self::Pending,
            [0, 2] => Self::Exchange,
            [0, 3, number] => Self::Chunk(number),
            [1, 0, chain, i, j, k, l] => Self::MessageKey { chain, index: u32::from_be_bytes([i, j, k, l]) },
            [1, 1, epoch, i, j, k, l] => {
                Self::PostQuantumKey { epoch, index: u32::from_be_bytes([i, j, k, l]) }
            }
            [2] => Self::Archive,
            _ => return None,
        })
    }

    pub(super) fn of_ratchet(row: Row) -> Self {
        match row {
            Row::Exchange => Self::Exchange,
            Row::Chunk(number) => Self::Chunk(number),
            Row::Key { epoch, index } => Self::PostQuantumKey { epoch, index },
        }
    }

    /// A name to store the part under, short and unique among those of one [`Sessions`].
    ///
    /// ```text
    /// 0 0            head
    /// 0 1            pending
    /// 0 2            exchange
    /// 0 3 number     chunk
    /// 1 0 chain i i i i      message key, by its index
    /// 1 1 epoch i i i i      post-quantum key, by its index
    /// 2              archive
    /// ```
    #[must_use]
    pub fn name(&self) -> StoredPartName {
        let (length, [a, b, c], index) = match *self {
            Self::Head => (2, [0, 0, 0], 0),
            Self::Pending => (2, [0, 1, 0], 0),
            Self::Exchange => (2, [0, 2, 0], 0),
            Self::Chunk(number) => (3, [0, 3, number], 0),
            Self::MessageKey { chain, index } => (7, [1, 0, chain], index),
            Self::PostQuantumKey { epoch, index } => (7, [1, 1, epoch], index),
            Self::Archive => (1, [2, 0, 0], 0),
        };
        let [i, j, k, l] = index.to_be_bytes();
        StoredPartName { bytes: [a, b, c, i, j, k, l], length }
    }
}

impl fmt::Display for StoredPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("head"),
            Self::Pending => f.write_str("pending prekeys"),
            Self::Exchange => f.write_str("post-quantum exchange"),
            Self::Chunk(number) => write!(f, "chunk {number}"),
            Self::MessageKey { chain, index } => write!(f, "message key {index} of chain {chain}"),
            Self::PostQuantumKey { epoch, index } => write!(f, "post-quantum key {index} of epoch {epoch}"),
            Self::Archive => f.write_str("archive"),
        }
    }
}

/// What a [`StoredPart`] is stored under: one to seven bytes.
#[derive(Clone, Copy, Debug)]
pub struct StoredPartName {
    bytes: [u8; 7],
    length: u8,
}

impl AsRef<[u8]> for StoredPartName {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// Parts and their bytes, by ascending name.
type Parts<'a, 'b> = &'b [(StoredPart, &'a [u8])];

/// What was skipped: of which chain or epoch, its index, and it itself.
type Skipped<'a> = (u8, u32, &'a [u8; 32]);

impl Sessions {
    /// Reads sessions from the parts they were stored in, by ascending name.
    ///
    /// Of those whose names begin with [`StoredPart::WORKING`] all that there are have to be given. The
    /// others need not be: an operation that needs one says so, and changes nothing; it is
    /// [loaded](Self::load) then, and the operation tried again.
    ///
    /// # Errors
    ///
    /// [`StoredError`] if a part is not what was stored, is missing, or is one too many.
    ///
    /// # Cost
    ///
    /// Three allocations at most, and copying some 700 bytes and what the post-quantum exchange keeps, up to
    /// 3.4 KB.
    ///
    /// # Security
    ///
    /// The parts have no checksum, nor anything to say that they belong together. Whoever can alter them can
    /// alter the keys: store them where that is detected, and change them together or not at all.
    pub fn from_parts<'a>(
        parts: impl IntoIterator<Item = (StoredPart, &'a [u8])>,
    ) -> Result<Self, StoredError> {
        let mut parts = parts.into_iter().peekable();
        let mut sessions = Self::from_working_parts(&mut parts)?;
        for (part, bytes) in parts {
            sessions.load(part, Some(bytes))?;
        }
        Ok(sessions)
    }

    /// Reads sessions from every part there is, by ascending name: all operations can do with them.
    ///
    /// # Errors
    ///
    /// [`StoredError`] as [`from_parts`](Self::from_parts), and if a part belongs to nothing.
    pub fn from_all_parts<'a>(
        parts: impl IntoIterator<Item = (StoredPart, &'a [u8])>,
    ) -> Result<Self, StoredError> {
        let mut parts = parts.into_iter().peekable();
        let mut sessions = Self::from_working_parts(&mut parts)?;
        let rest: Vec<_> = parts.collect();
        // Nothing was here and nothing has been used up, so what is passed over belongs to nothing.
        if sessions.load_all(&rest)? < rest.len() {
            return Err(StoredError::Value { field: "skipped message keys" });
        }
        Ok(sessions)
    }

    /// Reads what every message takes, and leaves the rest.
    fn from_working_parts<'a>(
        parts: &mut Peekable<impl Iterator<Item = (StoredPart, &'a [u8])>>,
    ) -> Result<Self, StoredError> {
        let mut take =
            |wanted: StoredPart| parts.next_if(|(part, _)| *part == wanted).map(|(_, bytes)| bytes);
        let head = take(StoredPart::Head).ok_or(StoredError::Absent { part: StoredPart::Head })?;
        let pending = take(StoredPart::Pending);
        let exchange = take(StoredPart::Exchange);
        let mut number = 0_u8;
        let chunks = std::iter::from_fn(|| {
            let chunk = take(StoredPart::Chunk(number))?;
            number = number.wrapping_add(1);
            Some(chunk)
        });

        let mut from = Stored::new(head);
        let found = from.u8("form")?;
        if found != FORM {
            return Err(StoredError::Form { found, newest: FORM });
        }
        let archive = Archive::in_store(from.u8("archived sessions")?)?;
        let flags = from.u8("flags")?;
        // Only a session in use can await an answer.
        let impossible = flags > IN_USE | PENDING || flags == PENDING;
        if impossible || (flags & PENDING != 0) != pending.is_some() {
            return Err(StoredError::Value { field: "flags" });
        }
        let current = if flags & IN_USE == 0 {
            from.end()?;
            if exchange.is_some() {
                return Err(StoredError::Surplus { part: StoredPart::Exchange });
            }
            None
        } else {
            let ratchet = |head: &[u8]| PostQuantum::from_rows(head, exchange.unwrap_or_default(), chunks);
            Some(Box::new(Session::from_parts(&mut from, pending, ratchet)?))
        };
        Ok(Self { current, archive, obsolete: Vec::new() })
    }

    /// Takes over a part that an operation said it lacks, or that there is none.
    ///
    /// # Errors
    ///
    /// [`StoredError`] if it is not what was stored, or not a part that can be lacking.
    pub fn load(&mut self, part: StoredPart, bytes: Option<&[u8]>) -> Result<(), StoredError> {
        let secret = || match bytes.map(<&[u8; 32]>::try_from) {
            None => Ok(None),
            Some(Ok(secret)) => Ok(Some(secret)),
            Some(Err(_)) => Err(StoredError::Value { field: "skipped message keys" }),
        };
        match (part, &mut self.current) {
            (StoredPart::MessageKey { chain, index }, Some(session)) => {
                session.load_message_key(chain, index, secret()?)
            }
            (StoredPart::PostQuantumKey { epoch, index }, Some(session)) => {
                session.load_post_quantum_key(epoch, index, secret()?)
            }
            (StoredPart::Archive, _) => {
                let bytes = bytes.ok_or(StoredError::Absent { part })?;
                self.archive.load(bytes)?;
            }
            _ => return Err(StoredError::Surplus { part }),
        }
        Ok(())
    }

    /// Takes over every part whose name does not begin with [`StoredPart::WORKING`], by ascending name, for
    /// an operation that takes them all. Those here already, and those used up since, are passed over.
    ///
    /// # Errors
    ///
    /// [`StoredError`] if a part is not what was stored or out of order, or the archive is missing.
    ///
    /// # Cost
    ///
    /// One copy of what they hold and one allocation for each chain and epoch, however many parts there are.
    /// Anybody who knows the device's address can make it necessary, since it comes before a message that
    /// starts a session can be authenticated.
    pub fn load_rest(&mut self, parts: &[(StoredPart, &[u8])]) -> Result<(), StoredError> {
        self.load_all(parts).map(drop)
    }

    /// Takes over every part that is not working; says how many were taken.
    fn load_all(&mut self, parts: Parts<'_, '_>) -> Result<usize, StoredError> {
        // Each chain's keys are found in one pass, which takes for granted that they stand together.
        if !parts.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(StoredError::Value { field: "order of parts" });
        }
        let message_keys =
            parts.iter().take_while(|(part, _)| matches!(part, StoredPart::MessageKey { .. })).count();
        let (message_keys, rest) = parts.split_at(message_keys);
        let keys =
            rest.iter().take_while(|(part, _)| matches!(part, StoredPart::PostQuantumKey { .. })).count();
        let (keys, archive) = rest.split_at(keys);
        let (message_keys, keys) = (skipped(message_keys)?, skipped(keys)?);
        let taken = self.current.as_mut().map_or(0, |session| session.load_skipped(&message_keys, &keys));
        let archived = match *archive {
            [] if self.archive.is_loaded() => 0,
            [] => return Err(StoredError::Absent { part: StoredPart::Archive }),
            [(StoredPart::Archive, bytes)] => {
                self.archive.load(bytes)?;
                1
            }
            [(part, _), ..] => return Err(StoredError::Surplus { part }),
        };
        Ok(taken + archived)
    }

    /// Whether no part is lacking.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.archive.is_loaded() && self.current.as_ref().is_none_or(|session| session.is_whole())
    }

    pub(super) fn check_whole(&self) -> Result<(), NotWhole> {
        if self.is_whole() { Ok(()) } else { Err(NotWhole(())) }
    }

    /// Stores the sessions: hands over every part that has changed since they were read, with its bytes, or
    /// without if it is to be deleted. All have to be changed together or not at all.
    ///
    /// A part may be handed over twice, first to be deleted and then with its bytes. Deleting what is not
    /// there is no error. The head comes last.
    ///
    /// # Cost
    ///
    /// Below a kibibyte for most messages, whatever else is stored. One that completes a step of the
    /// post-quantum exchange, four or five in some ninety, also writes what that step has made, up to 3.4 KB;
    /// a message that skips others writes two parts for each, and one that was skipped deletes two.
    ///
    /// # Security
    ///
    /// The bytes are in memory that is wiped afterwards; whoever copies them wipes the copy.
    pub fn into_changes(self, apply: impl FnMut(StoredPart, Option<&[u8]>)) {
        self.hand_over(apply);
    }

    /// Stores the sessions as [`into_changes`](Self::into_changes) does, and goes on with them: who holds
    /// them in memory need not read them again for the next message.
    ///
    /// # Security
    ///
    /// From here on they count as stored. If storing them fails, or if anybody else may have stored something
    /// since, drop them and read what is stored: whoever went on with them would take a step twice.
    pub fn store_changes(&mut self, apply: impl FnMut(StoredPart, Option<&[u8]>)) {
        self.hand_over(apply);
        self.obsolete.clear();
        self.archive.note_stored();
        if let Some(session) = &mut self.current {
            session.note_stored();
        }
    }

    fn hand_over(&self, mut apply: impl FnMut(StoredPart, Option<&[u8]>)) {
        // Deleted before anything is written: chains and epochs of another session may go by the same
        // names.
        for part in &self.obsolete {
            apply(*part, None);
        }
        if let Some(session) = &self.current {
            session.changes(&mut apply);
        }
        match self.archive.change() {
            RecordChange::None => {}
            RecordChange::Put(bytes) => apply(StoredPart::Archive, Some(bytes)),
            RecordChange::Delete => apply(StoredPart::Archive, None),
        }
        let mut head = Brief::<HEAD_BYTES>::new();
        self.store_head(&mut head);
        apply(StoredPart::Head, Some(&head));
    }
}

impl Session {
    pub(super) fn is_whole(&self) -> bool {
        self.receiving.iter().all(|chain| chain.skipped.is_whole()) && self.post_quantum.ratchet().is_whole()
    }

    fn load_message_key(&mut self, chain: u8, index: u32, key: Option<&[u8; 32]>) {
        if let Some(chain) = self.receiving.numbered_mut(chain) {
            chain.skipped.load(index, key);
        }
    }

    fn load_post_quantum_key(&mut self, epoch: u8, index: u32, key: Option<&[u8; 32]>) {
        self.post_quantum.ratchet_mut().load_key(epoch, index, key);
    }

    /// Takes over every skipped message key and post-quantum key; says how many were taken.
    fn load_skipped(&mut self, message_keys: &[Skipped<'_>], keys: &[Skipped<'_>]) -> usize {
        let mut taken = self.post_quantum.ratchet_mut().load_keys(keys);
        let oldest = self.receiving.first;
        for (chain, place) in self.receiving.iter_mut().zip(0..) {
            let number = oldest.wrapping_add(place);
            let first = message_keys.iter().position(|(of, ..)| *of == number).unwrap_or(message_keys.len());
            let length = message_keys[first..].iter().take_while(|(of, ..)| *of == number).count();
            let rows = message_keys[first..first + length].iter().map(|(_, index, key)| (*index, *key));
            taken += chain.skipped.load_all(rows);
        }
        taken
    }

    fn changes(&self, apply: &mut impl FnMut(StoredPart, Option<&[u8]>)) {
        for part in &self.given_up {
            apply(*part, None);
        }
        match (&self.pending, self.rows.pending) {
            (None, true) => apply(StoredPart::Pending, None),
            (Some(pending), false) => apply(StoredPart::Pending, Some(&pending.to_bytes())),
            _ => {}
        }
        self.post_quantum.ratchet().changes(|row, bytes| apply(StoredPart::of_ratchet(row), bytes));
        for (chain, skipped) in self.receiving.numbered().map(|(number, chain)| (number, &chain.skipped)) {
            for (index, key) in skipped.changes() {
                apply(StoredPart::MessageKey { chain, index }, key.map(|key| key.as_slice()));
            }
        }
    }

    fn note_stored(&mut self) {
        self.given_up.clear();
        self.rows.pending = self.pending.is_some();
        self.receiving.iter_mut().for_each(|chain| chain.skipped.note_stored());
        self.post_quantum.ratchet_mut().note_stored();
    }

    /// Every part there is, or may be, besides the head, for when the session is given up.
    pub(super) fn parts(&self, mut each: impl FnMut(StoredPart)) {
        self.given_up.iter().copied().for_each(&mut each);
        if self.rows.pending {
            each(StoredPart::Pending);
        }
        self.post_quantum.ratchet().rows(|row| each(StoredPart::of_ratchet(row)));
        for (chain, skipped) in self.receiving.numbered().map(|(number, chain)| (number, &chain.skipped)) {
            skipped.rows().for_each(|index| each(StoredPart::MessageKey { chain, index }));
        }
    }
}

/// Message keys or post-quantum keys as they stand in parts.
fn skipped<'a>(parts: Parts<'a, '_>) -> Result<Vec<Skipped<'a>>, StoredError> {
    let mut all = Vec::with_capacity(parts.len());
    for (part, bytes) in parts {
        let (
            &StoredPart::MessageKey { chain: of, index } | &StoredPart::PostQuantumKey { epoch: of, index },
            Ok(secret),
        ) = (part, (*bytes).try_into())
        else {
            return Err(StoredError::Value { field: "skipped message keys" });
        };
        all.push((of, index, secret));
    }
    Ok(all)
}
