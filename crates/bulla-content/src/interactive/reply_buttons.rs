use crate::limits::{MAX_BUTTON_CHARS, MAX_BUTTON_ID_CHARS, MAX_REPLY_BUTTONS};
use crate::wire::{Listed, record, silent, text};
use crate::{InvalidContent, bounded_text};

record! {
    /// Buttons whose titles are sent back when they are tapped.
    pub struct ReplyButtons {
        buttons: Vec<ReplyButton> = 1,
    }
}

record! {
    /// A button whose title is sent back when it is tapped.
    pub struct ReplyButton {
        id: String = 1,
        title: String = 2,
    }
}

silent!(ReplyButtons);
silent!(ReplyButton);

impl Listed for ReplyButton {
    const LIST: (&'static str, &'static str, usize) =
        ("interactive.action.buttons", "buttons", MAX_REPLY_BUTTONS);
}

impl ReplyButtons {
    /// These buttons.
    ///
    /// # Errors
    /// When there are none, more than [`MAX_REPLY_BUTTONS`], or two with one id or one title.
    pub fn new(buttons: Vec<ReplyButton>) -> Result<Self, InvalidContent> {
        Self { buttons }.checked()
    }

    fn checked(self) -> Result<Self, InvalidContent> {
        InvalidContent::some_of(ReplyButton::LIST, &self.buttons)?;
        for (place, button) in self.buttons.iter().enumerate() {
            let before = &self.buttons[..place];
            if before.iter().any(|other| other.id == button.id) {
                return Err(InvalidContent::Repeated { field: "interactive.action.buttons.reply.id" });
            }
            if before.iter().any(|other| other.title == button.title) {
                return Err(InvalidContent::Repeated { field: "interactive.action.buttons.reply.title" });
            }
        }
        Ok(self)
    }

    /// The buttons.
    #[must_use]
    pub fn buttons(&self) -> &[ReplyButton] {
        &self.buttons
    }
}

impl ReplyButton {
    /// The button `title`, which the business knows as `id`.
    ///
    /// # Errors
    /// When one of them is empty, `id` is longer than [`MAX_BUTTON_ID_CHARS`], or `title` than
    /// [`MAX_BUTTON_CHARS`].
    pub fn new(id: impl Into<String>, title: impl Into<String>) -> Result<Self, InvalidContent> {
        Self { id: id.into(), title: title.into() }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        bounded_text::filled("interactive.action.buttons.reply.id", MAX_BUTTON_ID_CHARS, &mut self.id)?;
        bounded_text::filled("interactive.action.buttons.reply.title", MAX_BUTTON_CHARS, &mut self.title)?;
        Ok(self)
    }

    text!(id, "What the business knows it as.");
    text!(title, "What stands on it.");
}
