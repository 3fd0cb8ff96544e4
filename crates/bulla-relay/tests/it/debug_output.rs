//! What is printed of the relay's types: their names and what does no harm; never a number, a text, or a
//! secret.

use std::fmt::Debug;

use bulla_base::{Category, MessageId, SeededRng, Timestamp};
use bulla_content::{Body, Location, Text};
use bulla_relay::{
    Destination, Event, Incoming, MessageRef, NumberProof, Outgoing, OutgoingBody, SinkError, SinkErrorKind,
    Status, StatusUpdate, Subject, UserId,
};

use crate::world::{SHOP, World, alice, business, text, to};

const SECRETS: [&str; 6] =
    ["16505551234", "a private word", "order-4711", "key-4711", "code-4711", "\u{1f44d}"];

/// What is printed of `value`, in which none of the secrets stands.
fn printed(value: &dyn Debug) -> String {
    let printed = [format!("{value:?}"), format!("{value:#?}")];
    for (secret, printed) in SECRETS.iter().flat_map(|secret| printed.iter().map(move |text| (secret, text)))
    {
        assert!(!printed.contains(secret), "{printed}");
    }
    printed[0].clone()
}

fn reference() -> MessageRef {
    let mut bytes = [7; MessageRef::BYTES];
    let id = MessageId::new(Timestamp::from_millis(1), &SeededRng::new(1));
    bytes[..16].copy_from_slice(id.as_bytes());
    MessageRef::from_bytes(bytes).unwrap()
}

#[tokio::test(start_paused = true)]
async fn types_print_their_names_and_no_number_text_or_secret() {
    let world = World::new().await;
    let thumb = || Some("\u{1f44d}".to_owned());
    let subject =
        || Subject::new(SHOP, alice(), UserId::from_bytes([7; 16]), reference(), Timestamp::from_millis(1));
    let said =
        || Incoming::Text { text: Text::new("a private word").unwrap(), in_reply_to: Some(reference()) };
    let reacted = || Incoming::Reaction { to: reference(), emoji: thumb() };
    let place = Location::new(1.0, 2.0).unwrap().with_name("a private word").unwrap();
    let other = Incoming::Other { body: Body::Location(place), in_reply_to: Some(reference()) };
    let update = || StatusUpdate::new(Status::Read, Category::Service, Some("order-4711".to_owned()));
    let outgoing = to(alice(), "a private word")
        .tracking("order-4711")
        .idempotency_key("key-4711")
        .replying_to(reference());
    let error = SinkError::new("it is away").with_kind(SinkErrorKind::Unreachable);
    let proven = business(SHOP).proven_by(NumberProof::new(b"code-4711".to_vec()).unwrap());
    let table: [(&str, &str, &dyn Debug); 16] = [
        ("Relay", "businesses: 2", &world.relay),
        ("Reports", "next: 0", &world.relay.reports()),
        ("Destination", "106540352242922", &Destination::business(SHOP)),
        ("Destination", "9 bytes", &Destination::named("code-4711")),
        ("StatusUpdate", "Read", &update()),
        ("Message", "Subject", &Event::Message(subject(), said())),
        ("Message", "emoji_bytes: Some(4)", &Event::Message(subject(), reacted())),
        ("Other", "Location(", &other),
        ("Status", "StatusUpdate", &Event::Status(subject(), update())),
        ("Outgoing", "Service", &outgoing),
        (
            "Outgoing",
            "emoji_bytes: Some(4)",
            &Outgoing::new(alice(), OutgoingBody::Reaction { to: reference(), emoji: thumb() }),
        ),
        ("Text", "Text", &text("a private word")),
        ("SinkError", "Unreachable", &error),
        ("Business", "106540352242922", &proven),
        ("MessageRef", "user", &reference()),
        ("Stats", "accepted", &world.relay.stats()),
    ];
    for (name, harmless, value) in table {
        let printed = printed(value);
        assert!(printed.starts_with(name), "{printed}");
        assert!(printed.contains(harmless), "{harmless}: {printed}");
    }
}
