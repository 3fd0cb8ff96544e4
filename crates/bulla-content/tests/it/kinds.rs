//! Every kind comes back as it was, also in letters and numbers of all sorts.

use std::collections::BTreeSet;

use bulla_base::SeededRng;
use bulla_content::limits::TYPING_SHOWN;
use bulla_content::*;
use proptest::prelude::*;

use crate::comes_back;
use crate::samples::{bodies, id, number, pointer};

#[test]
fn every_kind_comes_back_whatever_stands_around_it() {
    let product = ReferredProduct::new("catalog", "sku").unwrap();
    let names: BTreeSet<_> = bodies().iter().map(Body::name).collect();
    assert_eq!(names.len(), 19, "{names:?}");
    for body in bodies() {
        comes_back(&Content::new(body.clone()));
        let content = Content::new(body).replying_to(id(1)).quoting(QuotedAuthor::Sender);
        comes_back(&content);
        let content = content.quoting(QuotedAuthor::Recipient).forwarded(Forwarding::Frequently);
        let content = content.about_product(product.clone()).with_fallback("Something 👋").unwrap();
        assert_eq!(content.quoted_author(), Some(QuotedAuthor::Recipient));
        assert_eq!((content.forwarding(), content.product()), (Some(Forwarding::Frequently), Some(&product)));
        comes_back(&content);
    }
}

#[test]
fn nothing_of_any_kind_prints_and_no_key_does() {
    let words = [
        "Ada", "Hacker", "Which", "Begin", "token", "sku", "catalog", "Opera", "bill", "Better", "Shop",
        "order",
    ];
    for body in bodies() {
        let content = Content::new(body).with_fallback("Something else").unwrap();
        let printed = format!("{content:?} {content:#?}");
        let said = words.iter().find(|word| printed.contains(**word));
        assert!(said.is_none() && !printed.contains(number().digits()), "{said:?} in {printed}");
        assert!(!printed.contains("Something") && !printed.contains("7, 7"), "{printed}");
    }
    assert_eq!(format!("{:?}", AttachmentKey::from_bytes([7; 32])), "AttachmentKey(…)");
    assert_eq!(format!("{:?}", pointer(1, "image/png")), "AttachmentPointer(90 bytes)");
}

#[test]
fn messages_are_told_from_signals() {
    for body in bodies() {
        let is_signal = matches!(body, Body::Receipt(_) | Body::RetryRequest(_) | Body::Typing(_));
        assert_eq!(body.is_message(), !is_signal, "{}", body.name());
    }
    assert_eq!(Typing::SHOWN, TYPING_SHOWN);
}

#[test]
fn degrees_come_back_to_seven_places() {
    for (latitude, longitude) in
        [(90.0, -180.0), (-90.0, 180.0), (-33.8567844, 151.2152967), (0.0000001, -0.0)]
    {
        let place = Location::new(latitude, longitude).unwrap();
        assert_eq!((place.latitude(), place.longitude()), (latitude, longitude));
    }
    assert_eq!(Location::new(1.234_567_891, 0.0).unwrap().latitude(), 1.234_567_9);
}

/// Any text that a field of so many characters takes.
fn words(limit: usize) -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "\\PC{1,20}".prop_map(move |text| text.chars().take(limit).collect()),
        1 => any::<char>().prop_map(move |one| one.to_string().repeat(limit)),
    ]
}

fn any_media() -> impl Strategy<Value = Body> {
    let pointer = (words(200), any::<[u8; 32]>(), any::<[u8; 32]>(), 1..=100_u64 << 10);
    (pointer, words(1024), any::<bool>(), 0..5).prop_map(|((name, key, digest, size), text, flag, which)| {
        let pointer = |kind: &str| {
            let locator: String = name.chars().filter(char::is_ascii_graphic).chain(['x']).collect();
            let key = AttachmentKey::from_bytes(key);
            let pointer = AttachmentPointer::new(locator, key, digest, size, kind).unwrap();
            if flag { pointer.with_plaintext_digest(digest) } else { pointer }
        };
        match which {
            0 => Body::Image(Image::new(pointer("image/png")).unwrap().with_caption(text).unwrap()),
            1 => Body::Video(Video::new(pointer("video/3gpp")).unwrap().with_caption(text).unwrap()),
            2 => Body::Document(Document::new(pointer("text/plain")).unwrap().with_caption(text).unwrap()),
            3 => Body::Audio(Audio::new(pointer("audio/amr")).unwrap().with_voice(flag)),
            _ => Body::Sticker(Sticker::new(pointer("image/webp"), flag).unwrap()),
        }
    })
}

fn any_interactive() -> impl Strategy<Value = Body> {
    let rows = prop::collection::vec((words(24), words(72)), 1..10);
    (words(1024), words(60), rows, words(20), 0..4).prop_map(|(body, footer, rows, button, which)| {
        let row = |(place, (title, description)): (usize, (String, String))| {
            ListRow::new(place.to_string(), title).unwrap().with_description(description).unwrap()
        };
        let rows = ListSection::new(rows.into_iter().enumerate().map(row).collect()).unwrap();
        let action = match which {
            0 => Action::List(List::new(button, vec![rows]).unwrap()),
            1 => Action::CtaUrl(CtaUrl::new(button.clone(), button).unwrap()),
            2 => Action::Buttons(ReplyButtons::new(vec![ReplyButton::new("1", button).unwrap()]).unwrap()),
            _ => Action::Flow(Flow::new(button.clone(), button.clone(), FlowMode::Navigate).unwrap()),
        };
        Body::Interactive(Box::new(Interactive::new(body, action).unwrap().with_footer(footer).unwrap()))
    })
}

fn any_other() -> impl Strategy<Value = Body> {
    let degrees = (-90_f64..=90.0, -180_f64..=180.0);
    (degrees, words(25), words(20), any::<[u32; 2]>(), 0..9).prop_map(
        |(degrees, text, word, numbers, which)| {
            let quick =
                || TemplateButton::QuickReply(QuickReplyButton::new(text.clone(), word.clone()).unwrap());
            let name = || ContactName::new(text.clone()).unwrap().with_last(word.clone()).unwrap();
            let [quantity, price] = numbers;
            match which {
                0 => Body::Location(Location::new(degrees.0, degrees.1).unwrap().with_name(text).unwrap()),
                1 => Body::Contacts(Contacts::new(vec![Contact::new(name()).unwrap()]).unwrap()),
                2 => Body::Template(Box::new(
                    Template::new(word.clone()).unwrap().with_buttons(vec![quick()]).unwrap(),
                )),
                3 => Body::QuickReply(QuickReply::new(text.clone(), word).unwrap()),
                4 => {
                    let item =
                        OrderItem::new(text.clone(), quantity.max(1), u64::from(price) << 20, "JPY").unwrap();
                    Body::Order(Order::new(word, vec![item]).unwrap())
                }
                5 => Body::System(System::new(SystemEvent::UserIdChanged, text).unwrap()),
                6 => Body::Edit(Edit::new(id(u64::from(price)), Text::new(text).unwrap())),
                7 => Body::InteractiveReply(InteractiveReply::Form(FormReply::new(word, text).unwrap())),
                _ => Body::InteractiveReply(InteractiveReply::Button(ButtonReply::new(text, word).unwrap())),
            }
        },
    )
}

proptest! {
    #[test]
    fn anything_of_any_kind_comes_back(
        body in prop_oneof![any_media(), any_interactive(), any_other()],
        fallback in words(1024),
    ) {
        comes_back(&Content::new(body.clone()));
        comes_back(&Content::new(body).with_fallback(fallback).unwrap().replying_to(id(1)));
    }

    #[test]
    fn a_changed_content_of_any_kind_is_refused_or_says_something_within_limits(
        which in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        value: u8,
    ) {
        let bodies = bodies();
        let encoded = Content::new(which.get(&bodies).clone()).encode(&SeededRng::new(1));
        let mut bytes = encoded.plaintext().to_vec();
        let place = place.index(bytes.len());
        bytes[place] = value;
        crate::checks::content::check(&bytes);
    }
}
