//! What is at a limit is taken, and what is one past it is refused with the name of the field and the limit.

use bulla_base::SeededRng;
use bulla_content::limits::*;
use bulla_content::*;

use crate::comes_back;
use crate::samples::{
    buttons, card, contact, header, id, image, interactive, number, pointer, products, rows, section,
};

type Made = Result<Body, InvalidContent>;

/// A field, what is counted, how many there may be, and a content with so many.
type Row = (&'static str, &'static str, usize, fn(usize) -> Made);

fn x(count: usize) -> String {
    "x".repeat(count)
}

fn tapped(action: Action) -> Made {
    Interactive::new("x", action).map(|one| Body::Interactive(Box::new(one)))
}

fn template(template: Result<Template, InvalidContent>) -> Made {
    template.map(|one| Body::Template(Box::new(one)))
}

fn contacts(contact: Result<Contact, InvalidContent>) -> Made {
    Contacts::new(vec![contact?]).map(Body::Contacts)
}

fn place() -> Location {
    Location::new(1.0, 1.0).unwrap()
}

fn document() -> Document {
    Document::new(pointer(1, "text/plain")).unwrap()
}

fn flow() -> Flow {
    Flow::new("1", "x", FlowMode::Navigate).unwrap()
}

fn quick_reply() -> TemplateButton {
    TemplateButton::QuickReply(QuickReplyButton::new("x", "").unwrap())
}

fn below(button: Result<TemplateButton, InvalidContent>) -> Made {
    template(Template::new("x")?.with_buttons(vec![button?]))
}

fn attached(locator: usize, media_type: &str) -> Made {
    let key = AttachmentKey::from_bytes([1; 32]);
    Document::new(AttachmentPointer::new(x(locator), key, [2; 32], 1, media_type)?).map(Body::Document)
}

/// Those that count characters, or what is in a list.
const COUNTED: &[Row] = &[
    ("text", "characters", MAX_TEXT_CHARS, |n| Text::new(x(n)).map(Body::Text)),
    ("receipt", "messages", MAX_RECEIPT_IDS, |n| {
        Receipt::new(Progress::Read, vec![id(1); n]).map(Body::Receipt)
    }),
    ("attachment.locator", "characters", MAX_LOCATOR_CHARS, |n| attached(n, "a/b")),
    ("attachment.media_type", "characters", MAX_MEDIA_TYPE_CHARS, |n| {
        attached(1, &format!("a/{}", x(n - 2)))
    }),
    ("image.caption", "characters", MAX_CAPTION_CHARS, |n| image().with_caption(x(n)).map(Body::Image)),
    ("video.caption", "characters", MAX_CAPTION_CHARS, |n| {
        Video::new(pointer(1, "video/mp4"))?.with_caption(x(n)).map(Body::Video)
    }),
    ("document.caption", "characters", MAX_CAPTION_CHARS, |n| {
        document().with_caption(x(n)).map(Body::Document)
    }),
    ("document.filename", "characters", MAX_FILENAME_CHARS, |n| {
        document().with_filename(x(n)).map(Body::Document)
    }),
    ("location.name", "characters", MAX_PLACE_CHARS, |n| place().with_name(x(n)).map(Body::Location)),
    ("location.address", "characters", MAX_PLACE_CHARS, |n| place().with_address(x(n)).map(Body::Location)),
    ("location.url", "characters", MAX_URL_CHARS, |n| place().with_url(x(n)).map(Body::Location)),
    ("contacts", "contacts", MAX_CONTACTS, |n| Contacts::new(vec![contact(); n]).map(Body::Contacts)),
    ("contacts.name.formatted_name", "characters", MAX_CONTACT_CHARS, |n| {
        contacts(Contact::new(ContactName::new(x(n))?.with_last("x")?))
    }),
    ("contacts.name.first_name", "characters", MAX_CONTACT_CHARS, |n| {
        contacts(Contact::new(ContactName::new("x")?.with_first(x(n))?))
    }),
    ("contacts.phones", "numbers", MAX_CONTACT_ENTRIES, |n| {
        contacts((0..n).try_fold(contact(), |one, _| one.with_phone(ContactPhone::of_user(number()))))
    }),
    ("contacts.phones.phone", "characters", MAX_CONTACT_CHARS, |n| {
        contacts(contact().with_phone(ContactPhone::new(x(n))?))
    }),
    ("contacts.emails", "addresses", MAX_CONTACT_ENTRIES, |n| {
        contacts((0..n).try_fold(contact(), |one, _| one.with_email(ContactEmail::new("x")?)))
    }),
    ("contacts.emails.email", "characters", MAX_CONTACT_CHARS, |n| {
        contacts(contact().with_email(ContactEmail::new(x(n))?))
    }),
    ("contacts.addresses", "addresses", MAX_CONTACT_ENTRIES, |n| {
        contacts((0..n).try_fold(contact(), |one, _| one.with_address(ContactAddress::new())))
    }),
    ("contacts.addresses.street", "characters", MAX_CONTACT_CHARS, |n| {
        contacts(contact().with_address(ContactAddress::new().with_street(x(n))?))
    }),
    ("contacts.org.company", "characters", MAX_CONTACT_CHARS, |n| {
        contacts(Ok(contact().with_organization(ContactOrganization::new().with_company(x(n))?)))
    }),
    ("contacts.urls", "links", MAX_CONTACT_ENTRIES, |n| {
        contacts((0..n).try_fold(contact(), |one, _| one.with_url(ContactUrl::new("x")?)))
    }),
    ("contacts.urls.url", "characters", MAX_URL_CHARS, |n| {
        contacts(contact().with_url(ContactUrl::new(x(n))?))
    }),
    ("interactive.body.text", "characters", MAX_INTERACTIVE_BODY_CHARS, |n| {
        Interactive::new(x(n), Action::Buttons(buttons(1))).map(|one| Body::Interactive(Box::new(one)))
    }),
    ("interactive.body.text", "characters", MAX_LIST_BODY_CHARS, |n| {
        let list = Action::List(List::new("x", vec![section(0, 1)])?);
        Interactive::new(x(n), list).map(|one| Body::Interactive(Box::new(one)))
    }),
    ("interactive.footer.text", "characters", MAX_FOOTER_CHARS, |n| {
        let one = interactive(Action::Buttons(buttons(1))).with_footer(x(n))?;
        Ok(Body::Interactive(Box::new(one)))
    }),
    ("header.text", "characters", MAX_HEADER_CHARS, |n| {
        template(Template::new("x")?.with_header(Header::Text(HeaderText::new(x(n))?)))
    }),
    ("interactive.action.buttons", "buttons", MAX_REPLY_BUTTONS, |n| {
        let button = |place: usize| ReplyButton::new(place.to_string(), place.to_string());
        tapped(Action::Buttons(ReplyButtons::new((0..n).map(button).collect::<Result<_, _>>()?)?))
    }),
    ("interactive.action.buttons.reply.id", "characters", MAX_BUTTON_ID_CHARS, |n| {
        tapped(Action::Buttons(ReplyButtons::new(vec![ReplyButton::new(x(n), "x")?])?))
    }),
    ("interactive.action.buttons.reply.title", "characters", MAX_BUTTON_CHARS, |n| {
        tapped(Action::Buttons(ReplyButtons::new(vec![ReplyButton::new("x", x(n))?])?))
    }),
    ("interactive.action.button", "characters", MAX_BUTTON_CHARS, |n| {
        tapped(Action::List(List::new(x(n), vec![section(0, 1)])?))
    }),
    ("interactive.action.sections", "sections", MAX_SECTIONS, |n| {
        tapped(Action::List(List::new("x", (0..n).map(|place| section(place, 1)).collect())?))
    }),
    ("interactive.action.sections.title", "characters", MAX_ROW_TITLE_CHARS, |n| {
        tapped(Action::List(List::new("x", vec![section(0, 1).with_title(x(n))?])?))
    }),
    // In two sections.
    ("interactive.action.sections.rows", "rows", MAX_ROWS, |n| {
        tapped(Action::List(List::new("x", vec![section(0, 4), section(4, n - 4)])?))
    }),
    ("interactive.action.sections.rows", "rows", MAX_ROWS, |n| {
        tapped(Action::List(List::new("x", vec![ListSection::new(rows(0, n))?])?))
    }),
    ("interactive.action.sections.rows.id", "characters", MAX_ROW_ID_CHARS, |n| {
        tapped(Action::List(List::new("x", vec![ListSection::new(vec![ListRow::new(x(n), "x")?])?])?))
    }),
    ("interactive.action.sections.rows.title", "characters", MAX_ROW_TITLE_CHARS, |n| {
        tapped(Action::List(List::new("x", vec![ListSection::new(vec![ListRow::new("x", x(n))?])?])?))
    }),
    ("interactive.action.sections.rows.description", "characters", MAX_ROW_DESCRIPTION_CHARS, |n| {
        let row = ListRow::new("x", "x")?.with_description(x(n))?;
        tapped(Action::List(List::new("x", vec![ListSection::new(vec![row])?])?))
    }),
    ("interactive.action.parameters.display_text", "characters", MAX_BUTTON_CHARS, |n| {
        tapped(Action::CtaUrl(CtaUrl::new(x(n), "x")?))
    }),
    ("interactive.action.parameters.url", "characters", MAX_URL_CHARS, |n| {
        tapped(Action::CtaUrl(CtaUrl::new("x", x(n))?))
    }),
    ("interactive.action.parameters.flow_id", "characters", MAX_ID_CHARS, |n| {
        tapped(Action::Flow(Flow::new(x(n), "x", FlowMode::Navigate)?))
    }),
    ("interactive.action.parameters.flow_cta", "characters", MAX_FLOW_BUTTON_CHARS, |n| {
        tapped(Action::Flow(Flow::new("x", x(n), FlowMode::Navigate)?))
    }),
    ("interactive.action.parameters.flow_token", "characters", MAX_FLOW_TOKEN_CHARS, |n| {
        tapped(Action::Flow(flow().with_token(x(n))?))
    }),
    ("interactive.action.parameters.flow_action_payload.screen", "characters", MAX_ID_CHARS, |n| {
        tapped(Action::Flow(flow().with_screen(x(n))?))
    }),
    ("interactive.action.parameters.flow_action_payload.data", "characters", MAX_JSON_BYTES, |n| {
        tapped(Action::Flow(flow().with_data(x(n))?))
    }),
    ("interactive.action.catalog_id", "characters", MAX_ID_CHARS, |n| {
        tapped(Action::Product(Product::new(x(n), "x")?))
    }),
    ("interactive.action.product_retailer_id", "characters", MAX_ID_CHARS, |n| {
        tapped(Action::Product(Product::new("x", x(n))?))
    }),
    ("interactive.action.sections.product_items", "products", MAX_PRODUCTS, |n| {
        let sections = vec![
            ProductSection::new(products(20))?.with_title("x")?,
            ProductSection::new(products(n - 20))?.with_title("x")?,
        ];
        let one = Interactive::with_products("x", "x", ProductList::new("x", sections)?)?;
        Ok(Body::Interactive(Box::new(one)))
    }),
    ("interactive.action.parameters.thumbnail_product_retailer_id", "characters", MAX_ID_CHARS, |n| {
        tapped(Action::Catalog(Catalog::new().with_thumbnail(x(n))?))
    }),
    ("interactive.action.parameters", "characters", MAX_JSON_BYTES, |n| {
        tapped(Action::Address(AddressRequest::new("IN")?.with_parameters(x(n))?))
    }),
    ("interactive.action.parameters.payload", "characters", MAX_PAYLOAD_CHARS, |n| {
        tapped(Action::VoiceCall(VoiceCall::new("x")?.with_payload(x(n))?))
    }),
    ("interactive.action.cards", "cards", MAX_CARDS, |n| {
        tapped(Action::Carousel(Carousel::new(vec![card(); n])?))
    }),
    ("interactive.action.cards.body.text", "characters", MAX_CARD_BODY_CHARS, |n| {
        tapped(Action::Carousel(Carousel::new(vec![card().with_body(x(n))?; 2])?))
    }),
    ("interactive.button_reply.id", "characters", MAX_BUTTON_ID_CHARS, |n| {
        Ok(Body::InteractiveReply(InteractiveReply::Button(ButtonReply::new(x(n), "x")?)))
    }),
    ("interactive.list_reply.id", "characters", MAX_ROW_ID_CHARS, |n| {
        Ok(Body::InteractiveReply(InteractiveReply::List(ListReply::new(x(n), "x")?)))
    }),
    ("interactive.nfm_reply.response_json", "characters", MAX_JSON_BYTES, |n| {
        Ok(Body::InteractiveReply(InteractiveReply::Form(FormReply::new("flow", x(n))?)))
    }),
    ("button.payload", "characters", MAX_PAYLOAD_CHARS, |n| QuickReply::new(x(n), "x").map(Body::QuickReply)),
    ("button.text", "characters", MAX_TEMPLATE_BUTTON_CHARS, |n| {
        QuickReply::new("", x(n)).map(Body::QuickReply)
    }),
    ("template.body", "characters", MAX_LONE_TEMPLATE_BODY_CHARS, |n| template(Template::new(x(n)))),
    ("template.body", "characters", MAX_TEMPLATE_BODY_CHARS, |n| {
        template(Template::new(x(n))?.with_header(header("x")))
    }),
    ("template.footer", "characters", MAX_FOOTER_CHARS, |n| template(Template::new("x")?.with_footer(x(n)))),
    ("template.buttons", "buttons", MAX_TEMPLATE_BUTTONS, |n| {
        template(Template::new("x")?.with_buttons(vec![quick_reply(); n]))
    }),
    ("template.buttons.text", "characters", MAX_TEMPLATE_BUTTON_CHARS, |n| {
        below(QuickReplyButton::new(x(n), "").map(TemplateButton::QuickReply))
    }),
    ("template.buttons.payload", "characters", MAX_PAYLOAD_CHARS, |n| {
        below(QuickReplyButton::new("x", x(n)).map(TemplateButton::QuickReply))
    }),
    ("template.buttons.url", "characters", MAX_URL_CHARS, |n| {
        below(UrlButton::new("x", x(n)).map(TemplateButton::Url))
    }),
    ("template.buttons.code", "characters", MAX_CODE_CHARS, |n| {
        below(CopyCodeButton::new("x", x(n)).map(TemplateButton::CopyCode))
    }),
    ("template.cards", "cards", MAX_CARDS, |n| {
        let card = TemplateCard::new(Header::Image(image()), Vec::new())?;
        template(Template::new("x")?.with_cards(vec![card; n]))
    }),
    ("template.cards.body", "characters", MAX_CARD_BODY_CHARS, |n| {
        let card = TemplateCard::new(Header::Image(image()), Vec::new())?.with_body(x(n))?;
        template(Template::new("x")?.with_cards(vec![card; 2]))
    }),
    ("order.catalog_id", "characters", MAX_ID_CHARS, |n| {
        Order::new(x(n), vec![OrderItem::new("x", 1, 0, "EUR")?]).map(Body::Order)
    }),
    ("order.text", "characters", MAX_CAPTION_CHARS, |n| {
        Order::new("x", vec![OrderItem::new("x", 1, 0, "EUR")?])?.with_text(x(n)).map(Body::Order)
    }),
    ("order.product_items", "items", MAX_ORDER_ITEMS, |n| {
        Order::new("x", vec![OrderItem::new("x", 1, 0, "EUR")?; n]).map(Body::Order)
    }),
    ("system.body", "characters", MAX_CAPTION_CHARS, |n| {
        System::new(SystemEvent::NumberChanged, x(n)).map(Body::System)
    }),
];

#[test]
fn what_is_at_a_limit_comes_back_and_one_more_is_refused_by_name_and_number() {
    for (field, unit, limit, made) in COUNTED {
        let at = made(*limit);
        comes_back(&Content::new(at.unwrap_or_else(|why| panic!("{field} of {limit}: {why}"))));
        let (field, unit, limit) = (*field, *unit, *limit);
        let past = InvalidContent::TooLong { field, unit, actual: limit + 1, limit };
        assert_eq!(made(limit + 1), Err(past));
    }
}

#[test]
fn attachments_are_as_large_as_their_kind_may_be() {
    type Kind = (&'static str, u64, &'static str, fn(AttachmentPointer) -> Made);
    let kinds: [Kind; 6] = [
        ("image", MAX_IMAGE_BYTES, "image/png", |at| Image::new(at).map(Body::Image)),
        ("video", MAX_VIDEO_BYTES, "video/mp4", |at| Video::new(at).map(Body::Video)),
        ("audio", MAX_AUDIO_BYTES, "audio/aac", |at| Audio::new(at).map(Body::Audio)),
        ("sticker", MAX_STICKER_BYTES, "image/webp", |at| Sticker::new(at, false).map(Body::Sticker)),
        ("sticker", MAX_ANIMATED_STICKER_BYTES, "image/webp", |at| Sticker::new(at, true).map(Body::Sticker)),
        ("document", MAX_DOCUMENT_BYTES, "x/y", |at| Document::new(at).map(Body::Document)),
    ];
    for (field, limit, media_type, made) in kinds {
        comes_back(&Content::new(made(pointer(limit, media_type)).unwrap()));
        let key = AttachmentKey::from_bytes([7; 32]);
        let past =
            AttachmentPointer::new("x", key, [9; 32], limit + 1, media_type).and_then(made).unwrap_err();
        let text = format!("{field} has {} bytes, more than the {limit} allowed", limit + 1);
        // The largest kind is as large as any attachment, and that is seen first.
        assert_eq!(past.to_string().replace("attachment", "document"), text);
        if field != "document" {
            let other = made(pointer(1, "text/plain")).unwrap_err();
            assert!(
                other.to_string().starts_with(&format!("{field}.media_type is not a type of ")),
                "{other}"
            );
        }
    }
}

#[test]
fn a_content_around_a_body_has_limits_too() {
    let content = || Content::text(Text::new("x").unwrap());
    comes_back(&content().with_fallback(x(MAX_FALLBACK_CHARS)).unwrap());
    let past = content().with_fallback(x(MAX_FALLBACK_CHARS + 1)).unwrap_err();
    assert_eq!(past.to_string(), "fallback has 1025 characters, more than the 1024 allowed");
    assert_eq!(content().with_fallback("").unwrap(), content());
    comes_back(&content().about_product(ReferredProduct::new(x(MAX_ID_CHARS), x(MAX_ID_CHARS)).unwrap()));
    let past = ReferredProduct::new("x", x(MAX_ID_CHARS + 1)).unwrap_err();
    let text = "context.referred_product.product_retailer_id has 129 characters, more than the 128 allowed";
    assert_eq!(past.to_string(), text);
}

/// In letters of four bytes the limits of characters come to more than a content has room for.
#[test]
fn a_body_is_as_long_as_may_be_in_bytes_and_then_still_fits_with_all_around_it() {
    let body = |bytes: usize| Template::new("👋".repeat(bytes / 4));
    // Key and length of the one field take four bytes.
    let longest = body(MAX_BODY_BYTES - 4).unwrap();
    let product = ReferredProduct::new("👋".repeat(MAX_ID_CHARS), "👋".repeat(MAX_ID_CHARS)).unwrap();
    let content = Content::new(Body::Template(Box::new(longest))).replying_to(id(1)).about_product(product);
    let content = content.quoting(QuotedAuthor::Sender).forwarded(Forwarding::Forwarded);
    let content = content.with_fallback("👋".repeat(MAX_FALLBACK_CHARS)).unwrap();
    comes_back(&content);
    assert!(content.encode(&SeededRng::new(1)).plaintext().len() <= MAX_PLAINTEXT_BYTES);
    let past = body(MAX_BODY_BYTES).unwrap_err();
    assert_eq!(past.to_string(), "template has 57348 bytes, more than the 57344 allowed");
    let name = || ContactName::new(x(MAX_CONTACT_CHARS)).unwrap().with_first("x").unwrap();
    let many = Contacts::new(vec![Contact::new(name()).unwrap(); MAX_CONTACTS]).unwrap_err();
    assert!(many.to_string().starts_with("contacts has 68") && many.to_string().contains("57344"), "{many}");
}

#[test]
fn what_has_to_be_there_and_is_not_is_named() {
    let list = |sections| {
        List::new("x", sections).map(|list| Body::Interactive(Box::new(interactive(Action::List(list)))))
    };
    let untitled = || ListSection::new(rows(0, 1)).unwrap();
    let table: Vec<(&str, Made)> = vec![
        (
            "interactive.body.text is empty",
            Interactive::new("", Action::Buttons(buttons(1))).map(|_| unreachable!()),
        ),
        ("interactive.action.buttons is empty", ReplyButtons::new(Vec::new()).map(|_| unreachable!())),
        ("interactive.action.sections is empty", list(Vec::new())),
        ("interactive.action.sections.title is empty", list(vec![section(0, 1), untitled()])),
        ("interactive.action.sections.rows is empty", ListSection::new(Vec::new()).map(|_| unreachable!())),
        (
            "interactive.header is empty",
            tapped(Action::ProductList(
                ProductList::new("x", vec![ProductSection::new(products(1)).unwrap()]).unwrap(),
            )),
        ),
        ("template.body is empty", template(Template::new(""))),
        ("contacts is empty", Contacts::new(Vec::new()).map(Body::Contacts)),
        ("contacts.phones.phone is empty", ContactPhone::new("").map(|_| unreachable!())),
        ("contacts.name.formatted_name is empty", ContactName::new("").map(|_| unreachable!())),
        ("order.product_items is empty", Order::new("x", Vec::new()).map(Body::Order)),
        ("order.product_items.quantity is empty", OrderItem::new("x", 0, 1, "EUR").map(|_| unreachable!())),
        ("interactive.nfm_reply.response_json is empty", FormReply::new("flow", "").map(|_| unreachable!())),
        (
            "interactive.action.cards has 1 cards, fewer than the 2 it takes",
            Carousel::new(vec![card()]).map(|_| unreachable!()),
        ),
        (
            "attachment is empty",
            AttachmentPointer::new("x", AttachmentKey::from_bytes([0; 32]), [0; 32], 0, "a/b")
                .map(|_| unreachable!()),
        ),
    ];
    for (said, made) in table {
        assert_eq!(made.unwrap_err().to_string(), said);
    }
}
