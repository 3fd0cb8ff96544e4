use bulla_base::Number;

use crate::limits::MAX_CAPTION_CHARS;
use crate::wire::{codes, record, silent, text};
use crate::{InvalidContent, bounded_text};

codes! {
    /// What has happened to a user.
    pub enum SystemEvent {
        /// They have another phone number.
        NumberChanged = 1,
        /// They are known by another id.
        UserIdChanged = 2,
        /// They have another identity, perhaps on another phone.
        IdentityChanged = 3,
    }
}

record! {
    /// Something has happened that nobody wrote, and that is shown between the messages.
    pub struct System {
        event: SystemEvent = 1,
        body: String = 2,
        new_number: Option<Number> = 3,
    }
}

silent!(System);

impl System {
    /// Tells of `event` in the words `body`.
    ///
    /// # Errors
    /// When `body` is empty or longer than [`MAX_CAPTION_CHARS`].
    pub fn new(event: SystemEvent, body: impl Into<String>) -> Result<Self, InvalidContent> {
        Self { event, body: body.into(), new_number: None }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        bounded_text::filled("system.body", MAX_CAPTION_CHARS, &mut self.body)?;
        Ok(self)
    }

    /// Names the number that is theirs from now on.
    #[must_use]
    pub fn with_new_number(mut self, number: Number) -> Self {
        self.new_number = Some(number);
        self
    }

    /// What has happened.
    #[must_use]
    pub const fn event(&self) -> SystemEvent {
        self.event
    }

    text!(body, "The same in words.");

    /// The number that is theirs from now on.
    #[must_use]
    pub const fn new_number(&self) -> Option<&Number> {
        self.new_number.as_ref()
    }
}
