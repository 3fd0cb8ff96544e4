use std::fmt;

use zeroize::Zeroizing;

use crate::{InvalidContent, wire};

/// Something that this version does not know: of a newer kind, or of a newer sort of one.
///
/// It is kept as it came, so that whoever stores or passes it on loses nothing: encoded again it says what it
/// said, and a newer version reads it. What is to be shown in its place is
/// [`Content::fallback`](crate::Content::fallback), if its sender wrote something. What it holds is wiped
/// when it is dropped, as there may be a key in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Unsupported {
    number: u32,
    message: Zeroizing<Vec<u8>>,
}

impl Unsupported {
    /// What stands in the field `number`. As much as any kind may have, so that it can be encoded again.
    pub(crate) fn read(number: u32, message: &[u8]) -> Result<Self, InvalidContent> {
        InvalidContent::fits("content of a newer kind", message.len())?;
        Ok(Self { number, message: Zeroizing::new(message.to_vec()) })
    }

    /// The number of the field of the content in which it stands, which is that of its kind.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Whether it is a message, to be shown by its fallback text. Else it is a signal, such as a receipt, and
    /// can be passed over.
    #[must_use]
    pub const fn is_message(&self) -> bool {
        wire::is_message(self.number)
    }

    pub(crate) fn message(&self) -> &[u8] {
        &self.message
    }
}

impl fmt::Debug for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, message } = self;
        write!(f, "Unsupported(kind {number}, {} bytes)", message.len())
    }
}
