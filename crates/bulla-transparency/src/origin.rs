use std::fmt;

use crate::error::{InvalidForm, at_most_bytes};
use crate::limits::MAX_ORIGIN_BYTES;

/// The name of a log: the first line of its checkpoints, and the name of its key.
///
/// By custom an address without scheme, such as `carrier.example/keys`; nothing need be found there. Narrower
/// than the specification allows: printable ASCII without spaces and without `+`, so that it can be told
/// apart by eye and bounded in bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Origin(String);

impl Origin {
    /// The name that is written so.
    ///
    /// # Errors
    /// When it is empty, has more than [`MAX_ORIGIN_BYTES`], or a character that it may not have.
    pub fn parse(text: &str) -> Result<Self, InvalidForm> {
        at_most_bytes("origin, in bytes", MAX_ORIGIN_BYTES, text.len())?;
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'+') {
            let expected = "printable ASCII without spaces and without plus, and not empty";
            return Err(InvalidForm::Field { field: "origin", expected });
        }
        Ok(Self(text.to_owned()))
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({})", self.0)
    }
}
