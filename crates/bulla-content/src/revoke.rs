use bulla_base::MessageId;

use crate::InvalidContent;
use crate::wire::record;

record! {
    /// A message is taken back by whoever wrote it: it is not to be shown any more.
    #[derive(Debug, Copy)]
    pub struct Revoke {
        message: MessageId = 1,
    }
}

impl Revoke {
    /// Takes back the message `message`.
    #[must_use]
    pub const fn new(message: MessageId) -> Self {
        Self { message }
    }

    const fn checked(self) -> Result<Self, InvalidContent> {
        Ok(self)
    }

    /// The message that is taken back.
    #[must_use]
    pub const fn message(self) -> MessageId {
        self.message
    }
}
