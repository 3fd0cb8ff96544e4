//! Sessions as values: sealing and opening take them, and give them back a step further.

mod archive;
mod chain;
mod initiate;
#[cfg(test)]
mod known_answers;
mod message_key;
mod open_message;
mod post_quantum;
mod ratchet_decrypt;
mod ratchet_encrypt;
#[cfg(test)]
mod recorded_dialogues;
mod seal_message;
mod serialization;
mod split_storage;
mod state;

pub(crate) use chain::{copied, derived};
pub use initiate::InitiateError;
pub use open_message::{MissingPreKey, OpenError, Opened};
pub use seal_message::{SealError, Sealed};
pub use split_storage::{StoredPart, StoredPartName};

use std::error::Error;
use std::fmt;

use bulla_spqr::wiped_bytes::{Out, Wiped};

use self::archive::{Archive, Frame, Place};
use self::serialization::{Stored, put_u32};
use self::state::Session;
use crate::error::{NotWhole, StoredError};
use crate::identity::IdentityKey;
use crate::key::PublicKey;
use crate::limits::{MAX_RECORD_BYTES, MAX_SESSION_BYTES};
use crate::numeric_ids::RegistrationId;
use crate::time::UnixSeconds;

/// The one form sessions are stored in. Form 1, of before there was a post-quantum ratchet, was never
/// deployed, and the sessions in it would be of no use: no peer seals without the ratchet.
const FORM: u8 = 2;

/// Everything one party keeps about one device of a peer: the session in use and those it replaced.
///
/// A value without copies: what changes it takes it and gives back its successor, so that no step is taken
/// twice by accident. (Loading one record twice does copy it. Whoever stores them compares versions.)
#[derive(Default)]
pub struct Sessions {
    current: Option<Box<Session>>,
    archive: Archive,
    /// Parts of sessions that are not in use any more.
    obsolete: Vec<StoredPart>,
}

impl Sessions {
    /// No session yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads [one record](Self::to_bytes). Archived sessions are measured here and read when they are needed.
    ///
    /// # Errors
    ///
    /// [`StoredError`] if the bytes are not such a form, whole and without anything behind it.
    ///
    /// # Security
    ///
    /// The form has no checksum. Whoever can alter it can alter the keys: store it where that is detected.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StoredError> {
        if bytes.len() > MAX_RECORD_BYTES {
            return Err(StoredError::TooLong { most: MAX_RECORD_BYTES, actual: bytes.len() });
        }
        let mut from = Stored::new(bytes);
        let found = from.u8("form")?;
        if found != FORM {
            return Err(StoredError::Form { found, newest: FORM });
        }
        let length = usize::try_from(from.u32("session in use")?).unwrap_or(usize::MAX);
        if length > MAX_SESSION_BYTES {
            return Err(StoredError::Value { field: "session in use" });
        }
        let current = match from.take("session in use", length)? {
            [] => None,
            stored => Some(Box::new(Session::load(stored)?)),
        };
        let count = from.u8("archived sessions")?;
        let archive = Archive::from_bytes(count, from.rest())?;
        Ok(Self { current, archive, obsolete: Vec::new() })
    }

    /// Takes the session in use out of use: nothing can be sealed until another is started, while messages
    /// under way still open.
    ///
    /// # Errors
    ///
    /// [`NotWhole`], with these sessions unchanged, if parts of them are not loaded.
    pub fn archive_current(mut self) -> Result<Self, Failed<NotWhole>> {
        if let Err(error) = self.check_whole() {
            return Err(Failed::new(self, error));
        }
        if let Some(current) = self.current.take() {
            self.put_away(current);
        }
        Ok(self)
    }

    /// Retires every archived session: it opens what is still under way, and is never put in use again.
    ///
    /// For whoever cannot be sure any more that the steps of these sessions are the last that were taken, as
    /// after a store was put back from a backup: start a new session, which archives the one in use, then
    /// retire what is archived.
    ///
    /// # Errors
    ///
    /// [`NotWhole`], and nothing is changed, if parts of these sessions are not loaded.
    pub fn retire_archived(&mut self) -> Result<(), NotWhole> {
        self.check_whole()?;
        self.archive.retire();
        Ok(())
    }

    /// Whether there is nothing here, so nothing that could be opened without prekeys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.current.is_none() && self.archive.count() == 0
    }

    /// Whether a session has to be started before anything can be sealed: there is none in use, or it has
    /// gone unanswered for more than 30 days.
    #[must_use]
    pub fn needs_session(&self, now: UnixSeconds) -> bool {
        self.current.as_ref().is_none_or(|session| session.is_stale(now))
    }

    /// The base key that the session in use started with, which tells it from every other.
    #[must_use]
    pub fn base_key(&self) -> Option<&PublicKey> {
        self.current.as_ref().map(|session| &session.base_key)
    }

    /// Whether one of these sessions, in use or archived, started with this base key. Archived ones that are
    /// not loaded do not count.
    #[must_use]
    pub fn contains(&self, base_key: &PublicKey) -> bool {
        self.current.as_ref().is_some_and(|session| session.base_key == *base_key)
            || self.archived(base_key).is_some()
    }

    /// Whether the peer has yet to answer in the session in use.
    #[must_use]
    pub fn is_unacknowledged(&self) -> bool {
        self.current.as_ref().is_some_and(|session| session.pending.is_some())
    }

    /// The identity the session in use is with.
    #[must_use]
    pub fn peer_identity(&self) -> Option<&IdentityKey> {
        self.current.as_ref().map(|session| &session.remote_identity)
    }

    /// The installation the session in use is with, as it said itself.
    #[must_use]
    pub fn peer_registration(&self) -> Option<RegistrationId> {
        self.current.as_ref().map(|session| session.remote_registration)
    }

    /// How many replaced sessions are kept.
    #[must_use]
    pub fn archived_count(&self) -> usize {
        self.archive.count()
    }

    /// All of it as one record, in a buffer that is wiped. [Parts](Self::into_changes) are cheaper to
    /// rewrite.
    ///
    /// Numbers are big-endian; keys are 32 raw bytes; the form is canonical, so what reads back writes the
    /// same.
    ///
    /// ```text
    /// record
    ///   0       1   form: 2
    ///   1       4   length h of the session in use; 0 if there is none
    ///   5       h   session
    ///   5 + h   1   number of archived sessions, oldest first; for each:
    ///           4     its length; the highest bit is set if it is retired
    ///           …     session
    ///
    /// session
    ///   0      32   base key
    ///  32      32   local identity key
    ///  64      32   remote identity key
    ///  96       4   local registration id
    /// 100       4   remote registration id
    /// 104      32   root key
    /// 136       4   previous counter
    /// 140      32   own ratchet key, private
    /// 172      32   own ratchet key, public
    /// 204      32   sending chain key
    /// 236       4   sending chain index
    /// 240       1   number r of receiving chains, 0 to 5, oldest first; for each:
    ///          32     the peer's ratchet key
    ///          32     chain key
    ///           4     chain index
    ///           2     number s of skipped message keys, 0 to 2000
    ///   …       1   pending prekeys: 0 none, 1 the following
    ///           8     seconds since 1970 when the session was started
    ///           4     signed prekey id
    ///           4     Kyber prekey id
    ///           1     whether there was a one-time prekey
    ///           4     its id, or 0
    ///        1569     Kyber ciphertext
    ///   …       4   length p of the post-quantum ratchet
    ///           p   post-quantum ratchet, as `bulla-spqr` stores it
    ///   …           skipped message keys of each receiving chain in turn, s times:
    ///           4     index, ascending and below the chain's
    ///          32     message key
    /// ```
    ///
    /// # Errors
    ///
    /// [`NotWhole`] if parts of it are not loaded, which would be lost.
    pub fn to_bytes(&self) -> Result<Wiped, NotWhole> {
        self.check_whole()?;
        let current = self.current.as_ref().map_or(0, |session| session.stored_len());
        let archive = self.archive.as_bytes();
        let mut out = Wiped::with_capacity(self.stored_len());
        out.push(FORM);
        put_u32(&mut *out, u32::try_from(current).unwrap_or(u32::MAX));
        if let Some(session) = &self.current {
            session.store(&mut out);
        }
        out.push(self.archive.count().to_le_bytes()[0]);
        out.extend_from_slice(archive);
        Ok(out)
    }

    /// How long [one record](Self::to_bytes) of all that is loaded would be.
    #[must_use]
    pub fn stored_len(&self) -> usize {
        let current = self.current.as_ref().map_or(0, |session| session.stored_len());
        6 + current + self.archive.as_bytes().len()
    }

    /// The head, when stored in parts.
    ///
    /// ```text
    ///   0       1   form: 3
    ///   1       1   number of archived sessions
    ///   2       1   1 if there is a session in use, 3 if the peer has yet to answer in it, else 0 and the end
    ///   3     240   as a session in one record begins, up to the index of the sending chain
    /// 243       1   number r of receiving chains, 0 to 5, oldest first
    /// 244       1   what the oldest is called in the names of parts; the others are called what follows, after 255 0
    /// 245           for each:
    ///          32     the peer's ratchet key
    ///          32     chain key
    ///           4     chain index
    ///           8     the indices between which there are skipped message keys, each a part of its own
    ///   …           head of the post-quantum ratchet, as `bulla-spqr` stores it
    /// ```
    fn store_head(&self, out: &mut impl Out) {
        let flags = match &self.current {
            None => 0,
            Some(session) => {
                split_storage::IN_USE | if session.pending.is_some() { split_storage::PENDING } else { 0 }
            }
        };
        out.put(&[split_storage::FORM, self.archive.count().to_le_bytes()[0], flags]);
        if let Some(session) = &self.current {
            session.store_head(out);
        }
    }

    /// Puts a session in use and archives the one that was.
    fn replace_current(&mut self, session: Box<Session>) {
        if let Some(current) = self.current.replace(session) {
            self.put_away(current);
        }
    }

    /// Archives what was in use, all of which is loaded.
    fn put_away(&mut self, session: Box<Session>) {
        // It is part of the archive from now on, and its own records would be of nobody.
        session.parts(|part| self.obsolete.push(part));
        self.archive.push(session);
    }

    /// Puts an archived session in use, as it has become meanwhile, unless it is retired.
    fn promote(&mut self, place: Place, session: Box<Session>) {
        self.archive.remove(place);
        if place.is_retired {
            self.archive.push_retired(session);
        } else {
            self.replace_current(session);
        }
    }

    /// The newest archived session with this base key.
    fn archived(&self, base_key: &PublicKey) -> Option<Frame<'_>> {
        self.archive
            .newest_first()
            .find(|frame| Session::stored_base_key(frame.session).is_some_and(|key| key == *base_key))
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("peer", &self.peer_identity())
            .field("unacknowledged", &self.is_unacknowledged())
            .field("archived", &self.archive.count())
            .finish_non_exhaustive()
    }
}

/// An operation that failed, and the sessions it left as they were.
#[derive(Debug)]
pub struct Failed<E> {
    sessions: Sessions,
    error: E,
}

impl<E> Failed<E> {
    fn new(sessions: Sessions, error: E) -> Self {
        Self { sessions, error }
    }

    /// What was wrong.
    pub const fn error(&self) -> &E {
        &self.error
    }

    /// The sessions, unchanged.
    pub fn into_sessions(self) -> Sessions {
        self.sessions
    }

    /// The sessions, unchanged, and what was wrong.
    pub fn into_parts(self) -> (Sessions, E) {
        (self.sessions, self.error)
    }
}

impl<E: fmt::Display> fmt::Display for Failed<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<E: Error> Error for Failed<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}
