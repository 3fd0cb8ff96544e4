//! That `content.proto` is what the types do, and that nothing nests without a length.

use super::*;
use crate::{
    Action, AddressRequest, AttachmentPointer, ButtonReply, CallPermissionReply, CallPermissionRequest, Card,
    CardAction, Carousel, Catalog, Contact, ContactAddress, ContactEmail, ContactInfoRequest, ContactName,
    ContactOrganization, ContactPhone, ContactUrl, CopyCodeButton, CtaUrl, Flow, FormReply, Header,
    HeaderText, List, ListReply, ListRow, ListSection, LocationRequest, MAX_PLAINTEXT_BYTES, OrderItem,
    PhoneNumberButton, Product, ProductId, ProductList, ProductSection, QuickReplyButton, ReplyButton,
    ReplyButtons, TemplateButton, TemplateCard, UrlButton, VoiceCall,
};

macro_rules! described {
    ($($kind:ident),+ $(,)?) => {
        const MESSAGES: &[(&str, &[(&str, u32)])] = &[$(<$kind as Described>::MESSAGE),+];
    };
}

described! {
    Text, Reaction, Receipt, RetryRequest, ReferredProduct, AttachmentPointer, Image, Video, Document, Audio,
    Sticker, Location, Contacts, Contact, ContactName, ContactPhone, ContactEmail, ContactAddress,
    ContactOrganization, ContactUrl, Interactive, Header, HeaderText, Action, ReplyButtons, ReplyButton, List,
    ListSection, ListRow, CtaUrl, LocationRequest, Flow, Product, ProductList, ProductSection, ProductId,
    Catalog, AddressRequest, Carousel, Card, CardAction, CallPermissionRequest, VoiceCall, ContactInfoRequest,
    InteractiveReply, ButtonReply, ListReply, FormReply, CallPermissionReply, Template, TemplateButton,
    QuickReplyButton, UrlButton, PhoneNumberButton, CopyCodeButton, TemplateCard, QuickReply, Order, OrderItem,
    System, Edit, Revoke, Typing,
}

/// The type, name and number of a field.
type SchemaField = (String, String, u32);

/// The messages of the schema: the name of each, and its fields.
fn schema() -> Vec<(String, Vec<SchemaField>)> {
    let (mut messages, mut open) = (Vec::new(), None);
    for line in include_str!("../content.proto").lines() {
        let code = line.split("//").next().unwrap_or_default().trim();
        if let Some(name) = code.strip_prefix("message ").and_then(|rest| rest.split_whitespace().next()) {
            open = Some((name.to_owned(), Vec::new()));
        } else if let (Some((left, number)), Some((_, fields))) = (code.split_once(" = "), &mut open) {
            let mut words = left.split_whitespace().rev();
            let (name, kind) = (words.next().unwrap(), words.next().unwrap());
            let number = number.trim_end_matches(';').parse().unwrap();
            fields.push((kind.to_owned(), name.to_owned(), number));
        }
        if line == "}" || code.ends_with("{}") {
            messages.extend(open.take());
        }
    }
    messages
}

#[test]
fn the_schema_has_the_messages_and_fields_of_the_types_and_no_others() {
    let mut schema = schema();
    let content = schema.remove(0);
    assert_eq!((content.0.as_str(), schema.len()), ("Content", MESSAGES.len()));
    for (name, fields) in MESSAGES {
        let (_, described) = schema.iter().find(|(other, _)| other == name).expect(name);
        // A field is known by its name, one of several messages by its type.
        let numbers: Vec<_> = described.iter().map(|(.., number)| *number).collect();
        assert_eq!(numbers, fields.iter().map(|(_, number)| *number).collect::<Vec<_>>(), "{name}");
        for ((field, _), (kind, other, _)) in fields.iter().zip(described) {
            assert!(field == other || field == kind, "{name} has {field}, and there {kind} {other}");
        }
    }
    for (kind, number) in KINDS {
        assert!(content.1.iter().any(|(other, _, of)| other == kind && of == number), "{kind}");
        assert!(is_kind(*number));
    }
    let others = [IN_REPLY_TO, FALLBACK, QUOTED_AUTHOR, FORWARDING, PRODUCT, LOG_HEAD];
    assert_eq!(content.1.len(), KINDS.len() + others.len());
    for number in others {
        assert!(content.1.iter().any(|(.., of)| *of == number) && !is_kind(number), "{number}");
    }
}

#[test]
fn messages_and_signals_are_told_apart_by_their_numbers() {
    for number in [2, 3, 16, 95] {
        assert!(is_kind(number) && is_message(number), "{number}");
    }
    for number in [4, 5, 96, 127] {
        assert!(is_kind(number) && !is_message(number), "{number}");
    }
    for number in [0, 1, 6, 15, 128] {
        assert!(!is_kind(number) && !is_message(number), "{number}");
    }
}

/// Each byte begins a group, of a field that is not known, in the one before it. In a build in which somebody
/// had turned off the limit of the decoder that was in use then, a user's message ended the relay.
#[test]
fn however_deep_its_groups_go_a_content_is_merely_malformed() {
    assert!(matches!(read(&vec![0x7b; MAX_PLAINTEXT_BYTES]), Err(InvalidContent::Malformed)));
    // In every message of the schema, wherever that stands.
    let (schema, mut tried) = (schema(), 0);
    let mut places: Vec<_> = schema[1..].iter().map(|(name, _)| (name, vec![0x7b; 1 << 10])).collect();
    while let Some((name, bytes)) = places.pop() {
        if name == "Content" {
            assert!(matches!(read(&bytes), Err(InvalidContent::Malformed)), "place {tried}");
            tried += 1;
        }
        for (user, fields) in &schema {
            for (_, _, number) in fields.iter().filter(|(kind, ..)| kind == name) {
                let mut around = Vec::new();
                write_bytes(*number, &bytes, &mut around);
                places.push((user, around));
            }
        }
    }
    assert!(tried > 100, "only {tried} places were tried");
}
