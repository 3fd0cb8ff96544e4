//! What a business is told of messages besides texts and reactions.

use bulla_base::Number;
use bulla_content::{
    AttachmentKey, AttachmentPointer, Audio, Body, ButtonReply, CallPermission, CallPermissionReply, Contact,
    ContactAddress, ContactEmail, ContactName, ContactOrganization, ContactPhone, ContactUrl, Contacts,
    Document, FormReply, Image, InteractiveReply, ListReply, Location, Order, OrderItem, QuickReply, Sticker,
    Video,
};
use bulla_relay::Incoming;
use serde_json::{Value, json};

use crate::api_ids::{NUMBER, reference, wamid};
use crate::updates::{delivered, message};

/// What is told of a message of this kind besides who said it when.
async fn told(body: Body) -> Value {
    let mut value = delivered(message(Incoming::Other { body, in_reply_to: Some(reference(2)) })).await;
    let told = value["messages"][0].as_object_mut().unwrap();
    assert_eq!(told.remove("context").unwrap(), json!({ "from": "15550783881", "id": wamid(2) }));
    for name in ["from", "from_user_id", "id", "timestamp"] {
        told.remove(name).unwrap();
    }
    value["messages"][0].take()
}

#[tokio::test]
async fn a_place_and_contacts_are_told_with_what_they_have() {
    let place = Location::new(1.5, -2.0).unwrap();
    let least = json!({ "latitude": 1.5, "longitude": -2.0 });
    assert_eq!(told(Body::Location(place.clone())).await, json!({ "type": "location", "location": least }));
    let place = place.with_name("n").unwrap().with_address("a").unwrap().with_url("u").unwrap();
    let whole = json!({ "latitude": 1.5, "longitude": -2.0, "name": "n", "address": "a", "url": "u" });
    assert_eq!(told(Body::Location(place)).await, json!({ "type": "location", "location": whole }));

    let name = ContactName::new("A B").unwrap().with_first("A").unwrap();
    let somebody = Contact::new(name).unwrap();
    let phone = ContactPhone::new("+1 650").unwrap().with_kind("CELL").unwrap();
    let user = ContactPhone::of_user(Number::parse("16505551234").unwrap());
    let address = ContactAddress::new().with_city("C").unwrap();
    let org = ContactOrganization::new().with_company("Co").unwrap();
    let other = somebody.clone().with_phone(phone).unwrap().with_phone(user).unwrap();
    let other = other.with_email(ContactEmail::new("a@b").unwrap()).unwrap().with_address(address).unwrap();
    let other = other.with_organization(org).with_url(ContactUrl::new("https://x").unwrap()).unwrap();
    let contacts = Contacts::new(vec![somebody, other.with_birthday("1999-12-31").unwrap()]).unwrap();
    let name = json!({ "formatted_name": "A B", "first_name": "A" });
    let expected = json!({ "type": "contacts", "contacts": [{ "name": name }, {
        "name": name, "phones": [{ "phone": "+1 650", "type": "CELL" }, { "wa_id": "16505551234" }],
        "emails": [{ "email": "a@b" }], "addresses": [{ "city": "C" }], "org": { "company": "Co" },
        "urls": [{ "url": "https://x" }], "birthday": "1999-12-31",
    }] });
    assert_eq!(told(Body::Contacts(contacts)).await, expected);
}

#[tokio::test]
async fn what_was_tapped_is_told_under_its_name() {
    let list = ListReply::new("r", "Row").unwrap();
    let form = FormReply::new("flow", r#"{"a":1}"#).unwrap();
    let (accepted, rejected) = (CallPermission::Accepted, CallPermission::Rejected);
    for (reply, name, expected) in [
        (
            InteractiveReply::Button(ButtonReply::new("y", "Yes").unwrap()),
            "button_reply",
            json!({ "id": "y", "title": "Yes" }),
        ),
        (InteractiveReply::List(list.clone()), "list_reply", json!({ "id": "r", "title": "Row" })),
        (
            InteractiveReply::List(list.with_description("d").unwrap()),
            "list_reply",
            json!({ "id": "r", "title": "Row", "description": "d" }),
        ),
        (
            InteractiveReply::Form(form.clone()),
            "nfm_reply",
            json!({ "name": "flow", "response_json": r#"{"a":1}"# }),
        ),
        (
            InteractiveReply::Form(form.with_body("Sent").unwrap()),
            "nfm_reply",
            json!({ "name": "flow", "body": "Sent", "response_json": r#"{"a":1}"# }),
        ),
        (
            InteractiveReply::CallPermission(CallPermissionReply::new(accepted)),
            "call_permission_reply",
            json!({ "response": "accept", "is_permanent": true }),
        ),
        (
            InteractiveReply::CallPermission(CallPermissionReply::new(accepted).until(1_795_293_590)),
            "call_permission_reply",
            json!({ "response": "accept", "is_permanent": false, "expiration_timestamp": 1_795_293_590 }),
        ),
        (
            InteractiveReply::CallPermission(CallPermissionReply::new(rejected)),
            "call_permission_reply",
            json!({ "response": "reject", "is_permanent": false }),
        ),
    ] {
        let value = told(Body::InteractiveReply(reply)).await;
        assert_eq!(value, json!({ "type": "interactive", "interactive": { "type": name, name: expected } }));
    }
    let button = QuickReply::new("p", "Stop").unwrap();
    let expected = json!({ "type": "button", "button": { "payload": "p", "text": "Stop" } });
    assert_eq!(told(Body::QuickReply(button)).await, expected);
}

#[tokio::test]
async fn an_order_is_told_with_its_items_and_prices() {
    let item = OrderItem::new("s", 2, 1_990_000, "EUR").unwrap();
    let order = Order::new("7", vec![item]).unwrap().with_text("soon").unwrap();
    let items = json!([{ "product_retailer_id": "s", "quantity": 2, "item_price": 1.99, "currency": "EUR" }]);
    let expected = json!({ "catalog_id": "7", "text": "soon", "product_items": items });
    assert_eq!(told(Body::Order(order)).await, json!({ "type": "order", "order": expected }));
}

fn attached(media_type: &str) -> AttachmentPointer {
    let key = AttachmentKey::from_bytes([7; 32]);
    AttachmentPointer::new("x", key, [9; 32], 1, media_type).unwrap().with_plaintext_digest([0; 32])
}

#[tokio::test]
async fn media_is_told_with_its_type_its_digest_and_the_id_it_is_fetched_by() {
    let message = reference(1).to_bytes();
    let [id, user] = [0, 16].map(|from| u128::from_be_bytes(message[from..from + 16].try_into().unwrap()));
    let id = format!("2{:0>20}{id:0>39}{user:0>39}", NUMBER.to_string());
    // The SHA-256 is in base64 here.
    let sha256 = format!("{}=", "A".repeat(43));
    let image = Image::new(attached("image/jpeg")).unwrap();
    let document = Document::new(attached("application/pdf")).unwrap();
    let audio = || Audio::new(attached("audio/ogg; codecs=opus")).unwrap();
    let opus = "audio/ogg; codecs=opus";
    let sticker = |animated| Sticker::new(attached("image/webp"), animated).unwrap();
    for (body, name, media_type, beside) in [
        (Body::Image(image.clone()), "image", "image/jpeg", json!({})),
        (Body::Image(image.with_caption("c é").unwrap()), "image", "image/jpeg", json!({ "caption": "c é" })),
        (
            Body::Video(Video::new(attached("video/mp4")).unwrap().with_caption("c").unwrap()),
            "video",
            "video/mp4",
            json!({ "caption": "c" }),
        ),
        (
            Body::Document(document.with_filename("a.pdf").unwrap().with_caption("c").unwrap()),
            "document",
            "application/pdf",
            json!({ "filename": "a.pdf", "caption": "c" }),
        ),
        (Body::Audio(audio()), "audio", opus, json!({ "voice": false })),
        (Body::Audio(audio().with_voice(true)), "audio", opus, json!({ "voice": true })),
        (Body::Sticker(sticker(false)), "sticker", "image/webp", json!({ "animated": false })),
        (Body::Sticker(sticker(true)), "sticker", "image/webp", json!({ "animated": true })),
    ] {
        let mut media = json!({ "id": id, "mime_type": media_type, "sha256": sha256 });
        media.as_object_mut().unwrap().extend(beside.as_object().unwrap().clone());
        assert_eq!(told(body).await, json!({ "type": name, name: media }));
    }
}
