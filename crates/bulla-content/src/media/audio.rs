use crate::limits::MAX_AUDIO_BYTES;
use crate::wire::{record, silent};
use crate::{AttachmentPointer, InvalidContent};

record! {
    /// Something to listen to: a file, or what somebody has just spoken.
    pub struct Audio {
        attachment: AttachmentPointer = 1,
        voice: bool = 2,
    }
}

silent!(Audio);

impl Audio {
    /// The audio that `attachment` leads to.
    ///
    /// # Errors
    /// When it is larger than [`MAX_AUDIO_BYTES`], or its type does not begin with `audio/`.
    pub fn new(attachment: AttachmentPointer) -> Result<Self, InvalidContent> {
        Self { attachment, voice: false }.checked()
    }

    fn checked(self) -> Result<Self, InvalidContent> {
        self.attachment.is_at_most("audio", MAX_AUDIO_BYTES)?;
        if !self.attachment.is_of("audio/") {
            return Err(InvalidContent::Unfit { field: "audio.media_type", expected: "a type of audio" });
        }
        Ok(self)
    }

    /// Says whether it is a voice message: shown as one, and told of as played.
    #[must_use]
    pub const fn with_voice(mut self, voice: bool) -> Self {
        self.voice = voice;
        self
    }

    /// Where it is.
    #[must_use]
    pub const fn attachment(&self) -> &AttachmentPointer {
        &self.attachment
    }

    /// Whether it is a voice message.
    #[must_use]
    pub const fn is_voice(&self) -> bool {
        self.voice
    }
}
