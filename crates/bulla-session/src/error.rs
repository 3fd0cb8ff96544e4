//! What can be wrong with bytes from outside: keys, messages, records.
//!
//! The errors of an operation stand beside it; see [`InitiateError`](crate::InitiateError),
//! [`SealError`](crate::SealError) and [`OpenError`](crate::OpenError).

use thiserror::Error;

use crate::session::StoredPart;

/// A key, signature or id that is not one. Whoever supplied the bytes has to supply others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The bytes are too few or too many.
    #[error("{field} has {actual} bytes instead of {expected}")]
    Length {
        /// What was being read.
        field: &'static str,
        /// The length it must have.
        expected: usize,
        /// The length it has.
        actual: usize,
    },
    /// The first byte names a kind of key that is not spoken here.
    #[error("{field} is of type {found:#04x} instead of {expected:#04x}")]
    Type {
        /// What was being read.
        field: &'static str,
        /// The type byte it must start with.
        expected: u8,
        /// The type byte it starts with.
        found: u8,
    },
    /// The other party's key is one of the few with which every agreement comes out the same.
    #[error("no agreement is possible with this public key")]
    Agreement,
    /// A device number out of range.
    #[error("device {found} is not between 1 and {most}")]
    DeviceId {
        /// The number given.
        found: u8,
        /// The highest number allowed.
        most: u8,
    },
}

/// A signature that does not belong to its message and key. Which of them is wrong cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the signature does not match")]
pub struct SignatureError(pub(crate) ());

/// Bytes that are not the protocol buffer they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProtobufError {
    /// The bytes end inside a field, or a length reaches past their end.
    #[error("the bytes end inside a field")]
    Truncated,
    /// A variable-length number is longer than 64 bits.
    #[error("a variable-length number exceeds 64 bits")]
    Varint,
    /// A field has number 0, or one beyond what the format allows.
    #[error("a field number is out of range")]
    FieldNumber,
    /// A field is encoded in a way its kind does not allow, or in none that exists.
    #[error("field {field} has wire type {wire_type}")]
    WireType {
        /// The field's number.
        field: u32,
        /// How it is encoded.
        wire_type: u8,
    },
    /// A number does not fit the field's 32 bits.
    #[error("field {field} exceeds 32 bits")]
    TooLarge {
        /// The field's number.
        field: u32,
    },
}

/// A message that cannot be read, whatever session it is for. Nobody can repair it; the sender may send it
/// anew.
///
/// All of this shows in the message's public bytes, so telling the reason gives nothing away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MessageError {
    /// Fewer bytes than any message of this kind has.
    #[error("the message has {actual} bytes, fewer than {least}")]
    TooShort {
        /// The fewest bytes such a message has.
        least: usize,
        /// The bytes it has.
        actual: usize,
    },
    /// A version of the protocol that is no longer spoken.
    #[error("message version {found} is too old")]
    TooOld {
        /// The version found.
        found: u8,
    },
    /// A version of the protocol that is not spoken yet.
    #[error("message version {found} is unknown")]
    Unknown {
        /// The version found.
        found: u8,
    },
    /// Not a protocol buffer.
    #[error("the message is malformed")]
    Protobuf(#[from] ProtobufError),
    /// A field that must be there is not.
    #[error("the message lacks its {field}")]
    Missing {
        /// The field's name.
        field: &'static str,
    },
    /// A field does not hold what it should.
    #[error("a field of the message is invalid")]
    Key(#[from] KeyError),
    /// The base key is not a point of the prime-order group in its one proper encoding.
    #[error("the base key is not canonical")]
    BaseKey,
}

/// A stored prekey or identity that cannot be read. The storage gave back something else than was put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Not a protocol buffer.
    #[error("the record is malformed")]
    Protobuf(#[from] ProtobufError),
    /// A field that must be there is not.
    #[error("the record lacks its {field}")]
    Missing {
        /// The field's name.
        field: &'static str,
    },
    /// A field does not hold what it should.
    #[error("a field of the record is invalid")]
    Key(#[from] KeyError),
    /// The public key is not the private key's own.
    #[error("the public and the private key do not belong together")]
    Mismatch,
}

/// A stored [`Sessions`](crate::Sessions) that cannot be read. The storage gave back something else than was
/// put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StoredError {
    /// Written in a form this version of the crate does not know.
    #[error("stored sessions have form {found}, this version reads up to {newest}")]
    Form {
        /// The form found.
        found: u8,
        /// The newest form that is understood.
        newest: u8,
    },
    /// The bytes end before the field does.
    #[error("stored sessions end inside {field}")]
    Truncated {
        /// The field's name.
        field: &'static str,
    },
    /// More bytes than the sessions fill.
    #[error("stored sessions are followed by {surplus} more bytes")]
    Trailing {
        /// How many.
        surplus: usize,
    },
    /// More bytes than sessions can fill at all.
    #[error("stored sessions have {actual} bytes, more than {most}")]
    TooLong {
        /// The most there can be: [`limits::MAX_RECORD_BYTES`](crate::limits::MAX_RECORD_BYTES), or of
        /// archived sessions alone [`limits::MAX_ARCHIVE_BYTES`](crate::limits::MAX_ARCHIVE_BYTES).
        most: usize,
        /// How many there are.
        actual: usize,
    },
    /// A field holds what is never written there.
    #[error("stored sessions have an impossible {field}")]
    Value {
        /// The field's name.
        field: &'static str,
    },
    /// A part that has to be there is not.
    #[error("of stored sessions the {part} is missing")]
    Absent {
        /// The part.
        part: StoredPart,
    },
    /// A part that belongs to nothing.
    #[error("of stored sessions there should be no {part}")]
    Surplus {
        /// The part.
        part: StoredPart,
    },
}

/// Something that takes all parts of stored sessions was asked of some of them. Nothing has changed;
/// [load the rest](crate::Sessions::load_rest) and try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not all parts of the sessions are loaded")]
pub struct NotWhole(pub(crate) ());
