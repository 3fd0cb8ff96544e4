//! The keyring: the few bytes that open everything, kept outside the database.
//!
//! ```text
//! keyring = two slots of 8192 bytes, both the same when nothing is being written
//! slot    = magic (8) ‖ sequence u64 ‖ keyring's id (16) ‖ length u16 ‖ wrapped keyring key ‖ length u16 ‖ sealed state ‖ zeros
//!           ‖ SHA-256 of all before (32)
//! state   = generation u64 ‖ opening u8 ‖ version of the store's row of it u64 ‖ lasting key (32) ‖ epochs
//! ```
//!
//! A keyring comes into being whole, under its name or not at all: what has neither slot whole is damaged,
//! and never none.
//!
//! A slot is written and synced, then the other. When power fails in between, one of them is whole: the first
//! holds the new state or the second the old one, and opening makes both the same again. When both are
//! written, the old chain values are in neither.

mod file;
mod memory;
mod slot;

use std::fmt;
use std::io;

use bulla_base::Rng;
use zeroize::Zeroizing;

use crate::byte_reader::ByteReader;
use crate::committing_aead::{self, Bound, Under};
use crate::error::KeyringError;
use crate::key_encryption::{KeyEncryption, KeyringKey};
use crate::key_epochs::KeyEpochs;
use crate::limits::{KEYRING_BYTES, MAX_WRAPPED_BYTES, SLOT_BYTES};
use crate::metrics::KEYRING_WRITES;
use crate::secret::Secret;

pub use file::FileKeyring;
pub use memory::MemoryKeyring;
use slot::Slot;

const CONTEXT: &[u8] = b"bulla vault keyring 2";

/// Where a keyring is kept: [`KEYRING_BYTES`] bytes outside the database and outside its backups.
///
/// # For implementors
/// * `read` returns all that was written, and `None` only when there never was a keyring: one that is cut
///   short, to nothing even, is damaged.
/// * `create` is durable when it returns, and leaves the whole keyring or none, whatever crashes.
/// * `write` is durable when it returns. It may be torn by a crash, but touches no byte beside those it was
///   told to write.
/// * What is overwritten should be gone. Where the medium keeps old blocks (flash, snapshots, versioned
///   buckets), only a [`KeyEncryption`] whose own key can be destroyed closes the gap.
/// * Nobody else writes to it.
pub trait KeyringFile: fmt::Debug + Send + Sync + 'static {
    /// Where it is, for whoever has to look after it: a path, an address. It stands in errors.
    fn place(&self) -> String;

    /// The whole keyring, or nothing if there is none yet. Reading may stop one byte beyond
    /// [`KEYRING_BYTES`].
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&self) -> io::Result<Option<Vec<u8>>>;

    /// Makes the keyring of these [`KEYRING_BYTES`], durably, where there is none.
    ///
    /// # Errors
    /// When it is not known to be durable.
    fn create(&self, bytes: &[u8]) -> io::Result<()>;

    /// Writes `bytes` from `offset` on, durably.
    ///
    /// # Errors
    /// When it is not known to be durable.
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
}

/// What a keyring keeps.
#[derive(Debug, Clone)]
pub(crate) struct KeyringState {
    /// How often the store was opened with this keyring.
    pub(crate) generation: u64,
    /// Whether the store is about to be given the next generation.
    pub(crate) opening: bool,
    /// The version of the commit that gave it this generation: a store whose last version is less has lost
    /// something.
    pub(crate) version: u64,
    pub(crate) lasting: Secret,
    pub(crate) epochs: KeyEpochs,
}

/// An open keyring.
#[derive(Debug)]
pub(crate) struct Keyring {
    file: Box<dyn KeyringFile>,
    key: KeyringKey,
    slot: Slot,
}

/// What was found where a keyring is to be.
#[derive(Debug)]
pub(crate) enum OpenedKeyring {
    There(Keyring, KeyringState),
    /// None: one can be created there.
    Absent(Box<dyn KeyringFile>),
}

impl Keyring {
    /// A new keyring that keeps `state`.
    pub(crate) async fn create(
        file: Box<dyn KeyringFile>,
        keys: &impl KeyEncryption,
        state: &KeyringState,
        rng: &dyn Rng,
    ) -> Result<Self, KeyringError> {
        let mut id = [0; 16];
        rng.fill(&mut id);
        let key = KeyringKey::draw(rng);
        let wrapped = wrap_key(keys, &key, id, &*file).await?;
        let slot = Slot { sequence: 0, id, wrapped, sealed: Vec::new() };
        let mut keyring = Self { file, key, slot };
        let slot = keyring.next_slot(state, rng)?;
        // Both slots the same from the beginning, so that one torn byte later on costs nothing.
        let created = keyring.file.create(&[&slot[..], &slot].concat());
        count_write(&created);
        created.map_err(|source| KeyringError::Unwritable { place: keyring.place(), source })?;
        Ok(keyring)
    }

    /// The keyring in `file` and what it keeps, if there is one.
    pub(crate) async fn open(
        file: Box<dyn KeyringFile>,
        keys: &impl KeyEncryption,
        rng: &dyn Rng,
    ) -> Result<OpenedKeyring, KeyringError> {
        let place = file.place();
        let damaged = || KeyringError::Damaged { place: place.clone() };
        let read = file.read();
        let read = read.map_err(|source| KeyringError::Unreadable { place: place.clone(), source })?;
        let Some(bytes) = read else { return Ok(OpenedKeyring::Absent(file)) };
        if bytes.len() > KEYRING_BYTES {
            return Err(damaged());
        }
        let parts = [bytes.get(..SLOT_BYTES), bytes.get(SLOT_BYTES..KEYRING_BYTES)];
        let slots = parts.map(|slot| slot.and_then(Slot::from_bytes));
        let [first, second] = &slots;
        let newest = [first, second].into_iter().flatten().max_by_key(|slot| slot.sequence);
        let Some(slot) = newest.cloned() else {
            // Whole, and of another form: the operator has another program to start, and not a keyring to
            // give up.
            let other = parts.into_iter().flatten().find_map(Slot::version_of);
            return Err(match other {
                Some(found) => KeyringError::OtherForm { place, found },
                None => damaged(),
            });
        };
        let unwrapped = keys.unwrap_key(&slot.wrapped, &context(slot.id)).await;
        let key = unwrapped.map_err(|source| KeyringError::KeyEncryption { place: place.clone(), source })?;
        let bound = sequenced(slot.id, slot.sequence);
        let under = Under { key: key.secret(), salt: None, bound: &bound };
        let state = committing_aead::open(under, &slot.sealed, KeyringState::from_bytes);
        let state = state.ok().flatten().ok_or_else(damaged)?;
        let mut keyring = Self { file, key, slot };
        // One of them was torn, or never got so far. Mended at once: a second fault would leave none.
        if slots[0] != slots[1] {
            keyring.save(&state, rng)?;
        }
        Ok(OpenedKeyring::There(keyring, state))
    }

    /// Where it is.
    pub(crate) fn place(&self) -> String {
        self.file.place()
    }

    /// Makes `state` what is kept, and destroys what was.
    pub(crate) fn save(&mut self, state: &KeyringState, rng: &dyn Rng) -> Result<(), KeyringError> {
        let bytes = self.next_slot(state, rng)?;
        for offset in [0, SLOT_BYTES as u64] {
            let written = self.file.write(offset, &bytes);
            count_write(&written);
            written.map_err(|source| KeyringError::Unwritable { place: self.place(), source })?;
        }
        Ok(())
    }

    /// The bytes of the slot that keeps `state`.
    fn next_slot(&mut self, state: &KeyringState, rng: &dyn Rng) -> Result<Vec<u8>, KeyringError> {
        let damaged = |keyring: &Self| KeyringError::Damaged { place: keyring.place() };
        let sequence = self.slot.sequence + 1;
        let bound = sequenced(self.slot.id, sequence);
        let under = Under { key: self.key.secret(), salt: None, bound: &bound };
        let sealed = committing_aead::seal(under, &state.to_bytes(), rng).map_err(|_| damaged(self))?;
        // Also when writing fails: a sequence is never used for two states.
        self.slot.sequence = sequence;
        self.slot.sealed = sealed;
        self.slot.to_bytes().ok_or_else(|| damaged(self))
    }

    /// Wraps a fresh keyring key with `keys`, and forgets the old one.
    pub(crate) async fn rewrap(
        &mut self,
        keys: &impl KeyEncryption,
        state: &KeyringState,
        rng: &dyn Rng,
    ) -> Result<(), KeyringError> {
        let key = KeyringKey::draw(rng);
        // First: a key that cannot be wrapped must not take the place of one that was.
        self.slot.wrapped = wrap_key(keys, &key, self.slot.id, &*self.file).await?;
        self.key = key;
        self.save(state, rng)
    }
}

fn count_write(written: &io::Result<()>) {
    let outcome = if written.is_ok() { "done" } else { "failed" };
    ::metrics::counter!(KEYRING_WRITES, "outcome" => outcome).increment(1);
}

async fn wrap_key(
    keys: &impl KeyEncryption,
    key: &KeyringKey,
    id: [u8; 16],
    file: &dyn KeyringFile,
) -> Result<Vec<u8>, KeyringError> {
    let wrapped = keys.wrap_key(key, &context(id)).await;
    let wrapped = wrapped.map_err(|source| KeyringError::KeyEncryption { place: file.place(), source })?;
    if wrapped.len() > MAX_WRAPPED_BYTES {
        return Err(KeyringError::WrappedTooLong { actual: wrapped.len(), limit: MAX_WRAPPED_BYTES });
    }
    Ok(wrapped)
}

fn context(id: [u8; 16]) -> Vec<u8> {
    [CONTEXT, &id].concat()
}

fn sequenced(id: [u8; 16], sequence: u64) -> Bound {
    Bound::new(&[], &[CONTEXT, &id, &sequence.to_be_bytes()].concat())
}

impl KeyringState {
    fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // Large enough that it never moves and leaves a copy behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(SLOT_BYTES));
        bytes.extend_from_slice(&self.generation.to_be_bytes());
        bytes.push(u8::from(self.opening));
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes.extend_from_slice(self.lasting.expose());
        self.epochs.write(&mut bytes);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = ByteReader::new(bytes);
        let generation = u64::from_be_bytes(reader.array()?);
        let [opening] = reader.array()?;
        let version = u64::from_be_bytes(reader.array()?);
        let lasting = Secret::from_bytes(reader.array()?);
        let epochs = KeyEpochs::read(&mut reader)?;
        reader.is_empty().then_some(Self { generation, opening: opening != 0, version, lasting, epochs })
    }
}

#[cfg(test)]
mod tests;
