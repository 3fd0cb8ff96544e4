use std::fmt;

use super::{VERSION_BYTE, check_version};
use crate::error::MessageError;
use crate::key::PublicKey;
use crate::protobuf::{self, Fields};

pub(crate) const MAC_BYTES: usize = 8;

/// A message of a running session, as its bytes show it: nothing here is verified.
#[derive(Clone, Copy)]
pub struct SignalMessage<'a> {
    version: u8,
    header: SignalHeader<'a>,
    ciphertext: &'a [u8],
    authenticated: &'a [u8],
    mac: &'a [u8; MAC_BYTES],
}

impl<'a> SignalMessage<'a> {
    /// Reads a message.
    ///
    /// # Errors
    ///
    /// [`MessageError`] if it is none, of another version, or lacks what it needs.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, MessageError> {
        const LEAST: usize = 1 + MAC_BYTES;
        let short = MessageError::TooShort { least: LEAST, actual: bytes.len() };
        let (authenticated, mac) = bytes.split_last_chunk().ok_or(short)?;
        let (&version, body) = authenticated.split_first().ok_or(short)?;
        check_version(version)?;

        let (mut ratchet_key, mut counter, mut previous_counter) = (None, None, 0);
        let (mut ciphertext, mut post_quantum, mut addresses) = (None, None, None);
        let mut fields = Fields::new(body);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => ratchet_key = Some(PublicKey::parse("ratchet key", field.bytes()?)?),
                2 => counter = Some(field.uint32()?),
                3 => previous_counter = field.uint32()?,
                4 => ciphertext = Some(field.bytes()?),
                5 => post_quantum = Some(field.bytes()?),
                6 => addresses = Some(field.bytes()?),
                // What is not known is passed over, and is under the MAC like the rest: newer senders may
                // say more.
                _ => {}
            }
        }
        let header = SignalHeader {
            ratchet_key: ratchet_key.ok_or(MessageError::Missing { field: "ratchet key" })?,
            counter: counter.ok_or(MessageError::Missing { field: "counter" })?,
            previous_counter,
            post_quantum,
            addresses,
        };
        let ciphertext = ciphertext.ok_or(MessageError::Missing { field: "ciphertext" })?;
        Ok(Self { version, header, ciphertext, authenticated, mac })
    }

    /// Writes the message anew, fields in ascending order and without unknown ones. Whether the MAC still
    /// fits depends on the bytes it was read from.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let length = self.ciphertext.len();
        let mut out = Vec::with_capacity(self.header.message_len(length));
        self.header.put_as(self.version, &mut out, length, |out| out.extend_from_slice(self.ciphertext));
        out.extend_from_slice(self.mac);
        out
    }

    /// The sender's ratchet key.
    #[must_use]
    pub const fn ratchet_key(&self) -> &PublicKey {
        &self.header.ratchet_key
    }

    /// The message's position in the sender's chain, from 0.
    #[must_use]
    pub const fn counter(&self) -> u32 {
        self.header.counter
    }

    /// The last position in the sender's previous chain.
    #[must_use]
    pub const fn previous_counter(&self) -> u32 {
        self.header.previous_counter
    }

    /// The encrypted body.
    #[must_use]
    pub const fn ciphertext(&self) -> &'a [u8] {
        self.ciphertext
    }

    /// The post-quantum ratchet's own message, if there is one.
    #[must_use]
    pub const fn post_quantum(&self) -> Option<&'a [u8]> {
        self.header.post_quantum
    }

    /// The addresses the message is bound to, if it is.
    #[must_use]
    pub const fn addresses(&self) -> Option<&'a [u8]> {
        self.header.addresses
    }

    /// The bytes the MAC is over, exactly as received.
    pub(crate) const fn authenticated(&self) -> &'a [u8] {
        self.authenticated
    }

    pub(crate) const fn mac(&self) -> &'a [u8; MAC_BYTES] {
        self.mac
    }
}

impl fmt::Debug for SignalMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version: _, header, ciphertext, authenticated: _, mac: _ } = self;
        f.debug_struct("SignalMessage")
            .field("ratchet_key", &header.ratchet_key)
            .field("counter", &header.counter)
            .field("previous_counter", &header.previous_counter)
            .field("ciphertext_bytes", &ciphertext.len())
            .field("post_quantum_bytes", &header.post_quantum.map(<[u8]>::len))
            .field("bound", &header.addresses.is_some())
            .finish()
    }
}

/// The fields of a message that are not its ciphertext.
#[derive(Clone, Copy)]
pub(crate) struct SignalHeader<'a> {
    pub(crate) ratchet_key: PublicKey,
    pub(crate) counter: u32,
    pub(crate) previous_counter: u32,
    pub(crate) post_quantum: Option<&'a [u8]>,
    pub(crate) addresses: Option<&'a [u8]>,
}

impl SignalHeader<'_> {
    /// The length of the whole message, version and MAC included.
    pub(crate) fn message_len(&self, ciphertext: usize) -> usize {
        1 + protobuf::bytes_len(PublicKey::BYTES)
            + protobuf::uint32_len(self.counter)
            + protobuf::uint32_len(self.previous_counter)
            + protobuf::bytes_len(ciphertext)
            + self.post_quantum.map_or(0, |bytes| protobuf::bytes_len(bytes.len()))
            + self.addresses.map_or(0, |bytes| protobuf::bytes_len(bytes.len()))
            + MAC_BYTES
    }

    /// Appends all but the MAC; `put_ciphertext` appends exactly `ciphertext` bytes.
    pub(crate) fn put(
        &self,
        out: &mut Vec<u8>,
        ciphertext: usize,
        put_ciphertext: impl FnOnce(&mut Vec<u8>),
    ) {
        self.put_as(VERSION_BYTE, out, ciphertext, put_ciphertext);
    }

    fn put_as(
        &self,
        version: u8,
        out: &mut Vec<u8>,
        ciphertext: usize,
        put_ciphertext: impl FnOnce(&mut Vec<u8>),
    ) {
        out.push(version);
        protobuf::put_bytes(out, 1, &self.ratchet_key.to_bytes());
        protobuf::put_uint32(out, 2, self.counter);
        protobuf::put_uint32(out, 3, self.previous_counter);
        protobuf::put_bytes_header(out, 4, ciphertext);
        put_ciphertext(out);
        if let Some(bytes) = self.post_quantum {
            protobuf::put_bytes(out, 5, bytes);
        }
        if let Some(bytes) = self.addresses {
            protobuf::put_bytes(out, 6, bytes);
        }
    }
}
