use std::fmt;

use bulla_base::MessageId;

use crate::{InvalidContent, MAX_EMOJI_BYTES, emoji};

/// An emoji put on a message, or taken off it.
#[derive(Clone, PartialEq, Eq)]
pub struct Reaction {
    to: MessageId,
    emoji: Option<String>,
}

impl Reaction {
    /// Puts `emoji` on the message `to`.
    ///
    /// # Errors
    /// When `emoji` is empty, longer than [`MAX_EMOJI_BYTES`], or not one emoji as Unicode Technical
    /// Standard #51 has it: one that has a skin tone, or is made of several that are joined, is one; two are
    /// not, and neither is a letter.
    pub fn put(to: MessageId, emoji: impl Into<String>) -> Result<Self, InvalidContent> {
        let emoji = emoji.into();
        if emoji.is_empty() {
            return Err(InvalidContent::Empty { field: "emoji" });
        }
        InvalidContent::at_most("emoji", "bytes", MAX_EMOJI_BYTES, emoji.len())?;
        if !emoji::is_one(&emoji) {
            return Err(InvalidContent::NotOneEmoji { field: "emoji" });
        }
        Ok(Self { to, emoji: Some(emoji) })
    }

    /// Takes the reaction off the message `to`.
    #[must_use]
    pub const fn removed(to: MessageId) -> Self {
        Self { to, emoji: None }
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
