use proptest::prelude::*;

use super::*;

fn plain(name: &str, body: &str) -> TemplateDefinition {
    TemplateDefinition::new(name, "en_US", Category::Utility, TemplateText::new(body))
}

fn refused(definition: &TemplateDefinition) -> String {
    definition.check().unwrap_err().to_string()
}

fn reply(text: &str) -> ButtonDefinition {
    ButtonDefinition::QuickReply { text: text.into() }
}

fn link(url: &str) -> ButtonDefinition {
    ButtonDefinition::Url { text: "Open".into(), url: TemplateText::new(url) }
}

#[test]
fn each_part_is_taken_at_its_bound_and_refused_one_past_it() {
    let a = |count| "a".repeat(count);
    let header = |text: String| plain("a", "b").with_header(HeaderDefinition::text(TemplateText::new(text)));
    let buttons = |count| plain("a", "b").with_buttons(vec![reply("Yes"); count]);
    let card = || CardDefinition::new(HeaderDefinition::brought(HeaderFormat::Image), vec![reply("Yes")]);
    let cards = |count| plain("a", "b").with_cards(vec![card(); count]);
    let card_body = |count| {
        let body = TemplateText::new(a(count));
        plain("a", "b").with_cards(vec![card().with_body(body), card()])
    };
    let places =
        |count: usize| plain("a", &(1..=count).map(|place| format!("{{{{{place}}}}}")).collect::<String>());
    let example = |bytes| {
        let text = TemplateText::new("{{1}}").with_examples(vec![a(bytes)]);
        TemplateDefinition::new("a", "en", Category::Utility, text)
    };
    for (at, past, says) in [
        (plain(&a(512), "b"), plain(&a(513), "b"), "name has 513 characters, more than the 512 allowed"),
        (plain("a", &a(1024)), plain("a", &a(1025)), "components.body.text has 1025 characters"),
        (header(a(60)), header(a(61)), "components.header.text has 61 characters"),
        (header("{{1}}".into()), header("{{1}}{{2}}".into()), "components.header.text has 2 places"),
        (
            plain("a", "b").with_footer(a(60)),
            plain("a", "b").with_footer(a(61)),
            "components.footer.text has 61",
        ),
        (buttons(10), buttons(11), "components.buttons has 11 buttons, more than the 10 allowed"),
        (
            plain("a", "b").with_buttons(vec![reply(&a(25))]),
            plain("a", "b").with_buttons(vec![reply(&a(26))]),
            "components.buttons.text has 26 characters, more than the 25 allowed",
        ),
        (cards(10), cards(11), "components.cards has 11 cards, more than the 10 allowed"),
        (cards(2), cards(1), "components.cards has 1 cards, fewer than the 2 it takes"),
        (card_body(160), card_body(161), "components.cards.body.text has 161 characters"),
        (places(100), places(101), "components.body.text has 101 places, more than the 100 allowed"),
        (example(4096), example(4097), "has 4097 bytes in an example, more than the 4096 allowed"),
        (
            plain("a", "b").with_buttons(vec![link(&format!("https://{}", a(1992)))]),
            plain("a", "b").with_buttons(vec![link(&format!("https://{}", a(1993)))]),
            "components.buttons.url has 2001 characters",
        ),
    ] {
        assert_eq!(at.check(), Ok(()), "{says}");
        assert!(refused(&past).contains(says), "{} is not {says}", refused(&past));
    }
}

#[test]
fn what_is_no_template_is_refused_by_the_field_that_is_wrong() {
    for (definition, says) in [
        (plain("", "b"), "name is empty"),
        (plain("Hello", "b"), "name is not made of lowercase letters"),
        (plain("a", ""), "components.body.text is empty"),
        (plain("a", "{{2}}"), "components.body.text is not a text whose places are {{1}}"),
        (plain("a", "{{1"), "components.body.text is not a text in which every {{ is closed"),
        (
            plain("a", "b").with_buttons(vec![link("ftp://a")]),
            "components.buttons.url is not a link that begins",
        ),
        (plain("a", "b").with_buttons(vec![link("https://a/{{1}}/b")]), "at its end"),
        (
            plain("a", "b").with_buttons(vec![ButtonDefinition::OneTimeCode { text: "Copy".into() }]),
            "components.buttons.type is not a button of an authentication template alone",
        ),
        (
            TemplateDefinition::new("a", "english", Category::Utility, TemplateText::new("b")),
            "language is not one such as en or en_US",
        ),
        // It is looked for as `en_US`, and would not be found.
        (
            TemplateDefinition::new("a", "en_us", Category::Utility, TemplateText::new("b")),
            "language is not one such as en or en_US",
        ),
        (
            TemplateDefinition::new("a", "en", Category::Service, TemplateText::new("b")),
            "category is not UTILITY, MARKETING or AUTHENTICATION",
        ),
        (
            TemplateDefinition::new("a", "en", Category::Authentication, TemplateText::new("b")),
            "components is not that of an authentication template",
        ),
    ] {
        assert!(refused(&definition).contains(says), "{} is not {says}", refused(&definition));
    }
    for language in ["en", "en_US", "pt_BR", "fil", "zh_HK", "sr_Latn"] {
        let of = TemplateDefinition::new("a", language, Category::Marketing, TemplateText::new("b"));
        assert_eq!(of.check(), Ok(()), "{language}");
    }
}

#[test]
fn the_words_of_codes_are_fixed_in_each_language() {
    let code = OneTimeCode::new().recommending(true).expiring(10);
    let definition = TemplateDefinition::authentication("login", "en_US", code, None).unwrap();
    assert_eq!(definition.check(), Ok(()));
    assert_eq!(
        definition.body().text(),
        "{{1}} is your verification code. For your security, do not share this code."
    );
    assert_eq!(definition.footer(), Some("This code expires in 10 minutes."));
    assert_eq!(definition.buttons()[0].text(), "Copy code");
    for language in ["es", "pt_BR", "fr", "de", "it"] {
        let definition = TemplateDefinition::authentication("login", language, code, None).unwrap();
        assert_eq!(definition.check(), Ok(()), "{language}");
    }
    let of = |language, minutes| {
        TemplateDefinition::authentication("login", language, OneTimeCode::new().expiring(minutes), None)
    };
    assert!(of("en", 90).is_ok() && of("en", 1).is_ok());
    for (language, minutes, says) in [
        ("en", 91, "code_expiration_minutes is not between 1 and 90"),
        ("en", 0, "code_expiration_minutes is not between 1 and 90"),
        ("ja", 5, "language is not one with words for codes: en, es, pt, fr, de or it"),
    ] {
        assert_eq!(of(language, minutes).unwrap_err().to_string(), says);
    }
}

proptest! {
    /// Whatever stands in it, it is refused, or what it has places for can be filled in.
    #[test]
    fn any_text_is_refused_or_can_be_filled_in(text in "[{}a-c1-3_ \\x00]{0,24}", named: bool) {
        let format = if named { ParameterFormat::Named } else { ParameterFormat::Positional };
        let definition = plain("a", &text).with_format(format);
        if definition.check().is_ok() {
            let filled = definition.body().fill(|_| Some("x"));
            prop_assert!(!filled.contains("{{"), "{text:?} became {filled:?}");
        }
    }
}
