//! What a template has come to: what was approved, filled in.

mod button;
mod card;

use crate::limits::{
    MAX_CARDS, MAX_FOOTER_CHARS, MAX_LONE_TEMPLATE_BODY_CHARS, MAX_TEMPLATE_BODY_CHARS, MAX_TEMPLATE_BUTTONS,
    MIN_CARDS,
};
use crate::wire::{Listed, Record, optional_text, record, silent};
use crate::{Header, InvalidContent, bounded_text};

pub use self::button::{CopyCodeButton, PhoneNumberButton, QuickReplyButton, TemplateButton, UrlButton};
pub use self::card::TemplateCard;

record! {
    /// A template as the user sees it: its parts with what was filled in, in one language. Which template it
    /// was is the business's matter.
    pub struct Template {
        header: Option<Header> = 1,
        body: Option<String> = 2,
        footer: Option<String> = 3,
        buttons: Vec<TemplateButton> = 4,
        cards: Vec<TemplateCard> = 5,
    }
}

silent!(Template);

impl Listed for TemplateButton {
    const LIST: (&'static str, &'static str, usize) = ("template.buttons", "buttons", MAX_TEMPLATE_BUTTONS);
}

impl Listed for TemplateCard {
    const LIST: (&'static str, &'static str, usize) = ("template.cards", "cards", MAX_CARDS);
}

impl Template {
    /// A template that says `body`.
    ///
    /// # Errors
    /// When it is empty, longer than [`MAX_LONE_TEMPLATE_BODY_CHARS`], or than
    /// [`MAX_BODY_BYTES`](crate::limits::MAX_BODY_BYTES).
    pub fn new(body: impl Into<String>) -> Result<Self, InvalidContent> {
        let (buttons, cards) = (Vec::new(), Vec::new());
        Self { header: None, body: Some(body.into()), footer: None, buttons, cards }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        let is_alone = self.header.is_none()
            && self.footer.is_none()
            && self.buttons.is_empty()
            && self.cards.is_empty();
        let limit = if is_alone { MAX_LONE_TEMPLATE_BODY_CHARS } else { MAX_TEMPLATE_BODY_CHARS };
        bounded_text::optional("template.body", limit, &mut self.body)?;
        if self.body.is_none() {
            return Err(InvalidContent::Empty { field: "template.body" });
        }
        bounded_text::optional("template.footer", MAX_FOOTER_CHARS, &mut self.footer)?;
        let (field, unit, limit) = TemplateButton::LIST;
        InvalidContent::at_most(field, unit, limit, self.buttons.len())?;
        let (field, unit, limit) = TemplateCard::LIST;
        let actual = self.cards.len();
        if (1..MIN_CARDS).contains(&actual) {
            return Err(InvalidContent::TooFew { field, unit, actual, least: MIN_CARDS });
        }
        InvalidContent::at_most(field, unit, limit, actual)?;
        InvalidContent::fits("template", self.message_size())?;
        Ok(self)
    }

    /// Puts `header` above the body.
    ///
    /// # Errors
    /// When the body is longer than [`MAX_TEMPLATE_BODY_CHARS`].
    pub fn with_header(mut self, header: Header) -> Result<Self, InvalidContent> {
        self.header = Some(header);
        self.checked()
    }

    /// Puts `buttons` below.
    ///
    /// # Errors
    /// When they are more than [`MAX_TEMPLATE_BUTTONS`], or the body is longer than
    /// [`MAX_TEMPLATE_BODY_CHARS`].
    pub fn with_buttons(mut self, buttons: Vec<TemplateButton>) -> Result<Self, InvalidContent> {
        self.buttons = buttons;
        self.checked()
    }

    /// Puts `cards` below, side by side.
    ///
    /// # Errors
    /// When it is one, they are more than [`MAX_CARDS`], or the body is longer than
    /// [`MAX_TEMPLATE_BODY_CHARS`].
    pub fn with_cards(mut self, cards: Vec<TemplateCard>) -> Result<Self, InvalidContent> {
        self.cards = cards;
        self.checked()
    }

    /// What stands above the body.
    #[must_use]
    pub const fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// What it says.
    #[must_use]
    pub fn body(&self) -> &str {
        self.body.as_deref().unwrap_or_default()
    }

    optional_text!(footer, with_footer, "What stands below it in small letters.", MAX_FOOTER_CHARS);

    /// What can be tapped below.
    #[must_use]
    pub fn buttons(&self) -> &[TemplateButton] {
        &self.buttons
    }

    /// Its cards.
    #[must_use]
    pub fn cards(&self) -> &[TemplateCard] {
        &self.cards
    }
}
