use crate::limits::{MAX_BUTTON_CHARS, MAX_PAYLOAD_CHARS};
use crate::wire::{empty_record, optional_text, record, silent, text};
use crate::{InvalidContent, bounded_text};

empty_record! {
    /// A question whether the business may call.
    pub struct CallPermissionRequest;
}

record! {
    /// A button that calls the business.
    pub struct VoiceCall {
        display_text: String = 1,
        minutes: u32 = 2,
        payload: Option<String> = 3,
    }
}

silent!(VoiceCall);

impl VoiceCall {
    /// The button `display_text`.
    ///
    /// # Errors
    /// When that is empty or longer than [`MAX_BUTTON_CHARS`].
    pub fn new(display_text: impl Into<String>) -> Result<Self, InvalidContent> {
        Self { display_text: display_text.into(), minutes: 0, payload: None }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        let text = &mut self.display_text;
        bounded_text::filled("interactive.action.parameters.display_text", MAX_BUTTON_CHARS, text)?;
        let (field, payload) = ("interactive.action.parameters.payload", &mut self.payload);
        bounded_text::optional(field, MAX_PAYLOAD_CHARS, payload)?;
        Ok(self)
    }

    /// Has it call for so many minutes; 0 is for as long as the message is shown.
    #[must_use]
    pub const fn for_minutes(mut self, minutes: u32) -> Self {
        self.minutes = minutes;
        self
    }

    text!(display_text, "What stands on it.");

    /// For how many minutes it calls, if not for ever.
    #[must_use]
    pub const fn minutes(&self) -> Option<u32> {
        if self.minutes == 0 { None } else { Some(self.minutes) }
    }

    optional_text!(payload, with_payload, "What the business hears with the call.", MAX_PAYLOAD_CHARS);
}
