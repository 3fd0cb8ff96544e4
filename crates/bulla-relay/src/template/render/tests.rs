use bulla_base::{Category, MessageId, Number, SeededRng, Timestamp};
use bulla_content::FlowMode;
use bulla_content::attachment::AttachmentKey;
use proptest::prelude::*;

use super::*;
use crate::{CardDefinition, MediaId, MediaKind, OneTimeCode, OutgoingMedia};

fn plain(body: &str) -> TemplateDefinition {
    TemplateDefinition::new("order", "en", Category::Utility, TemplateText::new(body))
}

fn with(parameters: TemplateParameters) -> OutgoingTemplate {
    OutgoingTemplate::new("order", "en").with(parameters)
}

fn body(texts: &[&str]) -> OutgoingTemplate {
    with(of_body(texts))
}

fn of_body(texts: &[&str]) -> TemplateParameters {
    TemplateParameters::new().body(texts.iter().map(|text| TextParameter::new(*text)).collect())
}

fn picture() -> (OutgoingMedia, (AttachmentPointer, bool)) {
    let id = MessageId::new(Timestamp::from_millis(1), &SeededRng::new(1));
    let media = OutgoingMedia::new(MediaId::from_bytes(*id.as_bytes()).unwrap(), MediaKind::Image);
    let key = AttachmentKey::from_bytes([1; 32]);
    (media, (AttachmentPointer::new("there", key, [2; 32], 9, "image/png").unwrap(), false))
}

fn refusal(definition: &TemplateDefinition, message: &OutgoingTemplate) -> String {
    definition.render(message, Vec::new()).unwrap_err().to_string()
}

#[test]
fn places_are_filled_by_their_position_or_by_their_name() {
    let template = plain("Hi {{1}}, {{2}} is yours").render(&body(&["Ann", "the parcel"]), Vec::new());
    assert_eq!(template.unwrap().body(), "Hi Ann, the parcel is yours");
    let named = plain("Hi {{who}}: {{what}}").with_format(ParameterFormat::Named);
    let given = |names: [&str; 2]| {
        let texts = names.into_iter().zip(["the parcel", "Ann"]);
        let texts = texts.map(|(name, text)| TextParameter::named(name, text)).collect();
        with(TemplateParameters::new().body(texts))
    };
    let template = named.render(&given(["what", "who"]), Vec::new()).unwrap();
    assert_eq!(template.body(), "Hi Ann: the parcel");
    for wrong in [given(["what", "whom"]), given(["what", "what"]), body(&["Ann", "the parcel"])] {
        assert!(refusal(&named, &wrong).contains("not named as the template's places"));
    }
}

#[test]
fn one_parameter_too_few_or_too_many_is_refused_with_both_counts() {
    let header = HeaderDefinition::text(TemplateText::new("For {{1}}"));
    let definition = plain("Hi {{1}}").with_header(header);
    let given = |header: usize, texts: &[&str]| {
        let header = vec![HeaderParameter::Text(TextParameter::new("Bo")); header];
        with(of_body(texts).header(header))
    };
    let template = definition.render(&given(1, &["Ann"]), Vec::new()).unwrap();
    assert!(matches!(template.header(), Some(Header::Text(text)) if text.text() == "For Bo"));
    for (message, says) in [
        (given(1, &[]), "body: 0 parameters, where the template takes 1"),
        (given(1, &["a", "b"]), "body: 2 parameters, where the template takes 1"),
        (given(0, &["a"]), "header: 0 parameters, where the template takes 1"),
        (given(2, &["a"]), "header: 2 parameters, where the template takes 1"),
    ] {
        assert_eq!(refusal(&definition, &message), says);
    }
    assert!(refusal(&plain("a"), &given(1, &[])).starts_with("header: 1 parameters"));
}

#[test]
fn headers_that_are_brought_are_of_the_sort_that_was_defined() {
    let (media, at) = picture();
    let definition = plain("a").with_header(HeaderDefinition::brought(HeaderFormat::Image));
    let given = |parameter| with(TemplateParameters::new().header(vec![parameter]));
    let message = given(HeaderParameter::Media(media));
    assert_eq!(message.media().count(), 1);
    let template = definition.render(&message, vec![at.clone()]).unwrap();
    assert!(matches!(template.header(), Some(Header::Image(image)) if image.attachment() == &at.0));
    let video = plain("a").with_header(HeaderDefinition::brought(HeaderFormat::Video));
    let refused = video.render(&message, vec![at]).unwrap_err();
    assert_eq!(refused.to_string(), "header: the template takes VIDEO there");
    assert_eq!(
        refusal(&definition, &with(TemplateParameters::new())),
        "header: the template takes IMAGE there"
    );
    let words = given(HeaderParameter::Text(TextParameter::new("a")));
    assert_eq!(refusal(&definition, &words), "header: the template takes IMAGE there");
}

#[test]
fn buttons_take_what_they_are_for() {
    let url = |url: &str| ButtonDefinition::Url { text: "Open".into(), url: TemplateText::new(url) };
    let definition = plain("a").with_buttons(vec![
        ButtonDefinition::QuickReply { text: "Stop".into() },
        url("https://a.b/{{1}}"),
        ButtonDefinition::PhoneNumber { text: "Call".into(), number: Number::parse("16505551234").unwrap() },
        ButtonDefinition::CopyCode { example: "SAVE".into() },
        ButtonDefinition::Flow {
            text: "Book".into(),
            flow: "77".into(),
            mode: FlowMode::Navigate,
            screen: None,
        },
    ]);
    let most = TemplateParameters::new()
        .button(1, ButtonParameter::Text("track".into()))
        .button(3, ButtonParameter::Code("SAVE10".into()));
    let template = definition.render(&with(most.clone()), Vec::new()).unwrap();
    let [
        TemplateButton::QuickReply(stop),
        TemplateButton::Url(open),
        TemplateButton::PhoneNumber(_),
        TemplateButton::CopyCode(copy),
        TemplateButton::Flow(flow),
    ] = template.buttons()
    else {
        panic!("{template:?}")
    };
    // What nobody says comes back as what stands on the button.
    assert_eq!((stop.text(), stop.payload()), ("Stop", "Stop"));
    assert_eq!((open.url(), copy.code(), flow.token()), ("https://a.b/track", "SAVE10", None));
    let payload = most.clone().button(0, ButtonParameter::Payload("p".into()));
    let template = definition.render(&with(payload), Vec::new()).unwrap();
    assert!(matches!(&template.buttons()[0], TemplateButton::QuickReply(stop) if stop.payload() == "p"));
    for (given, says) in [
        (TemplateParameters::new(), "buttons[1]: the text at the end of its link is missing"),
        (
            TemplateParameters::new().button(1, ButtonParameter::Text("t".into())),
            "buttons[3]: its coupon_code is missing",
        ),
        (
            most.clone().button(0, ButtonParameter::Text("t".into())),
            "buttons[0]: the template takes a payload there",
        ),
        (
            most.clone().button(2, ButtonParameter::Text("t".into())),
            "buttons[2]: 1 parameters, where the template takes 0",
        ),
        (
            most.clone().button(5, ButtonParameter::Text("t".into())),
            "buttons[5]: 1 parameters, where the template takes 0",
        ),
        (
            most.button(1, ButtonParameter::Text("t".into())),
            "buttons[1]: 2 parameters, where the template takes 1",
        ),
    ] {
        assert_eq!(refusal(&definition, &with(given)), says);
    }
}

#[test]
fn a_code_stands_in_the_body_and_on_the_button() {
    let code = OneTimeCode::new().expiring(5);
    let definition = TemplateDefinition::authentication("login", "en", code, Some("Copy it".into())).unwrap();
    for message in
        [body(&["123456"]), with(of_body(&["123456"]).button(0, ButtonParameter::Text("123456".into())))]
    {
        let template = definition.render(&message, Vec::new()).unwrap();
        assert_eq!(template.body(), "123456 is your verification code.");
        assert_eq!(template.footer(), Some("This code expires in 5 minutes."));
        let TemplateButton::CopyCode(button) = &template.buttons()[0] else { panic!("{template:?}") };
        assert_eq!((button.text(), button.code()), ("Copy it", "123456"));
    }
}

#[test]
fn each_card_is_filled_in_by_itself() {
    let (media, at) = picture();
    let card = CardDefinition::new(
        HeaderDefinition::brought(HeaderFormat::Image),
        vec![ButtonDefinition::QuickReply { text: "More".into() }],
    );
    let definition =
        plain("Look").with_cards(vec![card.clone().with_body(TemplateText::new("{{1}} left")), card]);
    let part = || TemplateParameters::new().header(vec![HeaderParameter::Media(media.clone())]);
    let first = part().body(vec![TextParameter::new("Two")]);
    let message = OutgoingTemplate::new("order", "en").with_cards(vec![first.clone(), part()]);
    let template = definition.render(&message, vec![at.clone(), at.clone()]).unwrap();
    let bodies: Vec<_> = template.cards().iter().map(TemplateCard::body).collect();
    assert_eq!(bodies, [Some("Two left"), None]);
    let short = OutgoingTemplate::new("order", "en").with_cards(vec![first.clone()]);
    let refused = definition.render(&short, vec![at.clone()]).unwrap_err().to_string();
    assert_eq!(refused, "cards: 1 parameters, where the template takes 2");
    let bare = OutgoingTemplate::new("order", "en").with_cards(vec![part(), part()]);
    let refused = definition.render(&bare, vec![at.clone(), at]).unwrap_err().to_string();
    assert_eq!(refused, "cards[0].body: 0 parameters, where the template takes 1");
}

#[test]
fn what_becomes_too_long_is_refused_with_its_bound() {
    let definition = plain("{{1}}").with_footer("f");
    let most = "a".repeat(1024);
    assert!(definition.render(&body(&[&most]), Vec::new()).is_ok());
    let refused = definition.render(&body(&[&format!("{most}a")]), Vec::new()).unwrap_err();
    let TemplateRefusal::Rendered(why) = refused else { panic!("{refused:?}") };
    assert_eq!(why.to_string(), "template.body has 1025 characters, more than the 1024 allowed");
}

proptest! {
    /// Whatever is filled in stands in the text as it was given, and nothing else of it changes.
    #[test]
    fn what_is_filled_in_stands_there_as_it_was_given(texts in proptest::collection::vec("[^\\x00]{0,40}", 0..8)) {
        let places: String = (1..=texts.len()).map(|place| format!("<{{{{{place}}}}}>")).collect();
        let expected: String = texts.iter().map(|text| format!("<{text}>")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let template = plain(&format!("-{places}")).render(&body(&texts), Vec::new()).unwrap();
        prop_assert_eq!(template.body(), format!("-{expected}"));
    }
}
