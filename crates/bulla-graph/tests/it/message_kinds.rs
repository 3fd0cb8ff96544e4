//! Messages besides texts and reactions: what the relay is asked for, and every bound at its edge.

use bulla_base::Number;
use bulla_content::{
    Action, AddressRequest, CallPermissionRequest, Catalog, Contact, ContactAddress, ContactEmail,
    ContactInfoRequest, ContactName, ContactOrganization, ContactPhone, ContactUrl, Contacts, CtaUrl, Flow,
    FlowMode, Header, HeaderText, Interactive, List, ListRow, ListSection, Location, LocationRequest,
    Product, ProductId, ProductList, ProductSection, ReplyButton, ReplyButtons, VoiceCall,
};
use bulla_relay::{Outgoing, OutgoingBody};
use serde_json::{Value, json};

use crate::fake_relay::{Asked, NUMBER, reference, wamid};
use crate::harness::Bench;

fn message(kind: &str, value: &Value) -> String {
    json!({ "messaging_product": "whatsapp", "to": "16505551234", "type": kind, kind: value }).to_string()
}

/// That the message is taken, and what the relay is asked for then.
async fn asks_for(kind: &str, value: Value, expected: OutgoingBody) {
    let bench = Bench::new();
    let reply = bench.post(message(kind, &value)).await;
    assert_eq!(reply.status, 200, "{value}: {}", reply.json);
    let expected = Outgoing::new(Number::parse("16505551234").unwrap(), expected);
    assert_eq!(bench.relay.take(), [Asked::Submit(NUMBER, expected)]);
}

async fn offers(value: Value, expected: Interactive) {
    asks_for("interactive", value, OutgoingBody::Interactive(Box::new(expected))).await;
}

#[tokio::test]
async fn a_place_is_two_numbers_or_what_reads_as_such() {
    let least = Location::new(1.5, -2.0).unwrap();
    for value in
        [json!({ "latitude": 1.5, "longitude": -2 }), json!({ "latitude": "1.5", "longitude": "-2" })]
    {
        asks_for("location", value, OutgoingBody::Location(least.clone())).await;
    }
    let whole = least.with_name("n").unwrap().with_address("a").unwrap();
    let value = json!({ "latitude": 1.5, "longitude": -2, "name": "n", "address": "a", "new": [1] });
    asks_for("location", value, OutgoingBody::Location(whole)).await;
}

#[tokio::test]
async fn contacts_have_every_part_and_may_have_none_but_a_name() {
    let name = || ContactName::new("A B").unwrap().with_first("A").unwrap();
    let least = Contacts::new(vec![Contact::new(name()).unwrap()]).unwrap();
    let nothing = json!([{
        "name": { "formatted_name": "A B", "first_name": "A", "last_name": null, "suffix": "" },
        "birthday": null, "phones": [], "emails": [], "urls": null, "org": null,
    }]);
    asks_for("contacts", nothing, OutgoingBody::Contacts(least)).await;

    let name = name().with_last("B").unwrap().with_middle("M").unwrap();
    let name = name.with_suffix("Jr.").unwrap().with_prefix("Dr.").unwrap();
    let user = Number::parse("16505551234").unwrap();
    let phone = ContactPhone::new("+1 650").unwrap().with_wa_id(user.clone()).with_kind("CELL").unwrap();
    let address = ContactAddress::new().with_street("1 Way").unwrap().with_city("C").unwrap();
    let address = address.with_state("S").unwrap().with_zip("9").unwrap().with_country("US").unwrap();
    let address = address.with_country_code("us").unwrap().with_kind("HOME").unwrap();
    let org = ContactOrganization::new().with_company("Co").unwrap().with_department("D").unwrap();
    let contact = Contact::new(name).unwrap().with_birthday("1999-12-31").unwrap();
    let contact = contact.with_phone(phone).unwrap().with_phone(ContactPhone::of_user(user)).unwrap();
    let contact = contact.with_email(ContactEmail::new("a@b").unwrap().with_kind("WORK").unwrap()).unwrap();
    let contact = contact.with_address(address).unwrap().with_organization(org.with_title("T").unwrap());
    let contact = contact.with_url(ContactUrl::new("https://x").unwrap().with_kind("WORK").unwrap()).unwrap();
    let value = json!([{
        "name": {
            "formatted_name": "A B", "first_name": "A", "last_name": "B", "middle_name": "M", "suffix": "Jr.",
            "prefix": "Dr.",
        },
        "phones": [{ "phone": "+1 650", "type": "CELL", "wa_id": "16505551234" }, { "wa_id": "16505551234" }],
        "emails": [{ "email": "a@b", "type": "WORK" }],
        "addresses": [{
            "street": "1 Way", "city": "C", "state": "S", "zip": "9", "country": "US", "country_code": "us",
            "type": "HOME",
        }],
        "org": { "company": "Co", "department": "D", "title": "T" },
        "urls": [{ "url": "https://x", "type": "WORK" }],
        "birthday": "1999-12-31",
    }]);
    asks_for("contacts", value, OutgoingBody::Contacts(Contacts::new(vec![contact]).unwrap())).await;
}

#[tokio::test]
async fn what_can_be_tapped_is_of_every_type() {
    let with = |kind: &str, action: Value| json!({ "type": kind, "body": { "text": "b" }, "action": action });
    let says = |action| Interactive::new("b", action).unwrap();

    let buttons = vec![ReplyButton::new("y", "Yes").unwrap(), ReplyButton::new("n", "No").unwrap()];
    let header = Header::Text(HeaderText::new("H").unwrap());
    let buttons = says(Action::Buttons(ReplyButtons::new(buttons).unwrap())).with_header(header).unwrap();
    offers(
        json!({
            "type": "button", "header": { "type": "text", "text": "H" }, "body": { "text": "b" },
            "footer": { "text": "F" },
            "action": { "buttons": [
                { "type": "reply", "reply": { "id": "y", "title": "Yes" } },
                { "reply": { "id": "n", "title": "No" } },
            ] },
        }),
        buttons.with_footer("F").unwrap(),
    )
    .await;

    let row = ListRow::new("1", "One").unwrap().with_description("d").unwrap();
    let section =
        ListSection::new(vec![row, ListRow::new("2", "Two").unwrap()]).unwrap().with_title("S").unwrap();
    let rows = json!([{ "id": "1", "title": "One", "description": "d" }, { "id": "2", "title": "Two" }]);
    let action = json!({ "button": "Open", "sections": [{ "title": "S", "rows": rows }] });
    offers(with("list", action), says(Action::List(List::new("Open", vec![section]).unwrap()))).await;

    let link = CtaUrl::new("Go", "https://x.co").unwrap();
    let parameters = json!({ "display_text": "Go", "url": "https://x.co" });
    let action = json!({ "name": "cta_url", "parameters": parameters });
    offers(with("cta_url", action), says(Action::CtaUrl(link))).await;

    let action = json!({ "name": "send_location" });
    offers(with("location_request_message", action), says(Action::LocationRequest(LocationRequest))).await;
    let action = json!({ "name": "request_contact_info" });
    offers(with("request_contact_info", action), says(Action::ContactInfoRequest(ContactInfoRequest))).await;
    let action = json!({ "name": "call_permission_request" });
    offers(with("CALL_PERMISSION_REQUEST", action), says(Action::CallPermission(CallPermissionRequest)))
        .await;
    let call = VoiceCall::new("Call").unwrap().for_minutes(5);
    let action = json!({ "parameters": { "display_text": "Call", "ttl_minutes": 5 } });
    offers(with("voice_call", action), says(Action::VoiceCall(call))).await;

    let product = Action::Product(Product::new("1", "s").unwrap());
    let action = json!({ "catalog_id": "1", "product_retailer_id": "s" });
    offers(json!({ "type": "product", "action": action }), Interactive::new("", product).unwrap()).await;
    let section = ProductSection::new(vec![ProductId::new("s").unwrap()]).unwrap().with_title("S").unwrap();
    let list = ProductList::new("1", vec![section]).unwrap();
    let items = json!([{ "product_retailer_id": "s" }]);
    let action = json!({ "catalog_id": "1", "sections": [{ "title": "S", "product_items": items }] });
    let mut value = with("product_list", action);
    value["header"] = json!({ "type": "text", "text": "H" });
    offers(value, Interactive::with_products("H", "b", list).unwrap()).await;
    let catalog = Catalog::new().with_thumbnail("p").unwrap();
    let action = json!({ "parameters": { "thumbnail_product_retailer_id": "p" } });
    offers(with("catalog_message", action), says(Action::Catalog(catalog))).await;
    offers(with("catalog_message", json!({})), says(Action::Catalog(Catalog::new()))).await;
}

#[tokio::test]
async fn what_fills_a_form_is_passed_on_as_it_was_written() {
    let with = |kind: &str, parameters: &str| {
        let action = format!(r#"{{"name":"{kind}","parameters":{parameters}}}"#);
        let interactive = format!(r#"{{"type":"{kind}","body":{{"text":"b"}},"action":{action}}}"#);
        let to = r#""messaging_product":"whatsapp","to":"16505551234","type":"interactive""#;
        format!(r#"{{{to},"interactive":{interactive}}}"#)
    };
    let flow = Flow::new("7", "Go", FlowMode::Navigate).unwrap().with_draft(true).with_token("t").unwrap();
    let flow = flow.with_screen("S1").unwrap().with_data(r#"{"a": [1,  2.50]}"#).unwrap();
    let form = AddressRequest::new("IN").unwrap();
    let filled = form.clone().with_parameters(r#"{"values":{"name": "A"},"saved_addresses":[ ]}"#).unwrap();
    for (kind, parameters, action) in [
        (
            "flow",
            r#"{"flow_message_version":"3","flow_id":"7","flow_cta":"Go","flow_token":"t","mode":"draft",
            "flow_action":"navigate","flow_action_payload":{"screen":"S1","data":{"a": [1,  2.50]}}}"#,
            Action::Flow(flow),
        ),
        (
            "flow",
            r#"{"flow_name":"n","flow_cta":"Go","flow_action":"DATA_EXCHANGE","mode":"published"}"#,
            Action::Flow(Flow::new("n", "Go", FlowMode::DataExchange).unwrap()),
        ),
        ("address_message", r#"{"country":"IN","values":null}"#, Action::Address(form)),
        (
            "address_message",
            r#"{"country":"IN","saved_addresses":[ ],"values":{"name": "A"}}"#,
            Action::Address(filled),
        ),
    ] {
        let bench = Bench::new();
        let reply = bench.post(with(kind, parameters)).await;
        assert_eq!(reply.status, 200, "{kind}: {}", reply.json);
        let expected = OutgoingBody::Interactive(Box::new(Interactive::new("b", action).unwrap()));
        let expected = Outgoing::new(Number::parse("16505551234").unwrap(), expected);
        assert_eq!(bench.relay.take(), [Asked::Submit(NUMBER, expected)]);
    }
}

#[tokio::test]
async fn any_of_them_may_be_a_reply() {
    let bench = Bench::new();
    let place = json!({ "latitude": 1, "longitude": 2 });
    let mut body: Value = serde_json::from_str(&message("location", &place)).unwrap();
    body["context"] = json!({ "message_id": wamid(5) });
    assert_eq!(bench.post(body.to_string()).await.status, 200);
    let place = OutgoingBody::Location(Location::new(1.0, 2.0).unwrap());
    let expected = Outgoing::new(Number::parse("16505551234").unwrap(), place).replying_to(reference(5));
    assert_eq!(bench.relay.take(), [Asked::Submit(NUMBER, expected)]);
}

/// A text of so many characters.
fn long(count: usize) -> String {
    "é".repeat(count)
}

fn button(id: &str, title: &str) -> Value {
    json!({ "type": "reply", "reply": { "id": id, "title": title } })
}

fn buttons(count: usize) -> Value {
    let all: Vec<Value> = (0..count).map(|number| button(&number.to_string(), &number.to_string())).collect();
    json!({ "type": "button", "body": { "text": "b" }, "action": { "buttons": all } })
}

fn list(sections: usize, rows: usize) -> Value {
    let row = |at: usize| json!({ "id": at.to_string(), "title": "t" });
    let section = |at: usize| {
        let rows: Vec<Value> = (0..rows).map(|place| row(at * rows + place)).collect();
        json!({ "title": "s", "rows": rows })
    };
    let sections: Vec<Value> = (0..sections).map(section).collect();
    json!({ "type": "list", "body": { "text": "b" }, "action": { "button": "Open", "sections": sections } })
}

fn contacts(count: usize, phones: usize) -> Value {
    let phones: Vec<Value> = (0..phones).map(|_| json!({ "phone": "1" })).collect();
    let contact = json!({ "name": { "formatted_name": "A", "first_name": "A" }, "phones": phones });
    Value::Array(vec![contact; count])
}

/// With what stands at `pointer` replaced.
fn with(mut value: Value, pointer: &str, new: impl Into<Value>) -> Value {
    match value.pointer_mut(pointer) {
        Some(there) => *there = new.into(),
        None => {
            let (object, field) = pointer.rsplit_once('/').unwrap();
            value.pointer_mut(object).unwrap()[field] = new.into();
        }
    }
    value
}

#[tokio::test]
async fn every_bound_holds_at_its_edge_and_one_past_it_is_refused_by_name() {
    let place = || json!({ "latitude": 1, "longitude": 1 });
    let reply = "/action/buttons/0/reply";
    let row = "/action/sections/0/rows/0";
    let parameters = |kind: &str, parameters: Value| {
        let action = json!({ "parameters": parameters });
        json!({ "type": kind, "body": { "text": "b" }, "action": action })
    };
    let cta = || parameters("cta_url", json!({ "display_text": "t", "url": "u" }));
    let flow = || parameters("flow", json!({ "flow_id": "7", "flow_cta": "t" }));
    let edges: Vec<(&str, Value, Value, &str)> = vec![
        (
            "location",
            with(place(), "/name", long(1024)),
            with(place(), "/name", long(1025)),
            "location.name: it has 1025 characters, more than the 1024 allowed",
        ),
        (
            "location",
            with(place(), "/address", long(1024)),
            with(place(), "/address", long(1025)),
            "location.address: it has 1025 characters, more than the 1024 allowed",
        ),
        (
            "location",
            with(place(), "/latitude", -90),
            with(place(), "/latitude", 90.1),
            "location.latitude is not between -90 and 90",
        ),
        (
            "location",
            with(place(), "/longitude", 180),
            with(place(), "/longitude", "-180.1"),
            "location.longitude is not between -180 and 180",
        ),
        (
            "contacts",
            contacts(257, 0),
            contacts(258, 0),
            "contacts: it has 258 contacts, more than the 257 allowed",
        ),
        (
            "contacts",
            contacts(1, 10),
            contacts(1, 11),
            "contacts.phones: it has 11 numbers, more than the 10 allowed",
        ),
        (
            "contacts",
            with(contacts(1, 0), "/0/name/formatted_name", long(256)),
            with(contacts(1, 0), "/0/name/formatted_name", long(257)),
            "contacts.name.formatted_name: it has 257 characters, more than the 256 allowed",
        ),
        (
            "contacts",
            with(contacts(1, 0), "/0/birthday", "1999-12-31"),
            with(contacts(1, 0), "/0/birthday", "1999-13-31"),
            "contacts.birthday is not a date, such as 1999-12-31",
        ),
        (
            "interactive",
            buttons(3),
            buttons(4),
            "interactive.action.buttons: it has 4 buttons, more than the 3 allowed",
        ),
        (
            "interactive",
            with(buttons(1), &format!("{reply}/id"), long(256)),
            with(buttons(1), &format!("{reply}/id"), long(257)),
            "interactive.action.buttons.reply.id: it has 257 characters, more than the 256 allowed",
        ),
        (
            "interactive",
            with(buttons(1), &format!("{reply}/title"), long(20)),
            with(buttons(1), &format!("{reply}/title"), long(21)),
            "interactive.action.buttons.reply.title: it has 21 characters, more than the 20 allowed",
        ),
        (
            "interactive",
            buttons(2),
            with(buttons(2), "/action/buttons/1/reply/title", "0"),
            "two of interactive.action.buttons.reply.title are alike",
        ),
        (
            "interactive",
            with(buttons(1), "/body/text", long(1024)),
            with(buttons(1), "/body/text", long(1025)),
            "interactive.body.text: it has 1025 characters, more than the 1024 allowed",
        ),
        (
            "interactive",
            with(buttons(1), "/footer", json!({ "text": long(60) })),
            with(buttons(1), "/footer", json!({ "text": long(61) })),
            "interactive.footer.text: it has 61 characters, more than the 60 allowed",
        ),
        (
            "interactive",
            with(buttons(1), "/header", json!({ "type": "text", "text": long(60) })),
            with(buttons(1), "/header", json!({ "type": "text", "text": long(61) })),
            "header.text: it has 61 characters, more than the 60 allowed",
        ),
        (
            "interactive",
            list(10, 1),
            list(11, 1),
            "interactive.action.sections: it has 11 sections, more than the 10 allowed",
        ),
        (
            "interactive",
            list(1, 10),
            list(1, 11),
            "interactive.action.sections.rows: it has 11 rows, more than the 10 allowed",
        ),
        (
            "interactive",
            list(5, 2),
            list(2, 6),
            "interactive.action.sections.rows: it has 12 rows, more than the 10 allowed",
        ),
        (
            "interactive",
            with(list(1, 1), "/action/button", long(20)),
            with(list(1, 1), "/action/button", long(21)),
            "interactive.action.button: it has 21 characters, more than the 20 allowed",
        ),
        (
            "interactive",
            with(list(1, 1), "/body/text", long(4096)),
            with(list(1, 1), "/body/text", long(4097)),
            "interactive.body.text: it has 4097 characters, more than the 4096 allowed",
        ),
        (
            "interactive",
            with(list(1, 1), "/action/sections/0/title", long(24)),
            with(list(1, 1), "/action/sections/0/title", long(25)),
            "interactive.action.sections.title: it has 25 characters, more than the 24 allowed",
        ),
        (
            "interactive",
            with(list(1, 1), &format!("{row}/id"), long(200)),
            with(list(1, 1), &format!("{row}/id"), long(201)),
            "interactive.action.sections.rows.id: it has 201 characters, more than the 200 allowed",
        ),
        (
            "interactive",
            with(list(1, 1), &format!("{row}/title"), long(24)),
            with(list(1, 1), &format!("{row}/title"), long(25)),
            "interactive.action.sections.rows.title: it has 25 characters, more than the 24 allowed",
        ),
        (
            "interactive",
            with(list(1, 1), &format!("{row}/description"), long(72)),
            with(list(1, 1), &format!("{row}/description"), long(73)),
            "interactive.action.sections.rows.description: it has 73 characters, more than the 72 allowed",
        ),
        (
            "interactive",
            with(cta(), "/action/parameters/display_text", long(20)),
            with(cta(), "/action/parameters/display_text", long(21)),
            "interactive.action.parameters.display_text: it has 21 characters, more than the 20 allowed",
        ),
        (
            "interactive",
            with(cta(), "/action/parameters/url", long(2000)),
            with(cta(), "/action/parameters/url", long(2001)),
            "interactive.action.parameters.url: it has 2001 characters, more than the 2000 allowed",
        ),
        (
            "interactive",
            with(flow(), "/action/parameters/flow_cta", long(30)),
            with(flow(), "/action/parameters/flow_cta", long(31)),
            "interactive.action.parameters.flow_cta: it has 31 characters, more than the 30 allowed",
        ),
        (
            "interactive",
            with(flow(), "/action/parameters/flow_token", long(1024)),
            with(flow(), "/action/parameters/flow_token", long(1025)),
            "interactive.action.parameters.flow_token: it has 1025 characters, more than the 1024 allowed",
        ),
    ];
    let bench = Bench::new();
    for (kind, edge, past, details) in edges {
        let reply = bench.post(message(kind, &edge)).await;
        assert_eq!(reply.status, 200, "{details}: {}", reply.json);
        assert_eq!(bench.relay.take().len(), 1);
        let reply = bench.post(message(kind, &past)).await;
        assert!([100, 131_009].contains(&reply.code()), "{}", reply.json);
        assert_eq!(reply.details(), details);
        assert_eq!(bench.relay.take(), []);
    }
}

#[tokio::test]
async fn what_is_missing_or_of_another_type_is_named() {
    let bench = Bench::new();
    let cta = json!({ "type": "cta_url", "body": { "text": "b" }, "action": { "parameters": [] } });
    for (kind, value, code, details) in [
        ("location", json!({ "latitude": 1 }), 100, "location.longitude is missing"),
        (
            "location",
            json!({ "latitude": "north", "longitude": 1 }),
            100,
            "location.latitude must be a number",
        ),
        ("location", json!({ "latitude": [], "longitude": 1 }), 100, "location.latitude must be a number"),
        (
            "location",
            json!({ "latitude": "NaN", "longitude": 1 }),
            131_009,
            "location.latitude is not between -90 and 90",
        ),
        ("location", json!([]), 100, "location is missing"),
        ("contacts", json!([]), 100, "contacts is missing"),
        ("contacts", json!({}), 100, "contacts must be a list"),
        ("contacts", json!(["A"]), 100, "contacts must be an object"),
        ("contacts", json!([{}]), 100, "contacts.name is missing"),
        (
            "contacts",
            json!([{ "name": { "formatted_name": "A" } }]),
            131_009,
            "contacts.name is not a formatted name with one of its parts, such as the first name",
        ),
        (
            "contacts",
            with(contacts(1, 1), "/0/phones/0", json!({ "type": "CELL" })),
            100,
            "contacts.phones.phone is missing",
        ),
        (
            "contacts",
            with(contacts(1, 1), "/0/phones/0", json!({ "wa_id": "+" })),
            131_009,
            "contacts.phones.wa_id: it has no digits",
        ),
        ("interactive", json!({}), 100, "interactive.type is missing"),
        ("interactive", json!({ "type": "button" }), 100, "interactive.action is missing"),
        ("interactive", with(buttons(1), "/body", json!(null)), 100, "interactive.body.text is missing"),
        ("interactive", buttons(0), 100, "interactive.action.buttons is missing"),
        (
            "interactive",
            with(buttons(1), "/action/buttons/0/type", "url"),
            100,
            "interactive.action.buttons.type: it must be one of REPLY",
        ),
        (
            "interactive",
            with(list(2, 1), "/action/sections/1/title", json!(null)),
            100,
            "interactive.action.sections.title is missing",
        ),
        (
            "interactive",
            with(buttons(1), "/header", json!({ "type": "image", "image": { "id": "1" } })),
            131_009,
            "image.id: it names no media of this number, or media whose time is over",
        ),
        (
            "interactive",
            with(buttons(1), "/header", json!({ "type": "video" })),
            100,
            "interactive.header.video is missing",
        ),
        (
            "interactive",
            with(list(1, 1), "/header", json!({ "type": "gif" })),
            100,
            "interactive.header.type: it must be one of DOCUMENT, IMAGE, TEXT, VIDEO",
        ),
        ("interactive", cta, 100, "interactive.action.parameters.display_text is missing"),
    ] {
        let details = details.to_owned();
        assert_eq!(bench.refused(message(kind, &value), code).await, details);
    }
    let told = bench.refused(message("interactive", &json!({ "type": "poll", "action": {} })), 100).await;
    assert!(told.starts_with("interactive.type: it must be one of ADDRESS_MESSAGE, BUTTON, "), "{told}");
}
