use std::fmt;

use bulla_base::{MessageId, Rng};
use zeroize::Zeroizing;

use crate::franking_opening::OPENING_BYTES;
use crate::{InvalidContent, Opening, Reaction, Receipt, RetryRequest, Text, padding, wire};

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Body {
    /// A written message.
    Text(Text),
    /// An emoji on a message.
    Reaction(Reaction),
    /// How far messages have come.
    Receipt(Receipt),
    /// Please send this message again: it could not be opened.
    RetryRequest(RetryRequest),
}

/// What is said, and what it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    body: Body,
    in_reply_to: Option<MessageId>,
}

impl Content {
    /// Says `body`, in reply to nothing.
    #[must_use]
    pub const fn new(body: Body) -> Self {
        Self { body, in_reply_to: None }
    }

    /// Says `text`.
    #[must_use]
    pub const fn text(text: Text) -> Self {
        Self::new(Body::Text(text))
    }

    /// Reads what [`Content::encode`] wrote, with the opening key that stood before it.
    ///
    /// # Errors
    /// When the bytes are too many, not padded, malformed, or say something beyond a limit.
    pub fn decode(plaintext: &[u8]) -> Result<(Self, Opening), InvalidContent> {
        let unpadded = padding::unpad(plaintext)?;
        let (opening, body) =
            unpadded.split_first_chunk::<OPENING_BYTES>().ok_or(InvalidContent::Malformed)?;
        let content = wire::decode(body)?;
        Ok((content, Opening::from_bytes(*opening)))
    }

    pub(crate) const fn from_parts(body: Body, in_reply_to: Option<MessageId>) -> Self {
        Self { body, in_reply_to }
    }

    /// Makes it an answer to the message `id`.
    #[must_use]
    pub const fn replying_to(mut self, id: MessageId) -> Self {
        self.in_reply_to = Some(id);
        self
    }

    /// What is said.
    #[must_use]
    pub const fn body(&self) -> &Body {
        &self.body
    }

    /// The message it answers, if any.
    #[must_use]
    pub const fn in_reply_to(&self) -> Option<MessageId> {
        self.in_reply_to
    }

    /// The bytes to be sealed, behind a fresh opening key from `rng`.
    ///
    /// ```text
    /// opening key (32 bytes) ‖ protobuf ‖ 0x80 ‖ zeros up to a multiple of 256
    /// ```
    #[must_use]
    pub fn encode(&self, rng: &dyn Rng) -> Encoded {
        let opening = Opening::new(rng);
        let body = Zeroizing::new(wire::encode(self));
        let mut plaintext = Zeroizing::new(Vec::with_capacity(padding::padded(OPENING_BYTES + body.len())));
        plaintext.extend_from_slice(opening.as_bytes());
        plaintext.extend_from_slice(&body);
        padding::pad(&mut plaintext);
        Encoded { plaintext, opening }
    }
}

/// A content ready to be sealed. Wiped when dropped.
pub struct Encoded {
    plaintext: Zeroizing<Vec<u8>>,
    opening: Opening,
}

impl Encoded {
    /// What is to be sealed.
    #[must_use]
    pub fn plaintext(&self) -> &[u8] {
        &self.plaintext
    }

    /// The franking tag that goes onto the envelope.
    #[must_use]
    pub fn tag(&self) -> [u8; 32] {
        self.opening.tag(&self.plaintext)
    }
}

impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plaintext, opening: _ } = self;
        write!(f, "Encoded({} bytes)", plaintext.len())
    }
}
