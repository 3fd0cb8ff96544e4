//! The fields of a request to `messages` that mean something here.

use super::contacts::ContactFields;
use super::interactive::InteractiveFields;
use super::json_field::{List, Object, Text, Word, fields};
use super::location::LocationFields;
use super::media_message::MediaFields;
use super::template_message::TemplateFields;
use bulla_content::limits::MAX_CONTACTS;

fields! {
    /// The fields of a request.
    struct MessageFields<'de> {
        messaging_product: Text<'de> = "messaging_product",
        recipient_type: Text<'de> = "recipient_type",
        to: Word<'de> = "to",
        recipient: Text<'de> = "recipient",
        kind: Text<'de> = "type",
        text: Object<TextFields<'de>> = "text",
        reaction: Object<ReactionFields<'de>> = "reaction",
        location: Object<LocationFields<'de>> = "location",
        contacts: List<Object<ContactFields<'de>>, MAX_CONTACTS> = "contacts",
        interactive: Object<InteractiveFields<'de>> = "interactive",
        image: Object<MediaFields<'de>> = "image",
        video: Object<MediaFields<'de>> = "video",
        audio: Object<MediaFields<'de>> = "audio",
        document: Object<MediaFields<'de>> = "document",
        sticker: Object<MediaFields<'de>> = "sticker",
        template: Object<TemplateFields<'de>> = "template",
        context: Object<ContextFields<'de>> = "context",
        tracking: Text<'de> = "biz_opaque_callback_data",
        status: Text<'de> = "status",
        message_id: Text<'de> = "message_id",
        typing_indicator: Object<TypingFields<'de>> = "typing_indicator",
    }
}

fields! {
    /// The fields of `typing_indicator`.
    struct TypingFields<'de> {
        kind: Text<'de> = "type",
    }
}

fields! {
    /// The fields of `text`.
    struct TextFields<'de> {
        body: Text<'de> = "body",
        preview_url: bool = "preview_url",
    }
}

fields! {
    /// The fields of `reaction`.
    struct ReactionFields<'de> {
        message_id: Text<'de> = "message_id",
        emoji: Text<'de> = "emoji",
    }
}

fields! {
    /// The fields of `context`.
    struct ContextFields<'de> {
        message_id: Text<'de> = "message_id",
    }
}
