/// A sender's commitment to what an envelope holds: an HMAC-SHA-256 under a key that travels inside.
///
/// The carrier keeps nothing of it. When a user reports a message, they reveal content and key, and the
/// carrier can tell that this, and nothing else, is what the business sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FrankingTag([u8; 32]);

impl FrankingTag {
    /// The tag with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The tag's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// What the carrier puts beside an envelope that it accepts: with it the recipient can show later what was
/// sent. Only the carrier can make or check one; `bulla-integrity` says what it binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FrankingStamp([u8; Self::BYTES]);

impl FrankingStamp {
    /// How many bytes it has.
    pub const BYTES: usize = 44;

    /// The stamp with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The stamp's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}
