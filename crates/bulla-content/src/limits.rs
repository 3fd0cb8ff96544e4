//! What a message can be too much of. Whatever is beyond is refused whole; nothing is cut.

/// The longest text, in characters (Unicode scalar values).
pub const MAX_TEXT_CHARS: usize = 4096;

/// The longest reaction, in bytes of UTF-8: enough for any one emoji with all its joiners and modifiers.
pub const MAX_EMOJI_BYTES: usize = 64;

/// The most messages one receipt tells about.
pub const MAX_RECEIPT_IDS: usize = 256;

/// Contents are padded to a multiple of this, in bytes. A larger step hides more and costs half of it per
/// message on average.
pub const PADDING_STEP: usize = 256;

/// The longest padded content, in bytes.
pub const MAX_PLAINTEXT_BYTES: usize = 64 * 1024;
