/// An upload that comes in several parts: what was said of it, and how much of it is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Upload {
    /// What it was said to be when it was begun, or what it is, once it is finished.
    pub media_type: String,
    /// How many bytes it will have, or has.
    pub size: u64,
    /// How many of them are there, from the first on.
    pub received: u64,
    /// Whether it is finished: it is media from then on.
    pub is_finished: bool,
}

impl Upload {
    /// One that was begun, of which nothing is there.
    #[must_use]
    pub fn new(media_type: impl Into<String>, size: u64) -> Self {
        Self { media_type: media_type.into(), size, received: 0, is_finished: false }
    }

    /// With so many bytes of it there.
    #[must_use]
    pub const fn received(mut self, received: u64) -> Self {
        self.received = received;
        self
    }

    /// With all of it there, and known as media.
    #[must_use]
    pub const fn finished(mut self) -> Self {
        self.received = self.size;
        self.is_finished = true;
        self
    }
}
