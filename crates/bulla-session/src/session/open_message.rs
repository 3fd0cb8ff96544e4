use std::fmt;

use rand_core::CryptoRng;
use thiserror::Error;

use super::archive::{Frame, Place};
use super::ratchet_decrypt::{Step, StepError};
use super::state::Session;
use super::{Failed, Sessions, StoredPart};
use crate::error::{MessageError, NotWhole};
use crate::identity::IdentityKey;
use crate::limits::MAX_SKIP;
use crate::local_identity::LocalIdentity;
use crate::message::{CiphertextRef, MessageKind, PreKeySignalMessage, SignalMessage};
use crate::numeric_ids::{KyberPreKeyId, OneTimePreKeyId, SignedPreKeyId};
use crate::pqxdh;
use crate::prekey::{PreKeySource, UsedPreKeys};
use crate::service_address::Addresses;
use crate::trust::Trust;

/// An opened message and the sessions as they are from now on.
///
/// Store the sessions together with what the message said, and only then acknowledge it.
#[must_use = "the sessions have taken a step that has to be stored"]
#[non_exhaustive]
pub struct Opened {
    /// The sessions after the step.
    pub sessions: Sessions,
    /// What the message said.
    pub plaintext: Vec<u8>,
    /// Who sent it.
    pub identity: IdentityKey,
    /// Whether the session in use before was with another identity.
    pub identity_changed: bool,
    /// The prekeys that starting the session took, if this message started one.
    pub used: Option<UsedPreKeys>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sessions, plaintext, identity, identity_changed, used } = self;
        f.debug_struct("Opened")
            .field("sessions", sessions)
            .field("plaintext_bytes", &plaintext.len())
            .field("identity", identity)
            .field("identity_changed", identity_changed)
            .field("used", used)
            .finish()
    }
}

/// The kinds of prekey that can be missing, with the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MissingPreKey {
    /// A signed prekey.
    Signed(SignedPreKeyId),
    /// A Kyber prekey.
    Kyber(KyberPreKeyId),
    /// A one-time prekey.
    OneTime(OneTimePreKeyId),
}

impl fmt::Display for MissingPreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signed(id) => write!(f, "signed prekey {}", id.value()),
            Self::Kyber(id) => write!(f, "Kyber prekey {}", id.value()),
            Self::OneTime(id) => write!(f, "one-time prekey {}", id.value()),
        }
    }
}

/// Why a message was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The message was opened before, or was overtaken by too many. Acknowledge and drop it.
    #[error("message {counter} of a chain that stands at {index} was opened before")]
    Duplicate {
        /// Where the chain stands.
        index: u32,
        /// The message's position.
        counter: u32,
    },
    /// The message is further ahead than may be skipped. Ask the peer for a new session.
    #[error("message {counter} of a chain that stands at {index} is more than {limit} ahead")]
    TooFarAhead {
        /// Where the chain stands.
        index: u32,
        /// The message's position.
        counter: u32,
        /// How far ahead it might be: [`limits::MAX_SKIP`](crate::limits::MAX_SKIP).
        limit: u32,
    },
    /// There is no session with this device at all. Ask the peer for a new one.
    #[error("there is no session")]
    NoSession,
    /// The sender holds another identity than the trusted one. Ask the user, then open it again.
    #[error("the sender's identity is not trusted")]
    UntrustedIdentity {
        /// The identity it holds, or says to hold: a message of kind PreKey is not verified at this point.
        identity: IdentityKey,
    },
    /// The message was made with a prekey that is not there (any more). Ask the peer for a new session.
    #[error("{0} is missing")]
    MissingPreKey(MissingPreKey),
    /// The bytes are no message. Drop it.
    #[error("not a message")]
    Malformed(#[from] MessageError),
    /// The message takes no part in the post-quantum ratchet, or in a version of it that is not spoken here.
    /// The sender's software has to be brought up to date.
    #[error("the message takes no part in the post-quantum ratchet spoken here")]
    PostQuantumRatchet,
    /// A part of the sessions is lacking. [Load](Sessions::load) it, or that there is none, and open the
    /// message again.
    #[error("the {0} is not loaded")]
    NotLoaded(StoredPart),
    /// The message starts a session or goes back to one, for which the others have to be loaded.
    #[error(transparent)]
    NotWhole(#[from] NotWhole),
    /// The message does not open in any session. Ask the peer for a new one.
    ///
    /// Why it does not is withheld, so that nobody can learn from it by sending variations.
    #[error("the message cannot be opened")]
    Undecipherable,
}

impl From<StepError> for OpenError {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Duplicate { index, counter } => Self::Duplicate { index, counter },
            StepError::TooFarAhead { index, counter } => {
                Self::TooFarAhead { index, counter, limit: MAX_SKIP }
            }
            StepError::PostQuantum => Self::PostQuantumRatchet,
            StepError::NotLoaded(part) => Self::NotLoaded(part),
            StepError::Undecipherable => Self::Undecipherable,
        }
    }
}

/// What an opened message comes to, besides the sessions.
struct Outcome {
    plaintext: Vec<u8>,
    identity: IdentityKey,
    used: Option<UsedPreKeys>,
}

impl Sessions {
    /// Opens a message, in the session it belongs to or in the one it starts.
    ///
    /// `trust` is whom the caller believes this device to be; no session starts or advances for anyone else.
    /// `prekeys` are only asked if the message starts a session. With `addresses`, a message that says
    /// between whom it travels must say these; without, it must not say.
    ///
    /// # Errors
    ///
    /// [`OpenError`], with these sessions unchanged to the byte.
    ///
    /// # Cost
    ///
    /// In the common case one allocation, for the plaintext, and no asymmetric operation; three X25519
    /// operations when the peer has a new ratchet key, and once in an epoch of the post-quantum ratchet an
    /// encapsulation or a decapsulation. A forged message costs at most one agreement and
    /// [`MAX_SKIP`](crate::limits::MAX_SKIP) steps of each of two chains for each session there is.
    pub fn open<'a>(
        mut self,
        local: &LocalIdentity,
        message: impl Into<CiphertextRef<'a>>,
        addresses: Option<&Addresses>,
        trust: Trust<'_>,
        prekeys: &impl PreKeySource,
        rng: &mut impl CryptoRng,
    ) -> Result<Opened, Failed<OpenError>> {
        let CiphertextRef { kind, bytes } = message.into();
        let before = self.peer_identity().copied();
        let result = match kind {
            MessageKind::Signal => self.open_signal(bytes, addresses, trust, rng),
            MessageKind::PreKey => self.open_prekey(local, bytes, addresses, trust, prekeys, rng),
        };
        match result {
            Ok(Outcome { plaintext, identity, used }) => Ok(Opened {
                sessions: self,
                plaintext,
                identity,
                identity_changed: before.is_some_and(|before| before != identity),
                used,
            }),
            Err(error) => Err(Failed::new(self, error)),
        }
    }

    /// Tries the session in use, then the archived ones from the newest; the first that opens it is it.
    fn open_signal(
        &mut self,
        bytes: &[u8],
        addresses: Option<&Addresses>,
        trust: Trust<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<Outcome, OpenError> {
        let message = SignalMessage::parse(bytes)?;
        if self.is_empty() {
            return Err(OpenError::NoSession);
        }
        let mut failure = StepError::Undecipherable;
        if let Some(session) = &mut self.current {
            match session.try_open(&message, addresses, rng) {
                Ok(step) => {
                    // Before the step is taken: who is not trusted changes nothing.
                    let identity = trusted(session, trust)?;
                    return Ok(Outcome { plaintext: session.apply(step), identity, used: None });
                }
                Err(error) => failure = failure.or(error)?,
            }
        }
        // Not sooner: nearly every message opens in the session in use, and then the archive need not be
        // read.
        if !self.archive.is_loaded() {
            return Err(OpenError::NotLoaded(StoredPart::Archive));
        }
        let (from, mut session, step) = self.try_archived(&message, addresses, failure, rng)?;
        let identity = trusted(&session, trust)?;
        // The session in use goes to the archive, with keys that may not be loaded yet.
        self.check_whole()?;
        let plaintext = session.apply(step);
        self.promote(from, session);
        Ok(Outcome { plaintext, identity, used: None })
    }

    /// The newest archived session that opens a message, and the step it is to take.
    fn try_archived(
        &self,
        message: &SignalMessage<'_>,
        addresses: Option<&Addresses>,
        mut failure: StepError,
        rng: &mut impl CryptoRng,
    ) -> Result<(Place, Box<Session>, Step), OpenError> {
        for frame in self.archive.newest_first() {
            // One that cannot be read hides none of the others.
            let Ok(session) = Session::load(frame.session) else { continue };
            match session.try_open(message, addresses, rng) {
                Ok(step) => return Ok((frame.place, Box::new(session), step)),
                Err(error) => failure = failure.or(error)?,
            }
        }
        Err(failure.into())
    }

    /// Opens in the session the message names, or in the one it starts, and in no other.
    fn open_prekey(
        &mut self,
        local: &LocalIdentity,
        bytes: &[u8],
        addresses: Option<&Addresses>,
        trust: Trust<'_>,
        prekeys: &impl PreKeySource,
        rng: &mut impl CryptoRng,
    ) -> Result<Outcome, OpenError> {
        let message = PreKeySignalMessage::parse(bytes)?;
        let ids = message.ids();
        let identity = ids.identity;
        // By what the message says of itself, since nothing in it is verified yet: enough to refuse, and
        // asked again below of what is.
        if !trust.admits(&identity) {
            return Err(OpenError::UntrustedIdentity { identity });
        }
        // An earlier message has begun this session: to begin it again would want prekeys that are spent.
        if let Some(session) = self.current.as_mut().filter(|session| session.base_key == ids.base_key) {
            let step = session.try_open(message.message(), addresses, rng)?;
            let identity = trusted(session, trust)?;
            return Ok(Outcome { plaintext: session.apply(step), identity, used: None });
        }
        // Whatever comes of it, the session in use will be replaced.
        self.check_whole()?;
        if let Some(Frame { place, session }) = self.archived(&ids.base_key) {
            // No other session is tried: the base key is this one's alone, and to begin anew would use
            // prekeys twice.
            let session = Session::load(session).map_err(|_| OpenError::Undecipherable)?;
            let mut session = Box::new(session);
            let step = session.try_open(message.message(), addresses, rng)?;
            let identity = trusted(&session, trust)?;
            let plaintext = session.apply(step);
            self.promote(place, session);
            return Ok(Outcome { plaintext, identity, used: None });
        }
        let (mut session, used) = respond(local, &message, prekeys)?;
        let step = session.try_open(message.message(), addresses, rng)?;
        let plaintext = session.apply(step);
        self.replace_current(session);
        Ok(Outcome { plaintext, identity, used: Some(used) })
    }
}

/// The session a message starts, before it has proved genuine.
fn respond(
    local: &LocalIdentity,
    message: &PreKeySignalMessage<'_>,
    prekeys: &impl PreKeySource,
) -> Result<(Box<Session>, UsedPreKeys), OpenError> {
    let ids = message.ids();
    let missing = OpenError::MissingPreKey;
    let signed = prekeys.signed(ids.signed).ok_or(missing(MissingPreKey::Signed(ids.signed)))?;
    let kyber = prekeys.kyber(ids.kyber).ok_or(missing(MissingPreKey::Kyber(ids.kyber)))?;
    let one_time = match ids.one_time {
        Some(id) => Some(prekeys.one_time(id).ok_or(missing(MissingPreKey::OneTime(id)))?),
        None => None,
    };
    // A session is named by its base key, and a replay is known by it: the same point in another encoding
    // would be agreed on as well, under another name.
    if !ids.base_key.is_canonical() {
        return Err(MessageError::BaseKey.into());
    }
    let ciphertext = message.kyber_ciphertext();
    let agreed = pqxdh::respond(local, signed, kyber, one_time, &ids.identity, &ids.base_key, ciphertext)
        .map_err(|_| OpenError::Undecipherable)?;
    let session = Box::new(Session::responded(local, signed, &ids, agreed));
    let used =
        UsedPreKeys { one_time: ids.one_time, signed: ids.signed, kyber: ids.kyber, base_key: ids.base_key };
    Ok((session, used))
}

/// The peer's identity in a session, if it is trusted.
fn trusted(session: &Session, trust: Trust<'_>) -> Result<IdentityKey, OpenError> {
    let identity = session.remote_identity;
    if trust.admits(&identity) { Ok(identity) } else { Err(OpenError::UntrustedIdentity { identity }) }
}

impl StepError {
    /// Of two sessions' errors, the one worth reporting; a duplicate, and what is not loaded, ends the
    /// search at once.
    fn or(self, other: Self) -> Result<Self, OpenError> {
        match (self, other) {
            (_, last @ (Self::Duplicate { .. } | Self::NotLoaded(_))) => Err(last.into()),
            (Self::Undecipherable, other) => Ok(other),
            (first, _) => Ok(first),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_refusals_a_duplicate_comes_first_and_the_opaque_one_last() {
        let ahead = StepError::TooFarAhead { index: 0, counter: 30_000 };
        let duplicate = StepError::Duplicate { index: 2, counter: 1 };
        for first in [StepError::Undecipherable, StepError::PostQuantum, ahead] {
            assert_eq!(first.or(duplicate), Err(OpenError::Duplicate { index: 2, counter: 1 }));
            assert_eq!(first.or(StepError::Undecipherable), Ok(first));
            assert_eq!(StepError::Undecipherable.or(first), Ok(first));
        }
        assert_eq!(ahead.or(StepError::PostQuantum), Ok(ahead));
    }
}
