//! What a message can be too much of. Whatever is beyond is refused whole; nothing is cut.
//!
//! The numbers of what businesses send are those of the API that is served. Characters are Unicode scalar
//! values, bytes of text are UTF-8.

use std::time::Duration;

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

/// The most that a kind with parts of its own may have when it is encoded, in bytes. What is left up to
/// [`MAX_PLAINTEXT_BYTES`] has room for the opening key, the context, the fallback text and the padding.
pub const MAX_BODY_BYTES: usize = 56 * 1024;

/// How many bytes a signed head of the carrier's log of keys has, as `bulla-transparency` writes it. What has
/// more or fewer in its place is passed over.
pub const LOG_HEAD_BYTES: usize = 104;

/// The longest text for devices that do not know the kind, in characters.
pub const MAX_FALLBACK_CHARS: usize = 1024;

/// What reading a content allocates at the same time, in bytes, at most, whatever is in it: 32 times the
/// longest content. Contacts with as many entries as may be come nearest; a text takes what it is long.
pub const MAX_DECODING_BYTES: usize = 32 * MAX_PLAINTEXT_BYTES;

/// The longest name by which a carrier knows an attachment, in characters.
pub const MAX_LOCATOR_CHARS: usize = 256;

/// The longest media type, in characters, with its parameters.
pub const MAX_MEDIA_TYPE_CHARS: usize = 255;

/// The largest image, in bytes before it is sealed, as are those below.
pub const MAX_IMAGE_BYTES: u64 = 5 << 20;

/// The largest video, in bytes.
pub const MAX_VIDEO_BYTES: u64 = 16 << 20;

/// The largest audio, in bytes.
pub const MAX_AUDIO_BYTES: u64 = 16 << 20;

/// The largest document, in bytes.
pub const MAX_DOCUMENT_BYTES: u64 = 100 << 20;

/// The largest sticker that does not move, in bytes.
pub const MAX_STICKER_BYTES: u64 = 100 << 10;

/// The largest sticker that moves, in bytes.
pub const MAX_ANIMATED_STICKER_BYTES: u64 = 500 << 10;

/// The largest attachment of any kind, in bytes before it is sealed.
pub const MAX_ATTACHMENT_BYTES: u64 = MAX_DOCUMENT_BYTES;

/// The largest attachment once it is sealed, in bytes: with its padding, and a tag for each of its chunks. A
/// carrier need take no larger one.
pub const MAX_SEALED_ATTACHMENT_BYTES: u64 = 104_883_200;

/// Attachments are sealed in chunks of this, in bytes; the last may be shorter. Who seals or opens one holds
/// one chunk. A larger one takes more memory, a smaller one more tags: these are 0.024 % of the whole.
pub const ATTACHMENT_CHUNK_BYTES: usize = 64 * 1024;

/// An attachment is padded to this at least, in bytes. A larger one hides more of small attachments and costs
/// each of them as much.
pub const MIN_PADDED_ATTACHMENT_BYTES: u64 = 4 * 1024;

/// The longest caption of an image, a video or a document, in characters.
pub const MAX_CAPTION_CHARS: usize = 1024;

/// The longest name of a document's file, in characters.
pub const MAX_FILENAME_CHARS: usize = 255;

/// The longest name and the longest address of a place, in characters.
pub const MAX_PLACE_CHARS: usize = 1024;

/// The longest link, in characters.
pub const MAX_URL_CHARS: usize = 2000;

/// The most contacts in one message.
pub const MAX_CONTACTS: usize = 257;

/// The most numbers, addresses, links and so on of one sort that a contact has.
pub const MAX_CONTACT_ENTRIES: usize = 10;

/// The longest text in a contact, in characters: a name, a street and so on. Links are bounded as others.
pub const MAX_CONTACT_CHARS: usize = 256;

/// The longest body of an interactive message, in characters.
pub const MAX_INTERACTIVE_BODY_CHARS: usize = 1024;

/// The longest body of an interactive message with a list, in characters.
pub const MAX_LIST_BODY_CHARS: usize = 4096;

/// The longest header of words, in characters.
pub const MAX_HEADER_CHARS: usize = 60;

/// The longest footer, in characters.
pub const MAX_FOOTER_CHARS: usize = 60;

/// The most reply buttons.
pub const MAX_REPLY_BUTTONS: usize = 3;

/// The longest id of a reply button, in characters.
pub const MAX_BUTTON_ID_CHARS: usize = 256;

/// The longest title of a button, in characters.
pub const MAX_BUTTON_CHARS: usize = 20;

/// The most sections of a list, and of a list of products.
pub const MAX_SECTIONS: usize = 10;

/// The most rows of a list, in all of its sections together.
pub const MAX_ROWS: usize = 10;

/// The longest title of a section or a row, in characters.
pub const MAX_ROW_TITLE_CHARS: usize = 24;

/// The longest id of a row, in characters.
pub const MAX_ROW_ID_CHARS: usize = 200;

/// The longest description of a row, in characters.
pub const MAX_ROW_DESCRIPTION_CHARS: usize = 72;

/// The most products of a list, in all of its sections together.
pub const MAX_PRODUCTS: usize = 30;

/// The longest id of a catalog, of a product or of a flow, in characters.
pub const MAX_ID_CHARS: usize = 128;

/// The longest button that opens a flow, in characters.
pub const MAX_FLOW_BUTTON_CHARS: usize = 30;

/// The longest token of a flow, in characters.
pub const MAX_FLOW_TOKEN_CHARS: usize = 1024;

/// The longest JSON that a flow or a form begins with, or that comes back of one, in bytes.
pub const MAX_JSON_BYTES: usize = 32 * 1024;

/// The fewest cards of a carousel.
pub const MIN_CARDS: usize = 2;

/// The most cards of a carousel.
pub const MAX_CARDS: usize = 10;

/// The longest body of a card, in characters.
pub const MAX_CARD_BODY_CHARS: usize = 160;

/// The longest text that comes back unseen when somebody taps a button, in characters.
pub const MAX_PAYLOAD_CHARS: usize = 512;

/// The longest body of a template that has other parts too, in characters.
pub const MAX_TEMPLATE_BODY_CHARS: usize = 1024;

/// The longest body of a template that has no other part, in characters. In letters of three or four bytes
/// [`MAX_BODY_BYTES`] ends it before.
pub const MAX_LONE_TEMPLATE_BODY_CHARS: usize = 32_768;

/// The most buttons of a template, and of one of its cards.
pub const MAX_TEMPLATE_BUTTONS: usize = 10;

/// The longest title of a template's button, in characters.
pub const MAX_TEMPLATE_BUTTON_CHARS: usize = 25;

/// The longest code that a button copies, in characters.
pub const MAX_CODE_CHARS: usize = 20;

/// For how long a device shows that an answer is being written, when none comes.
pub const TYPING_SHOWN: Duration = Duration::from_secs(25);

/// The most items of an order.
pub const MAX_ORDER_ITEMS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_beside_a_body_fits_into_a_content() {
        let product = 2 * 4 * MAX_ID_CHARS + 16;
        let beside = 32 + 18 + 4 * MAX_FALLBACK_CHARS + 4 + 4 + product + LOG_HEAD_BYTES + 18 + PADDING_STEP;
        assert!(MAX_BODY_BYTES + beside <= MAX_PLAINTEXT_BYTES, "{beside}");
    }
}
