use bulla_base::Category;
use bulla_content::InvalidContent;
use bulla_content::limits::{
    MAX_CARD_BODY_CHARS, MAX_CARDS, MAX_CODE_CHARS, MAX_FLOW_BUTTON_CHARS, MAX_FOOTER_CHARS,
    MAX_HEADER_CHARS, MAX_ID_CHARS, MAX_TEMPLATE_BODY_CHARS, MAX_TEMPLATE_BUTTON_CHARS, MAX_TEMPLATE_BUTTONS,
    MAX_URL_CHARS, MIN_CARDS,
};

use super::{ButtonDefinition, CardDefinition, HeaderDefinition, HeaderFormat, OneTimeCode, TemplateText};
use crate::limits::{
    MAX_CODE_MINUTES, MAX_TEMPLATE_EXAMPLE_BYTES, MAX_TEMPLATE_LANGUAGE_CHARS, MAX_TEMPLATE_NAME_CHARS,
    MAX_TEMPLATE_PARAMETERS,
};

/// What a template is: its parts, in one language, with places for what is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateDefinition {
    name: String,
    language: String,
    category: Category,
    format: ParameterFormat,
    header: Option<HeaderDefinition>,
    body: TemplateText,
    footer: Option<String>,
    buttons: Vec<ButtonDefinition>,
    cards: Vec<CardDefinition>,
    code: Option<OneTimeCode>,
}

/// How the places of a template are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ParameterFormat {
    /// By numbers, from 1 on.
    #[default]
    Positional,
    /// By words.
    Named,
}

impl TemplateDefinition {
    /// The template `name` in `language`, which says `body`. Whether it is one is told by
    /// [`check`](Self::check), and by the relay when it is created.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        language: impl Into<String>,
        category: Category,
        body: TemplateText,
    ) -> Self {
        Self {
            name: name.into(),
            language: language.into(),
            category,
            format: ParameterFormat::Positional,
            header: None,
            body,
            footer: None,
            buttons: Vec::new(),
            cards: Vec::new(),
            code: None,
        }
    }

    /// A template of the authentication category, whose words are fixed in each language. Its button says
    /// `button`, or what is usual.
    ///
    /// # Errors
    /// When there are no words in `language`, or its minutes are none.
    pub fn authentication(
        name: impl Into<String>,
        language: impl Into<String>,
        code: OneTimeCode,
        button: Option<String>,
    ) -> Result<Self, InvalidContent> {
        let (name, language) = (name.into(), language.into());
        if code.minutes().is_some_and(|minutes| !(1..=MAX_CODE_MINUTES).contains(&minutes)) {
            let (least, most) = (1, i32::from(MAX_CODE_MINUTES));
            return Err(InvalidContent::OutOfRange { field: "code_expiration_minutes", least, most });
        }
        let expected = "one with words for codes: en, es, pt, fr, de or it";
        let no_words = InvalidContent::Unfit { field: "language", expected };
        let body = code.body(&language).ok_or(no_words.clone())?;
        let (footer, usual) = (code.footer(&language), OneTimeCode::button(&language).ok_or(no_words)?);
        let button = button.map_or(usual, |text| ButtonDefinition::OneTimeCode { text });
        let mut definition = Self::new(name, language, Category::Authentication, body);
        (definition.footer, definition.buttons, definition.code) = (footer, vec![button], Some(code));
        Ok(definition)
    }

    /// Names its places as `format` says.
    #[must_use]
    pub const fn with_format(mut self, format: ParameterFormat) -> Self {
        self.format = format;
        self
    }

    /// Puts `header` above the body.
    #[must_use]
    pub fn with_header(mut self, header: HeaderDefinition) -> Self {
        self.header = Some(header);
        self
    }

    /// Puts `footer` below the body.
    #[must_use]
    pub fn with_footer(mut self, footer: impl Into<String>) -> Self {
        self.footer = Some(footer.into());
        self
    }

    /// Puts `buttons` below it.
    #[must_use]
    pub fn with_buttons(mut self, buttons: Vec<ButtonDefinition>) -> Self {
        self.buttons = buttons;
        self
    }

    /// Puts `cards` below it, side by side.
    #[must_use]
    pub fn with_cards(mut self, cards: Vec<CardDefinition>) -> Self {
        self.cards = cards;
        self
    }

    pub(crate) const fn with_code(mut self, code: OneTimeCode) -> Self {
        self.code = Some(code);
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its language, such as `en` or `pt_BR`.
    #[must_use]
    pub fn language(&self) -> &str {
        &self.language
    }

    /// What it is for.
    #[must_use]
    pub const fn category(&self) -> Category {
        self.category
    }

    /// How its places are named.
    #[must_use]
    pub const fn format(&self) -> ParameterFormat {
        self.format
    }

    /// What stands above the body.
    #[must_use]
    pub const fn header(&self) -> Option<&HeaderDefinition> {
        self.header.as_ref()
    }

    /// What it says.
    #[must_use]
    pub const fn body(&self) -> &TemplateText {
        &self.body
    }

    /// What stands below in small letters.
    #[must_use]
    pub fn footer(&self) -> Option<&str> {
        self.footer.as_deref()
    }

    /// What can be tapped below.
    #[must_use]
    pub fn buttons(&self) -> &[ButtonDefinition] {
        &self.buttons
    }

    /// Its cards.
    #[must_use]
    pub fn cards(&self) -> &[CardDefinition] {
        &self.cards
    }

    /// Of an authentication template: which of the fixed words it has.
    #[must_use]
    pub const fn one_time_code(&self) -> Option<OneTimeCode> {
        self.code
    }

    /// Makes sure that it is one that can be sent.
    ///
    /// # Errors
    /// The first bound that it breaks.
    pub fn check(&self) -> Result<(), InvalidContent> {
        self.check_name()?;
        if self.category == Category::Service {
            let expected = "UTILITY, MARKETING or AUTHENTICATION";
            return Err(InvalidContent::Unfit { field: "category", expected });
        }
        if (self.category == Category::Authentication) != self.code.is_some() {
            let expected = "that of an authentication template: a body without text and one button OTP";
            return Err(InvalidContent::Unfit { field: "components", expected });
        }
        if let Some(header) = &self.header {
            self.check_header(header)?;
        }
        filled("components.body.text", MAX_TEMPLATE_BODY_CHARS, self.body.text())?;
        self.check_text("components.body.text", &self.body)?;
        if let Some(footer) = &self.footer {
            filled("components.footer.text", MAX_FOOTER_CHARS, footer)?;
        }
        self.check_buttons("components.buttons", &self.buttons)?;
        let (field, unit, actual) = ("components.cards", "cards", self.cards.len());
        at_most(field, unit, MAX_CARDS, actual)?;
        if (1..MIN_CARDS).contains(&actual) {
            return Err(InvalidContent::TooFew { field, unit, actual, least: MIN_CARDS });
        }
        self.cards.iter().try_for_each(|card| self.check_card(card))
    }

    fn check_name(&self) -> Result<(), InvalidContent> {
        filled("name", MAX_TEMPLATE_NAME_CHARS, &self.name)?;
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if !self.name.bytes().all(is_letter) {
            let expected = "made of lowercase letters, digits and underscores";
            return Err(InvalidContent::Unfit { field: "name", expected });
        }
        filled("language", MAX_TEMPLATE_LANGUAGE_CHARS, &self.language)?;
        let mut parts = self.language.split('_');
        let is_language = parts.next().is_some_and(|part| {
            matches!(part.len(), 2 | 3) && part.bytes().all(|byte| byte.is_ascii_lowercase())
        });
        // As requests are read that name it: one that is called `en_us` would never be found.
        let is_rest = |part: &str| match part.len() {
            2 => part.bytes().all(|byte| byte.is_ascii_uppercase()),
            3 | 4 => part.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            _ => false,
        };
        match is_language && parts.all(is_rest) {
            true => Ok(()),
            false => Err(InvalidContent::Unfit { field: "language", expected: "one such as en or en_US" }),
        }
    }

    fn check_header(&self, header: &HeaderDefinition) -> Result<(), InvalidContent> {
        header
            .examples()
            .iter()
            .try_for_each(|example| check_example("components.header.example", example))?;
        at_most("components.header.example", "examples", MAX_CARDS, header.examples().len())?;
        if header.format() != HeaderFormat::Text {
            return Ok(());
        }
        let field = "components.header.text";
        filled(field, MAX_HEADER_CHARS, header.words().text())?;
        self.check_text(field, header.words())?;
        at_most(field, "places", 1, header.words().places().len())
    }

    fn check_text(&self, field: &'static str, text: &TemplateText) -> Result<(), InvalidContent> {
        at_most(field, "places", MAX_TEMPLATE_PARAMETERS, text.places().len())?;
        if let Some(expected) = text.fault(self.format) {
            return Err(InvalidContent::Unfit { field, expected });
        }
        let (examples, places) = (text.examples().len(), text.places().len());
        if examples != 0 && examples != places {
            let expected = "a text with as many examples as places, or none";
            return Err(InvalidContent::Unfit { field, expected });
        }
        text.examples().iter().try_for_each(|example| check_example(field, example))
    }

    fn check_card(&self, card: &CardDefinition) -> Result<(), InvalidContent> {
        if !matches!(card.header.format(), HeaderFormat::Image | HeaderFormat::Video) {
            let expected = "IMAGE or VIDEO";
            return Err(InvalidContent::Unfit { field: "components.cards.header.format", expected });
        }
        self.check_header(&card.header)?;
        if let Some(body) = &card.body {
            filled("components.cards.body.text", MAX_CARD_BODY_CHARS, body.text())?;
            self.check_text("components.cards.body.text", body)?;
        }
        self.check_buttons("components.cards.buttons", &card.buttons)
    }

    fn check_buttons(&self, field: &'static str, buttons: &[ButtonDefinition]) -> Result<(), InvalidContent> {
        at_most(field, "buttons", MAX_TEMPLATE_BUTTONS, buttons.len())?;
        buttons.iter().try_for_each(|button| self.check_button(button))
    }

    fn check_button(&self, button: &ButtonDefinition) -> Result<(), InvalidContent> {
        filled("components.buttons.text", MAX_TEMPLATE_BUTTON_CHARS, button.text())?;
        match button {
            ButtonDefinition::Url { url, .. } => self.check_url(url),
            ButtonDefinition::CopyCode { example } => {
                at_most("components.buttons.example", "characters", MAX_CODE_CHARS, example.chars().count())
            }
            ButtonDefinition::OneTimeCode { .. } if self.code.is_none() => {
                let expected = "a button of an authentication template alone, when it is OTP";
                Err(InvalidContent::Unfit { field: "components.buttons.type", expected })
            }
            ButtonDefinition::Flow { text, flow, screen, .. } => {
                filled("components.buttons.text", MAX_FLOW_BUTTON_CHARS, text)?;
                filled("components.buttons.flow_id", MAX_ID_CHARS, flow)?;
                let screen = screen.as_ref().map_or(0, |screen| screen.chars().count());
                at_most("components.buttons.navigate_screen", "characters", MAX_ID_CHARS, screen)
            }
            ButtonDefinition::QuickReply { .. }
            | ButtonDefinition::PhoneNumber { .. }
            | ButtonDefinition::OneTimeCode { .. } => Ok(()),
        }
    }

    fn check_url(&self, url: &TemplateText) -> Result<(), InvalidContent> {
        let field = "components.buttons.url";
        filled(field, MAX_URL_CHARS, url.text())?;
        let unfit = |expected| Err(InvalidContent::Unfit { field, expected });
        if !["http://", "https://"].iter().any(|scheme| url.text().starts_with(scheme)) {
            return unfit("a link that begins with http:// or https://");
        }
        // An example is a whole link, which is longer than what is filled in.
        if let Some(expected) = url.fault(ParameterFormat::Positional) {
            return unfit(expected);
        }
        url.examples().iter().try_for_each(|example| check_example(field, example))?;
        at_most(field, "examples", 1, url.examples().len())?;
        match url.places().as_slice() {
            [] => Ok(()),
            [_] if url.text().ends_with("}}") && url.text().matches("{{").count() == 1 => Ok(()),
            _ => unfit("a link with at most one place, at its end"),
        }
    }
}

fn check_example(field: &'static str, example: &str) -> Result<(), InvalidContent> {
    at_most(field, "bytes in an example", MAX_TEMPLATE_EXAMPLE_BYTES, example.len())
}

fn filled(field: &'static str, limit: usize, text: &str) -> Result<(), InvalidContent> {
    if text.is_empty() {
        return Err(InvalidContent::Empty { field });
    }
    if text.contains('\0') {
        return Err(InvalidContent::Unfit { field, expected: "a text without a NUL" });
    }
    at_most(field, "characters", limit, text.chars().count())
}

fn at_most(
    field: &'static str,
    unit: &'static str,
    limit: usize,
    actual: usize,
) -> Result<(), InvalidContent> {
    if actual > limit { Err(InvalidContent::TooLong { field, unit, actual, limit }) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
