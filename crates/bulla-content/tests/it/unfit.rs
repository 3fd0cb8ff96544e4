//! What is within all limits and yet not what it has to be is refused.

use bulla_content::*;

use crate::samples::{buttons, card, contact, header, image, interactive, section};

fn place() -> Location {
    Location::new(1.0, 1.0).unwrap()
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let same_title = vec![ReplyButton::new("1", "x").unwrap(), ReplyButton::new("2", "x").unwrap()];
    let same_id = vec![ReplyButton::new("1", "x").unwrap(), ReplyButton::new("1", "y").unwrap()];
    let refused = ReplyButtons::new(same_title).unwrap_err().to_string();
    assert_eq!(refused, "two of interactive.action.buttons.reply.title are alike");
    assert_eq!(
        ReplyButtons::new(same_id).unwrap_err().to_string(),
        "two of interactive.action.buttons.reply.id are alike"
    );
    let refused = List::new("x", vec![section(0, 2), section(1, 1)]).unwrap_err();
    assert_eq!(refused.to_string(), "two of interactive.action.sections.rows.id are alike");
    // A header of media above a list, one of a place above buttons, any above a request for a place.
    let list = interactive(Action::List(List::new("x", vec![section(0, 1)]).unwrap()));
    let above = [
        list.with_header(Header::Image(image())),
        interactive(Action::Buttons(buttons(1))).with_header(Header::Location(place())),
        interactive(Action::LocationRequest(LocationRequest)).with_header(header("x")),
        interactive(Action::LocationRequest(LocationRequest)).with_footer("x"),
    ];
    for refused in above {
        assert!(matches!(refused.unwrap_err(), InvalidContent::Unfit { .. }));
    }
    assert!(card().with_header(header("x")).is_err());
    assert!(TemplateCard::new(header("x"), Vec::new()).is_err());
    let nameless = Contact::new(ContactName::new("x").unwrap()).unwrap_err();
    let said = "contacts.name is not a formatted name with one of its parts, such as the first name";
    assert_eq!(nameless.to_string(), said);
}

#[test]
fn what_is_no_place_date_currency_country_or_media_type_is_refused() {
    for (latitude, longitude, field) in [
        (90.000_000_1, 0.0, "location.latitude is not between -90 and 90"),
        (0.0, -180.000_001, "location.longitude is not between -180 and 180"),
        (f64::NAN, 0.0, "location.latitude is not between -90 and 90"),
        (0.0, f64::INFINITY, "location.longitude is not between -180 and 180"),
    ] {
        assert_eq!(Location::new(latitude, longitude).unwrap_err().to_string(), field);
    }
    for date in
        ["1999-13-01", "1999-00-01", "1999-1-01", "99-01-01", "1999-01-32", "1999-01-01-", "x", "1999-01-0x"]
    {
        let refused = contact().with_birthday(date).unwrap_err();
        assert_eq!(refused.to_string(), "contacts.birthday is not a date, such as 1999-12-31", "{date}");
    }
    assert_eq!(contact().with_birthday("").unwrap(), contact());
    for currency in ["", "eur", "EU", "EURO", "EÜ"] {
        assert!(OrderItem::new("x", 1, 1, currency).is_err(), "{currency}");
    }
    for country in ["in", "IND", "I", "1N"] {
        assert!(AddressRequest::new(country).is_err(), "{country}");
    }
    let of = |media_type: &str| {
        AttachmentPointer::new("x", AttachmentKey::from_bytes([0; 32]), [0; 32], 1, media_type)
    };
    for media_type in ["image", "image/", "/png", "im age/png", "image/png/x", "image/png; \n", "", "bild/ä"]
    {
        assert!(of(media_type).is_err(), "{media_type}");
    }
    for media_type in ["image/png", "IMAGE/PNG", "audio/ogg; codecs=opus", "application/vnd.ms-excel"] {
        assert!(of(media_type).is_ok(), "{media_type}");
    }
    for locator in ["", "a b", "ä", "a\n"] {
        let key = AttachmentKey::from_bytes([0; 32]);
        assert!(AttachmentPointer::new(locator, key, [0; 32], 1, "a/b").is_err(), "{locator}");
    }
}
