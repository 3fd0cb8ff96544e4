use std::fmt;

use bulla_base::MessageId;

use crate::wire::record;
use crate::{InvalidContent, MAX_EMOJI_BYTES, emoji};

record! {
    /// An emoji put on a message, or taken off it.
    pub struct Reaction {
        to: MessageId = 1,
        emoji: Option<String> = 2,
    }
}

impl Reaction {
    /// Puts `emoji` on the message `to`.
    ///
    /// # Errors
    /// When `emoji` is empty, longer than [`MAX_EMOJI_BYTES`], or not one emoji as Unicode Technical
    /// Standard #51 has it: one that has a skin tone, or is made of several that are joined, is one; two are
    /// not, and neither is a letter.
    pub fn put(to: MessageId, emoji: impl Into<String>) -> Result<Self, InvalidContent> {
        Self { to, emoji: Some(emoji.into()) }.checked()
    }

    /// Takes the reaction off the message `to`.
    #[must_use]
    pub const fn removed(to: MessageId) -> Self {
        Self { to, emoji: None }
    }

    fn checked(self) -> Result<Self, InvalidContent> {
        let Some(emoji) = &self.emoji else { return Ok(self) };
        if emoji.is_empty() {
            return Err(InvalidContent::Empty { field: "emoji" });
        }
        InvalidContent::at_most("emoji", "bytes", MAX_EMOJI_BYTES, emoji.len())?;
        if !emoji::is_one(emoji) {
            return Err(InvalidContent::NotOneEmoji { field: "emoji" });
        }
        Ok(self)
    }

    /// The message reacted to.
    #[must_use]
    pub const fn to(&self) -> MessageId {
        self.to
    }

    /// The emoji, or nothing when it was taken off.
    #[must_use]
    pub fn emoji(&self) -> Option<&str> {
        self.emoji.as_deref()
    }
}

impl fmt::Debug for Reaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { to, emoji } = self;
        let what = if emoji.is_some() { "put on" } else { "removed from" };
        write!(f, "Reaction({what} {to})")
    }
}
