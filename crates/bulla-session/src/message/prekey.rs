use std::fmt;

use super::{SignalMessage, VERSION_BYTE, check_version};
use crate::error::MessageError;
use crate::identity::IdentityKey;
use crate::key::PublicKey;
use crate::kyber::KyberCiphertext;
use crate::numeric_ids::{KyberPreKeyId, OneTimePreKeyId, RegistrationId, SignedPreKeyId};
use crate::protobuf::{self, Fields};

/// A message that can start its session, as its bytes show it: nothing here is verified.
#[derive(Clone, Copy)]
pub struct PreKeySignalMessage<'a> {
    version: u8,
    header: PreKeyHeader<'a>,
    inner: &'a [u8],
    message: SignalMessage<'a>,
}

impl<'a> PreKeySignalMessage<'a> {
    /// Reads a message and the one inside it.
    ///
    /// # Errors
    ///
    /// [`MessageError`] if either is none, of another version, or lacks what it needs.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, MessageError> {
        let (&version, body) = bytes.split_first().ok_or(MessageError::TooShort { least: 1, actual: 0 })?;
        check_version(version)?;

        let (mut one_time, mut base_key, mut identity, mut inner) = (None, None, None, None);
        let (mut registration, mut signed, mut kyber, mut kyber_ciphertext) = (0, None, None, None);
        let mut fields = Fields::new(body);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => one_time = Some(OneTimePreKeyId::new(field.uint32()?)),
                2 => base_key = Some(PublicKey::parse("base key", field.bytes()?)?),
                3 => identity = Some(IdentityKey::from_bytes(field.bytes()?)?),
                4 => inner = Some(field.bytes()?),
                5 => registration = field.uint32()?,
                6 => signed = Some(SignedPreKeyId::new(field.uint32()?)),
                7 => kyber = Some(KyberPreKeyId::new(field.uint32()?)),
                8 => kyber_ciphertext = Some(KyberCiphertext::view(field.bytes()?)?),
                _ => {}
            }
        }
        let missing = |field| MessageError::Missing { field };
        let header = PreKeyHeader {
            one_time,
            base_key: base_key.ok_or(missing("base key"))?,
            identity: identity.ok_or(missing("identity key"))?,
            registration: RegistrationId::new(registration),
            signed: signed.ok_or(missing("signed prekey id"))?,
            kyber: kyber.ok_or(missing("Kyber prekey id"))?,
            kyber_ciphertext: kyber_ciphertext.ok_or(missing("Kyber ciphertext"))?,
        };
        let inner = inner.ok_or(missing("inner message"))?;
        // The one inside, too: prekeys are not to be loaded for what could not be opened with any.
        Ok(Self { version, header, inner, message: SignalMessage::parse(inner)? })
    }

    /// Writes the message anew, fields in ascending order and without unknown ones; the inner message is kept
    /// as it was received, because its MAC is over exactly those bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let length = self.inner.len();
        let mut out = Vec::with_capacity(self.header.message_len(length));
        self.header.put_as(self.version, &mut out, length, |out| out.extend_from_slice(self.inner));
        out
    }

    /// The prekeys it names and whom it says it is from.
    #[must_use]
    pub const fn ids(&self) -> PreKeyIds {
        PreKeyIds {
            one_time: self.header.one_time,
            signed: self.header.signed,
            kyber: self.header.kyber,
            base_key: self.header.base_key,
            identity: self.header.identity,
            registration: self.header.registration,
        }
    }

    /// The message inside.
    #[must_use]
    pub const fn message(&self) -> &SignalMessage<'a> {
        &self.message
    }

    pub(crate) const fn kyber_ciphertext(&self) -> &'a [u8; KyberCiphertext::BYTES] {
        self.header.kyber_ciphertext
    }
}

impl fmt::Debug for PreKeySignalMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreKeySignalMessage")
            .field("ids", &self.ids())
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

/// What a message that can start a session asks of its receiver, before anything in it is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PreKeyIds {
    /// The one-time prekey it was made with, if there was one.
    pub one_time: Option<OneTimePreKeyId>,
    /// The signed prekey it was made with.
    pub signed: SignedPreKeyId,
    /// The Kyber prekey it was made with.
    pub kyber: KyberPreKeyId,
    /// The key that is unique to the session: no prekeys are needed if
    /// [`Sessions::contains`](crate::Sessions::contains) says that it is known already.
    pub base_key: PublicKey,
    /// Who says to have sent it.
    pub identity: IdentityKey,
    /// The sender's registration id.
    pub registration: RegistrationId,
}

impl PreKeyIds {
    /// Reads them off a message, so that the prekeys can be loaded before it is opened.
    ///
    /// # Errors
    ///
    /// [`MessageError`] if the message could not be opened whatever the prekeys.
    pub fn peek(bytes: &[u8]) -> Result<Self, MessageError> {
        PreKeySignalMessage::parse(bytes).map(|message| message.ids())
    }
}

/// What a message that can start a session carries besides the message itself.
#[derive(Clone, Copy)]
pub(crate) struct PreKeyHeader<'a> {
    pub(crate) one_time: Option<OneTimePreKeyId>,
    pub(crate) base_key: PublicKey,
    pub(crate) identity: IdentityKey,
    pub(crate) registration: RegistrationId,
    pub(crate) signed: SignedPreKeyId,
    pub(crate) kyber: KyberPreKeyId,
    pub(crate) kyber_ciphertext: &'a [u8; KyberCiphertext::BYTES],
}

impl PreKeyHeader<'_> {
    /// The length of the whole message around an inner one of `inner` bytes.
    pub(crate) fn message_len(&self, inner: usize) -> usize {
        1 + self.one_time.map_or(0, |id| protobuf::uint32_len(id.value()))
            + 2 * protobuf::bytes_len(PublicKey::BYTES)
            + protobuf::bytes_len(inner)
            + protobuf::uint32_len(self.registration.value())
            + protobuf::uint32_len(self.signed.value())
            + protobuf::uint32_len(self.kyber.value())
            + protobuf::bytes_len(KyberCiphertext::BYTES)
    }

    /// Appends the message; `put_inner` appends exactly `inner` bytes.
    pub(crate) fn put(&self, out: &mut Vec<u8>, inner: usize, put_inner: impl FnOnce(&mut Vec<u8>)) {
        self.put_as(VERSION_BYTE, out, inner, put_inner);
    }

    fn put_as(&self, version: u8, out: &mut Vec<u8>, inner: usize, put_inner: impl FnOnce(&mut Vec<u8>)) {
        out.push(version);
        if let Some(id) = self.one_time {
            protobuf::put_uint32(out, 1, id.value());
        }
        protobuf::put_bytes(out, 2, &self.base_key.to_bytes());
        protobuf::put_bytes(out, 3, &self.identity.to_bytes());
        protobuf::put_bytes_header(out, 4, inner);
        put_inner(out);
        protobuf::put_uint32(out, 5, self.registration.value());
        protobuf::put_uint32(out, 6, self.signed.value());
        protobuf::put_uint32(out, 7, self.kyber.value());
        protobuf::put_bytes(out, 8, self.kyber_ciphertext);
    }
}
