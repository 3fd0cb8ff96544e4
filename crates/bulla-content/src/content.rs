use std::fmt;

use bulla_base::{MessageId, Rng};
use zeroize::Zeroizing;

use crate::context::Context;
use crate::franking_opening::OPENING_BYTES;
use crate::limits::{LOG_HEAD_BYTES, MAX_FALLBACK_CHARS};
use crate::{
    Body, Forwarding, InvalidContent, Opening, QuotedAuthor, ReferredProduct, Text, bounded_text, padding,
    wire,
};

/// What is said, and what stands around it: what it answers, where it is from, and what is shown of it by
/// those who do not know its kind.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    body: Body,
    context: Context,
    fallback: Option<String>,
}

impl Content {
    /// Says `body`, in reply to nothing.
    #[must_use]
    pub const fn new(body: Body) -> Self {
        let context = Context { in_reply_to: None, quoted_author: None, forwarding: None, product: None };
        Self { body, context, fallback: None }
    }

    /// Says `text`.
    #[must_use]
    pub const fn text(text: Text) -> Self {
        Self::new(Body::Text(text))
    }

    /// Reads what [`Content::encode`] wrote, with the opening key that stood before it.
    ///
    /// What a newer version wrote is read as far as this one knows it: other fields are passed over, and
    /// another kind is [`Body::Unsupported`].
    ///
    /// # Errors
    /// When the bytes are too many, not padded, malformed, or say something beyond a limit.
    ///
    /// # Cost
    /// At most [`MAX_DECODING_BYTES`](crate::limits::MAX_DECODING_BYTES) are allocated, whatever the bytes
    /// are.
    pub fn decode(plaintext: &[u8]) -> Result<(Self, Opening), InvalidContent> {
        let (content, opening, _) = Self::decode_with_log_head(plaintext)?;
        Ok((content, opening))
    }

    /// Reads it as [`Content::decode`] does, with what its sender has seen of the carrier's log of keys.
    ///
    /// # Errors
    /// As [`Content::decode`]. A head of another length is passed over.
    pub fn decode_with_log_head(
        plaintext: &[u8],
    ) -> Result<(Self, Opening, Option<[u8; LOG_HEAD_BYTES]>), InvalidContent> {
        let unpadded = padding::unpad(plaintext)?;
        let (opening, body) =
            unpadded.split_first_chunk::<OPENING_BYTES>().ok_or(InvalidContent::Malformed)?;
        let (content, log_head) = wire::read(body)?;
        Ok((content, Opening::from_bytes(*opening), log_head))
    }

    pub(crate) const fn from_parts(body: Body, context: Context, fallback: Option<String>) -> Self {
        Self { body, context, fallback }
    }

    /// Makes it an answer to the message `id`.
    #[must_use]
    pub const fn replying_to(mut self, id: MessageId) -> Self {
        self.context.in_reply_to = Some(id);
        self
    }

    /// Says who wrote the message that it answers.
    #[must_use]
    pub const fn quoting(mut self, author: QuotedAuthor) -> Self {
        self.context.quoted_author = Some(author);
        self
    }

    /// Says that it was written to somebody else, and is passed on.
    #[must_use]
    pub const fn forwarded(mut self, forwarding: Forwarding) -> Self {
        self.context.forwarding = Some(forwarding);
        self
    }

    /// Says which product it asks about.
    #[must_use]
    pub fn about_product(mut self, product: ReferredProduct) -> Self {
        self.context.product = Some(product);
        self
    }

    /// Has those who do not know its kind show `text`; an empty one is none. Those who know it do not show
    /// it.
    ///
    /// # Errors
    /// When it is longer than [`MAX_FALLBACK_CHARS`].
    pub fn with_fallback(mut self, text: impl Into<String>) -> Result<Self, InvalidContent> {
        self.fallback = Some(text.into());
        bounded_text::optional("fallback", MAX_FALLBACK_CHARS, &mut self.fallback)?;
        Ok(self)
    }

    /// What is said.
    #[must_use]
    pub const fn body(&self) -> &Body {
        &self.body
    }

    /// The message it answers, if any.
    #[must_use]
    pub const fn in_reply_to(&self) -> Option<MessageId> {
        self.context.in_reply_to
    }

    /// Who wrote the message it answers, if that was said.
    #[must_use]
    pub const fn quoted_author(&self) -> Option<QuotedAuthor> {
        self.context.quoted_author
    }

    /// Whether it was written to somebody else, and passed on.
    #[must_use]
    pub const fn forwarding(&self) -> Option<Forwarding> {
        self.context.forwarding
    }

    /// The product it asks about, if any.
    #[must_use]
    pub const fn product(&self) -> Option<&ReferredProduct> {
        self.context.product.as_ref()
    }

    /// What is shown in its place by those who do not know its kind, if its sender wrote something.
    #[must_use]
    pub fn fallback(&self) -> Option<&str> {
        self.fallback.as_deref()
    }

    pub(crate) const fn context(&self) -> &Context {
        &self.context
    }

    /// The bytes to be sealed, behind a fresh opening key from `rng`.
    ///
    /// ```text
    /// opening key (32 bytes) ‖ protobuf ‖ 0x80 ‖ zeros up to a multiple of 256
    /// ```
    #[must_use]
    pub fn encode(&self, rng: &dyn Rng) -> Encoded {
        self.encode_with_log_head(None, rng)
    }

    /// The same, with what the sender has seen of the carrier's log of keys: a signed head, beside what is
    /// said.
    ///
    /// # Cost
    /// 106 bytes more, before the padding.
    #[must_use]
    pub fn encode_with_log_head(&self, log_head: Option<&[u8; LOG_HEAD_BYTES]>, rng: &dyn Rng) -> Encoded {
        let opening = Opening::new(rng);
        // As long as it will be from the start: a buffer that had to grow would leave a copy behind.
        let length = padding::padded(OPENING_BYTES + wire::size(self, log_head));
        let mut plaintext = Zeroizing::new(Vec::with_capacity(length));
        plaintext.extend_from_slice(opening.as_bytes());
        wire::write(self, log_head, &mut plaintext);
        padding::pad(&mut plaintext);
        Encoded { plaintext, opening }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { body, context, fallback } = self;
        let Context { in_reply_to, quoted_author: _, forwarding: _, product: _ } = context;
        let mut debug = f.debug_struct("Content");
        debug.field("body", body).field("in_reply_to", in_reply_to);
        if let Some(text) = fallback {
            debug.field("fallback_bytes", &text.len());
        }
        debug.finish()
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
