use bulla_base::MessageId;

use crate::InvalidContent;
use crate::wire::record;

record! {
    /// Please send a message again: it could not be opened.
    #[derive(Debug, Copy)]
    pub struct RetryRequest {
        message: MessageId = 1,
        attempt: u8 = 2,
    }
}

impl RetryRequest {
    /// Asks for `message`, since what came at the time number `attempt` could not be opened: 0 is the first
    /// time that it was sent.
    #[must_use]
    pub const fn new(message: MessageId, attempt: u8) -> Self {
        Self { message, attempt }
    }

    const fn checked(self) -> Result<Self, InvalidContent> {
        Ok(self)
    }

    /// The message that could not be opened.
    #[must_use]
    pub const fn message(self) -> MessageId {
        self.message
    }

    /// The last time it came that could not be opened. What is under way since then is not asked for.
    #[must_use]
    pub const fn attempt(self) -> u8 {
        self.attempt
    }
}
