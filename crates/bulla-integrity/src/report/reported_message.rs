use std::fmt;

use bulla_base::{Address, Category, MessageId};
use zeroize::Zeroizing;

use crate::byte_reader::ByteReader;
use crate::error::at_most;
use crate::limits::MAX_REPORTED_BYTES;
use crate::{Acceptance, InvalidForm, Stamp, commitment};

/// One message of a report: what its recipient has of it, as it came.
///
/// # Security
/// It holds what was said, which is wiped when it is dropped and does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct ReportedMessage {
    id: MessageId,
    from: Address,
    kind: u32,
    category: Option<Category>,
    stamp: Stamp,
    plaintext: Zeroizing<Vec<u8>>,
}

impl ReportedMessage {
    /// The message `id` of `from`, with the stamp that came beside it, and all the bytes that were sealed.
    ///
    /// # Errors
    /// When these are more than [`MAX_REPORTED_BYTES`], or too few to begin with the key that opens them.
    pub fn new(
        id: MessageId,
        from: Address,
        kind: u32,
        category: Option<Category>,
        stamp: Stamp,
        plaintext: Zeroizing<Vec<u8>>,
    ) -> Result<Self, InvalidForm> {
        at_most("message (bytes)", MAX_REPORTED_BYTES as u64, plaintext.len() as u64)?;
        match plaintext.first_chunk::<32>() {
            Some(_) => Ok(Self { id, from, kind, category, stamp, plaintext }),
            None => Err(InvalidForm::Field { field: "message", expected: "the key that opens it" }),
        }
    }

    pub(crate) fn read(reader: &mut ByteReader<'_>) -> Result<Self, InvalidForm> {
        let field = |expected| InvalidForm::Field { field: "reported message", expected };
        let id = MessageId::from_bytes(&reader.array::<16>()?).map_err(|_| field("a message id"))?;
        let length = usize::from(reader.u8()?);
        let from = Address::from_bytes(reader.bytes(length)?).map_err(|_| field("an address"))?;
        let kind = reader.u32()?;
        let category = match reader.u8()? {
            0 => None,
            code => Some(Category::from_code(code).ok_or(field("a category"))?),
        };
        let stamp = Stamp::read(reader)?;
        let length = reader.u32()?;
        at_most("message (bytes)", MAX_REPORTED_BYTES as u64, u64::from(length))?;
        let plaintext = reader.bytes(usize::try_from(length).unwrap_or(usize::MAX))?;
        Self::new(id, from, kind, category, stamp, Zeroizing::new(plaintext.to_vec()))
    }

    /// Which message.
    #[must_use]
    pub const fn id(&self) -> MessageId {
        self.id
    }

    /// Who has sent it.
    #[must_use]
    pub const fn from(&self) -> &Address {
        &self.from
    }

    /// What its sender has declared it to be for.
    #[must_use]
    pub const fn category(&self) -> Option<Category> {
        self.category
    }

    /// The stamp.
    #[must_use]
    pub const fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// All the bytes that were sealed: what the reporter shows.
    #[must_use]
    pub fn plaintext(&self) -> &[u8] {
        &self.plaintext
    }

    /// What must have been accepted for `reporter`, if the message is what it says.
    pub(crate) fn acceptance(&self, reporter: &Address) -> Option<Acceptance> {
        let Self { id, from, kind, category, stamp: _, plaintext } = self;
        let commitment = commitment(plaintext)?;
        Some(Acceptance::new(*id, from.clone(), reporter.clone(), *kind, *category, commitment))
    }

    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        let Self { id, from, kind, category, stamp, plaintext } = self;
        let from = from.to_bytes();
        bytes.extend_from_slice(id.as_bytes());
        // An address takes 17 bytes at most, and the message was measured.
        bytes.push(u8::try_from(from.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(&from);
        bytes.extend_from_slice(&kind.to_be_bytes());
        bytes.push(category.map_or(0, Category::code));
        bytes.extend_from_slice(&stamp.to_bytes());
        bytes.extend_from_slice(&u32::try_from(plaintext.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(plaintext);
    }

    /// How many bytes it takes.
    pub(crate) fn length(&self) -> usize {
        16 + 1 + self.from.to_bytes().len() + 4 + 1 + Stamp::BYTES + 4 + self.plaintext.len()
    }
}

impl fmt::Debug for ReportedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, from, kind, category, stamp, plaintext } = self;
        let plaintext = format_args!("{} bytes", plaintext.len());
        (f.debug_struct("ReportedMessage").field("id", id).field("from", from).field("kind", kind))
            .field("category", category)
            .field("stamp", stamp)
            .field("plaintext", &plaintext)
            .finish()
    }
}
