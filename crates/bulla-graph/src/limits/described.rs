//! That the description of the API tells the limits that hold.

use std::collections::{BTreeMap, BTreeSet};

use bulla_content::limits::*;
use bulla_relay::{
    MAX_CODE_MINUTES, MAX_IDEMPOTENCY_BYTES, MAX_TEMPLATE_LANGUAGE_CHARS, MAX_TEMPLATE_NAME_CHARS,
    MAX_TEMPLATE_PARAMETERS, MAX_TRACKING_CHARS,
};
use serde_json::Value;

use super::{
    MAX_ABOUT_CHARS, MAX_ANALYTICS_CHARS, MAX_ANALYTICS_POINTS, MAX_BATCH, MAX_BATCH_REPLY_BYTES,
    MAX_BLOCKED_TOGETHER, MAX_CALL_MINUTES, MAX_CALLBACK_CHARS, MAX_COMMAND_CHARS, MAX_COMMANDS,
    MAX_COMPONENTS, MAX_DESCRIPTION_CHARS, MAX_EMAIL_CHARS, MAX_FIELD_DEPTH, MAX_FIELDS,
    MAX_FORM_FIELD_BYTES, MAX_HEAD_BYTES, MAX_HINT_CHARS, MAX_LINK_CHARS, MAX_LISTED, MAX_NAME_CHARS,
    MAX_PICTURE_BYTES, MAX_PREFILLED_CHARS, MAX_PROMPT_CHARS, MAX_PROMPTS, MAX_SHORT_CHARS,
    MAX_STRANGER_BYTES, MAX_TO_CHARS, MAX_TOKEN_BYTES, MAX_TRANSLATIONS, MAX_VERIFY_TOKEN_CHARS,
    MAX_WEBHOOK_FIELD_CHARS, MAX_WEBHOOK_FIELDS, MAX_WEBSITES, QR_CODE_CHARS,
};

macro_rules! by_name {
    ($($name:ident,)+) => { BTreeMap::from([$((stringify!($name), $name as u64)),+]) };
}

/// What can stand in an `x-limit`.
fn limits() -> BTreeMap<&'static str, u64> {
    by_name! {
        MAX_ABOUT_CHARS, MAX_ANALYTICS_CHARS, MAX_ANALYTICS_POINTS, MAX_BATCH, MAX_BLOCKED_TOGETHER, MAX_BUTTON_CHARS, MAX_BUTTON_ID_CHARS,
        MAX_CALL_MINUTES, MAX_CALLBACK_CHARS, MAX_CAPTION_CHARS, MAX_CARD_BODY_CHARS, MAX_CARDS, MAX_CODE_MINUTES,
        MAX_COMMAND_CHARS, MAX_COMMANDS, MAX_COMPONENTS, MAX_CONTACT_CHARS, MAX_CONTACT_ENTRIES, MAX_CONTACTS, MAX_DESCRIPTION_CHARS,
        MAX_EMAIL_CHARS, MAX_FILENAME_CHARS, MAX_FLOW_BUTTON_CHARS, MAX_FLOW_TOKEN_CHARS, MAX_FOOTER_CHARS,
        MAX_FORM_FIELD_BYTES, MAX_HEADER_CHARS, MAX_HINT_CHARS, MAX_ID_CHARS, MAX_IDEMPOTENCY_BYTES,
        MAX_INTERACTIVE_BODY_CHARS, MAX_LINK_CHARS, MAX_LIST_BODY_CHARS, MAX_NAME_CHARS, MAX_PLACE_CHARS,
        MAX_PREFILLED_CHARS, MAX_PRODUCTS, MAX_PROMPT_CHARS, MAX_PROMPTS, MAX_REPLY_BUTTONS,
        MAX_ROW_DESCRIPTION_CHARS, MAX_ROW_ID_CHARS, MAX_ROW_TITLE_CHARS, MAX_ROWS, MAX_SECTIONS,
        MAX_SHORT_CHARS, MAX_TEMPLATE_BUTTON_CHARS, MAX_TEMPLATE_BUTTONS, MAX_TEMPLATE_LANGUAGE_CHARS,
        MAX_TEMPLATE_NAME_CHARS, MAX_TEMPLATE_PARAMETERS, MAX_TEXT_CHARS, MAX_TO_CHARS, MAX_TRACKING_CHARS,
        MAX_TRANSLATIONS, MAX_MEDIA_TYPE_CHARS, MAX_URL_CHARS, MAX_VERIFY_TOKEN_CHARS, MAX_WEBHOOK_FIELD_CHARS, MAX_WEBHOOK_FIELDS, MAX_WEBSITES,
        QR_CODE_CHARS,
    }
}

fn description() -> Value {
    serde_json::from_str(include_str!("../../openapi.json")).unwrap()
}

/// Every object in `of`, at whatever depth.
fn objects<'a>(of: &'a Value, found: &mut Vec<&'a Value>) {
    match of {
        Value::Object(fields) => {
            found.push(of);
            fields.values().for_each(|field| objects(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| objects(item, found)),
        _ => {}
    }
}

#[test]
fn every_bound_that_is_described_is_the_constant_it_names() {
    let (description, limits, mut found) = (description(), limits(), Vec::new());
    objects(&description, &mut found);
    let mut named = BTreeSet::new();
    for schema in found {
        let bound = ["maxItems", "maxLength", "maximum"].into_iter().find_map(|kind| schema[kind].as_u64());
        let Some(name) = schema["x-limit"].as_str() else {
            // What is no schema may have a property of this name, which is no number.
            let has_bound = ["maxItems", "maxLength"].iter().any(|kind| schema[*kind].is_number());
            assert!(!has_bound, "no constant is named for {schema}");
            continue;
        };
        assert_eq!(bound, limits.get(name).copied(), "{name}");
        named.insert(name);
    }
    assert_eq!(named, limits.into_keys().collect(), "limits that no bound names");
}

#[test]
fn limits_in_words_are_those_that_hold() {
    let description = description();
    let mib = MAX_BATCH_REPLY_BYTES >> 20;
    let (picture, film, sticker) =
        (MAX_IMAGE_BYTES >> 20, MAX_VIDEO_BYTES >> 20, MAX_ANIMATED_STICKER_BYTES >> 10);
    assert_eq!(MAX_AUDIO_BYTES, MAX_VIDEO_BYTES);
    let document = MAX_DOCUMENT_BYTES >> 20;
    for (place, words) in [
        ("/info/description", format!("more than {} KiB", MAX_HEAD_BYTES >> 10)),
        ("/components/parameters/Fields/description", format!("At most {MAX_FIELDS},")),
        ("/components/parameters/Limit/schema/description", format!("More than {MAX_LISTED} are")),
        ("/components/schemas/Reaction/properties/emoji/description", format!("{MAX_EMOJI_BYTES} bytes")),
        ("/components/schemas/Upload/properties/file/description", format!("{picture} MiB for a picture")),
        (
            "/components/schemas/ProfileChange/properties/profile_picture_handle/description",
            format!("at most {} MiB", MAX_PICTURE_BYTES >> 20),
        ),
        ("/components/schemas/Upload/properties/file/description", format!("{film} MiB for a film")),
        ("/components/schemas/Upload/properties/file/description", format!("{document} MiB for a document")),
        ("/components/schemas/Upload/properties/file/description", format!("{sticker} KiB for a sticker")),
        ("/components/securitySchemes/bearer/description", format!("at most {MAX_TOKEN_BYTES} bytes")),
        ("/paths/~1/get/parameters/0/description", format!("At most {MAX_BATCH},")),
        ("/paths/~1/post/description", format!("come to {mib} MiB")),
        ("/paths/~1oauth~1access_token/post/description", format!("up to {MAX_STRANGER_BYTES} bytes")),
    ] {
        let told = description.pointer(place).and_then(Value::as_str);
        assert!(told.is_some_and(|told| told.contains(&words)), "{place}: {told:?} has not {words:?}");
    }
    assert_eq!(MAX_FIELD_DEPTH, 4, "it is written out as a word");
}
