//! Every kind of content, with as little in it as may be and with as much.

use bulla_base::{MessageId, Number, SeededRng, Timestamp};
use bulla_content::*;

pub(crate) fn id(seed: u64) -> MessageId {
    MessageId::new(Timestamp::from_millis(seed), &SeededRng::new(seed))
}

pub(crate) fn number() -> Number {
    Number::parse("16505551234").unwrap()
}

/// A pointer to so many bytes of this type.
pub(crate) fn pointer(size: u64, media_type: &str) -> AttachmentPointer {
    let key = AttachmentKey::from_bytes([7; 32]);
    AttachmentPointer::new("a/b-c_1", key, [9; 32], size, media_type).unwrap()
}

pub(crate) fn image() -> Image {
    Image::new(pointer(1000, "image/jpeg")).unwrap()
}

fn video() -> Video {
    Video::new(pointer(1000, "video/mp4")).unwrap()
}

pub(crate) fn header(text: &str) -> Header {
    Header::Text(HeaderText::new(text).unwrap())
}

pub(crate) fn buttons(count: usize) -> ReplyButtons {
    let button = |place| ReplyButton::new(format!("id {place}"), format!("Button {place}")).unwrap();
    ReplyButtons::new((0..count).map(button).collect()).unwrap()
}

pub(crate) fn rows(from: usize, count: usize) -> Vec<ListRow> {
    let row = |place| ListRow::new(format!("id {place}"), "Row").unwrap();
    (from..from + count).map(row).collect()
}

pub(crate) fn section(from: usize, count: usize) -> ListSection {
    ListSection::new(rows(from, count)).unwrap().with_title("Section").unwrap()
}

pub(crate) fn products(count: usize) -> Vec<ProductId> {
    (0..count).map(|place| ProductId::new(format!("sku {place}")).unwrap()).collect()
}

pub(crate) fn contact() -> Contact {
    Contact::new(ContactName::new("A").unwrap().with_first("A").unwrap()).unwrap()
}

fn contact_in_full() -> Contact {
    let name = ContactName::new("Dr. Ada B. Lovelace Jr.").unwrap();
    let name = name.with_first("Ada").unwrap().with_middle("B.").unwrap().with_last("Lovelace").unwrap();
    let name = name.with_prefix("Dr.").unwrap().with_suffix("Jr.").unwrap();
    let phone = ContactPhone::new("+1 650 555 1234").unwrap().with_kind("HOME").unwrap().with_wa_id(number());
    let address = ContactAddress::new().with_street("1 Hacker Way").unwrap().with_city("Menlo Park").unwrap();
    let address = address.with_state("CA").unwrap().with_zip("94025").unwrap().with_kind("WORK").unwrap();
    let address = address.with_country("United States").unwrap().with_country_code("US").unwrap();
    let organization = ContactOrganization::new().with_company("Engines").unwrap();
    let organization = organization.with_department("Analytical").unwrap().with_title("Countess").unwrap();
    let contact = Contact::new(name).unwrap().with_phone(phone).unwrap();
    let contact = contact.with_phone(ContactPhone::of_user(number())).unwrap();
    let contact = contact
        .with_email(ContactEmail::new("ada@example.com").unwrap().with_kind("WORK").unwrap())
        .unwrap()
        .with_url(ContactUrl::new("https://example.com").unwrap().with_kind("HOME").unwrap());
    let contact = contact.unwrap().with_address(address).unwrap().with_organization(organization);
    contact.with_birthday("1815-12-10").unwrap()
}

pub(crate) fn interactive(action: Action) -> Interactive {
    Interactive::new("Which one?", action).unwrap()
}

/// A card of a carousel.
pub(crate) fn card() -> Card {
    Card::new(CardAction::CtaUrl(CtaUrl::new("Open", "https://example.com").unwrap()))
}

/// An interactive message with each action.
fn interactives() -> Vec<Interactive> {
    let flow = || Flow::new("1234", "Begin", FlowMode::Navigate).unwrap();
    let full_flow = flow().with_token("token").unwrap().with_screen("FIRST").unwrap();
    let full_flow = full_flow.with_data("{\"a\":[1,2]}").unwrap().with_draft(true);
    let list = List::new("Open", vec![ListSection::new(rows(0, 1)).unwrap()]).unwrap();
    let row = ListRow::new("id", "Row").unwrap().with_description("More").unwrap();
    let last = ListSection::new(vec![row]).unwrap().with_title("Last").unwrap();
    let lists = List::new("Open", vec![section(0, 3), section(3, 6), last]).unwrap();
    let products = || ProductSection::new(products(3)).unwrap().with_title("Hats").unwrap();
    let cards = vec![
        card().with_header(Header::Image(image())).unwrap().with_body("One").unwrap(),
        Card::new(CardAction::Product(Product::new("catalog", "sku").unwrap())),
        Card::new(CardAction::Buttons(buttons(2))).with_header(Header::Video(video())).unwrap(),
    ];
    let call = VoiceCall::new("Call us").unwrap();
    let address = AddressRequest::new("IN").unwrap().with_parameters("{\"values\":{}}").unwrap();
    vec![
        interactive(Action::Buttons(buttons(1))),
        interactive(Action::Buttons(buttons(3)))
            .with_header(Header::Document(Document::new(pointer(1, "application/pdf")).unwrap()))
            .unwrap()
            .with_footer("In small letters")
            .unwrap(),
        interactive(Action::List(list)),
        interactive(Action::List(lists)).with_header(header("Choose")).unwrap(),
        interactive(Action::CtaUrl(CtaUrl::new("Open", "https://example.com").unwrap())),
        interactive(Action::LocationRequest(LocationRequest)),
        interactive(Action::Flow(flow())),
        interactive(Action::Flow(full_flow)).with_header(header("A form")).unwrap(),
        Interactive::new("", Action::Product(Product::new("catalog", "sku").unwrap())).unwrap(),
        Interactive::with_products(
            "Hats",
            "Which one?",
            ProductList::new("catalog", vec![products(), products()]).unwrap(),
        )
        .unwrap(),
        interactive(Action::Catalog(Catalog::new())),
        interactive(Action::Catalog(Catalog::new().with_thumbnail("sku").unwrap()))
            .with_footer("Now")
            .unwrap(),
        interactive(Action::Address(AddressRequest::new("IN").unwrap())),
        interactive(Action::Address(address)),
        interactive(Action::Carousel(Carousel::new(cards).unwrap())),
        Interactive::new("", Action::CallPermission(CallPermissionRequest)).unwrap(),
        interactive(Action::VoiceCall(call.clone())),
        interactive(Action::VoiceCall(call.for_minutes(60).with_payload("from the shop").unwrap())),
        interactive(Action::ContactInfoRequest(ContactInfoRequest)),
    ]
}

fn templates() -> Vec<Template> {
    let quick = || TemplateButton::QuickReply(QuickReplyButton::new("Stop", "stop 7").unwrap());
    let all = vec![
        quick(),
        TemplateButton::Url(UrlButton::new("Track", "https://example.com/7").unwrap()),
        TemplateButton::PhoneNumber(PhoneNumberButton::new("Call", number()).unwrap()),
        TemplateButton::CopyCode(CopyCodeButton::new("Copy", "123456").unwrap()),
        TemplateButton::Flow(Flow::new("1234", "Begin", FlowMode::DataExchange).unwrap()),
    ];
    let place = Location::new(48.2, 16.4).unwrap();
    let card = || {
        let card = TemplateCard::new(Header::Image(image()), vec![quick()]).unwrap();
        card.with_body("A card").unwrap()
    };
    let template = || Template::new("Your order 7 is on its way").unwrap();
    vec![
        template(),
        template()
            .with_header(header("Hello"))
            .unwrap()
            .with_footer("Shop")
            .unwrap()
            .with_buttons(all)
            .unwrap(),
        template().with_header(Header::Location(place)).unwrap(),
        template().with_cards(vec![card(), card()]).unwrap(),
    ]
}

fn replies() -> Vec<InteractiveReply> {
    let list = ListReply::new("id 1", "Row").unwrap();
    let form = FormReply::new("flow", "{\"a\":1}").unwrap();
    let call = CallPermissionReply::new(CallPermission::Accepted);
    vec![
        InteractiveReply::Button(ButtonReply::new("id 1", "Button 1").unwrap()),
        InteractiveReply::List(list.clone()),
        InteractiveReply::List(list.with_description("More").unwrap()),
        InteractiveReply::Form(form.clone()),
        InteractiveReply::Form(form.with_body("Sent").unwrap()),
        InteractiveReply::CallPermission(CallPermissionReply::new(CallPermission::Rejected)),
        InteractiveReply::CallPermission(call.until(1_800_000_000)),
    ]
}

/// Every kind, some of them several times.
pub(crate) fn bodies() -> Vec<Body> {
    let place = || Location::new(-33.8567844, 151.2152967).unwrap();
    let place_in_full = place().with_name("Opera").unwrap().with_address("Bennelong Point").unwrap();
    let document = || Document::new(pointer(100, "application/pdf; version=2")).unwrap();
    let audio = || Audio::new(pointer(100, "audio/ogg; codecs=opus")).unwrap();
    let item = || OrderItem::new("sku 1", 2, 7_990_000, "EUR").unwrap();
    let system = |event| System::new(event, "They have another number").unwrap();
    let mut bodies = vec![
        Body::Text(Text::new("مرحبا 👋").unwrap().with_preview_url(true)),
        Body::Reaction(Reaction::put(id(2), "👍🏽").unwrap()),
        Body::Reaction(Reaction::removed(id(2))),
        Body::Image(image()),
        Body::Image(image().with_caption("Us 👋").unwrap()),
        Body::Video(video().with_caption("Us, moving").unwrap()),
        Body::Document(document()),
        Body::Document(document().with_caption("Bill").unwrap().with_filename("bill.pdf").unwrap()),
        Body::Audio(audio()),
        Body::Audio(audio().with_voice(true)),
        Body::Sticker(Sticker::new(pointer(100, "image/webp"), false).unwrap()),
        Body::Sticker(Sticker::new(pointer(500 << 10, "image/webp"), true).unwrap()),
        Body::Location(Location::new(0.0, 0.0).unwrap()),
        Body::Location(place()),
        Body::Location(place_in_full.with_url("https://example.com").unwrap()),
        Body::Contacts(Contacts::new(vec![contact()]).unwrap()),
        Body::Contacts(Contacts::new(vec![contact_in_full(), contact()]).unwrap()),
        Body::QuickReply(QuickReply::new("", "Yes").unwrap()),
        Body::QuickReply(QuickReply::new("yes 7", "Yes").unwrap()),
        Body::Order(Order::new("catalog", vec![item()]).unwrap()),
        Body::Order(Order::new("catalog", vec![item(), item()]).unwrap().with_text("Soon!").unwrap()),
        Body::System(system(SystemEvent::IdentityChanged)),
        Body::System(system(SystemEvent::NumberChanged).with_new_number(number())),
        Body::Edit(Edit::new(id(3), Text::new("Better").unwrap())),
        Body::Revoke(Revoke::new(id(3))),
        Body::Typing(Typing),
        Body::RetryRequest(RetryRequest::new(id(5), 0)),
        Body::RetryRequest(RetryRequest::new(id(5), u8::MAX)),
    ];
    for progress in [Progress::Delivered, Progress::Read, Progress::Played] {
        bodies.push(Body::Receipt(Receipt::new(progress, vec![id(3), id(4)]).unwrap()));
    }
    bodies.extend(interactives().into_iter().map(|one| Body::Interactive(Box::new(one))));
    bodies.extend(replies().into_iter().map(Body::InteractiveReply));
    bodies.extend(templates().into_iter().map(|one| Body::Template(Box::new(one))));
    bodies
}
