//! The wire format.
//!
//! ```text
//! version (1) ‖ epoch (varint) ‖ index (varint) ‖ type (1) ‖ [ chunk index (varint) ‖ chunk (32) ]
//! ```

use std::fmt;

use crate::erasure_code::{CHUNK_BYTES, Chunk};
use crate::error::MessageError;
use crate::limits::MAX_MESSAGE_BYTES;

/// The version of the ratchet spoken here.
const VERSION: u8 = 1;

/// A message to be sent, at most [`MAX_MESSAGE_BYTES`] bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Message {
    bytes: [u8; MAX_MESSAGE_BYTES],
    length: usize,
}

impl Message {
    pub(crate) fn new(epoch: u64, index: u32, payload: &Payload) -> Self {
        let mut out = Self { bytes: [0; MAX_MESSAGE_BYTES], length: 0 };
        out.put(&[VERSION]);
        out.put_varint(epoch);
        out.put_varint(u64::from(index));
        out.put(&[payload.code()]);
        if let Some(chunk) = payload.chunk() {
            out.put_varint(u64::from(chunk.index));
            out.put(&chunk.data);
        }
        out
    }

    /// The bytes to send.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn put(&mut self, bytes: &[u8]) {
        // What a message has at most is what the buffer has room for.
        let end = self.length + bytes.len();
        self.bytes[self.length..end].copy_from_slice(bytes);
        self.length = end;
    }

    fn put_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.put(&[value.to_le_bytes()[0] | 0x80]);
            value >>= 7;
        }
        self.put(&[value.to_le_bytes()[0]]);
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({} bytes)", self.length)
    }
}

/// What a message carries of the exchange under way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payload {
    /// Nothing: the responder has nothing to say.
    Nothing,
    /// The offerer's header and its MAC.
    Header(Chunk),
    /// The offerer's key.
    Key(Chunk),
    /// The offerer's key; and it has all of the ciphertext's first part.
    KeyAndAck(Chunk),
    /// The offerer has all of the ciphertext's first part.
    Ack,
    /// The ciphertext's first part.
    Ct1(Chunk),
    /// The ciphertext's second part and its MAC.
    Ct2(Chunk),
}

impl Payload {
    const fn code(&self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Header(_) => 1,
            Self::Key(_) => 2,
            Self::KeyAndAck(_) => 3,
            Self::Ack => 4,
            Self::Ct1(_) => 5,
            Self::Ct2(_) => 6,
        }
    }

    const fn chunk(&self) -> Option<&Chunk> {
        match self {
            Self::Nothing | Self::Ack => None,
            Self::Header(chunk)
            | Self::Key(chunk)
            | Self::KeyAndAck(chunk)
            | Self::Ct1(chunk)
            | Self::Ct2(chunk) => Some(chunk),
        }
    }
}

/// A message as read.
pub(crate) struct Incoming {
    pub(crate) epoch: u64,
    pub(crate) index: u32,
    pub(crate) payload: Payload,
}

impl Incoming {
    /// Reads a message. Bytes behind it are ignored, as the official library does.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        let mut from = Reader(bytes);
        match from.byte("version") {
            Ok(VERSION) => {}
            Ok(found) => return Err(MessageError::Version { found, spoken: VERSION }),
            Err(_) => return Err(MessageError::Absent),
        }
        let epoch = from.varint("epoch")?;
        let index = from.varint("index")?;
        let index = u32::try_from(index).map_err(|_| MessageError::OutOfRange { field: "index" })?;
        if epoch == 0 {
            return Err(MessageError::OutOfRange { field: "epoch" });
        }
        // Counting starts at one. Zero once meant that a message has no key of the ratchet.
        if index == 0 {
            return Err(MessageError::OutOfRange { field: "index" });
        }
        let payload = match from.byte("type")? {
            0 => Payload::Nothing,
            1 => Payload::Header(from.chunk()?),
            2 => Payload::Key(from.chunk()?),
            3 => Payload::KeyAndAck(from.chunk()?),
            4 => Payload::Ack,
            5 => Payload::Ct1(from.chunk()?),
            6 => Payload::Ct2(from.chunk()?),
            _ => return Err(MessageError::OutOfRange { field: "type" }),
        };
        Ok(Self { epoch, index, payload })
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self, field: &'static str) -> Result<u8, MessageError> {
        let (&byte, rest) = self.0.split_first().ok_or(MessageError::Truncated { field })?;
        self.0 = rest;
        Ok(byte)
    }

    fn varint(&mut self, field: &'static str) -> Result<u64, MessageError> {
        let mut value = 0;
        for position in 0..10u32 {
            let byte = self.byte(field)?;
            // The tenth byte has room for one bit only.
            if position == 9 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7F) << (7 * position);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(MessageError::OutOfRange { field })
    }

    fn chunk(&mut self) -> Result<Chunk, MessageError> {
        let index = self.varint("chunk index")?;
        let index = u16::try_from(index).map_err(|_| MessageError::OutOfRange { field: "chunk index" })?;
        let short = MessageError::Truncated { field: "chunk" };
        let (data, rest) = self.0.split_first_chunk::<CHUNK_BYTES>().ok_or(short)?;
        self.0 = rest;
        Ok(Chunk { index, data: *data })
    }
}

#[cfg(test)]
mod tests;
