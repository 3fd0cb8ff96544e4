use super::TemplateButton;
use crate::limits::MAX_CARD_BODY_CHARS;
use crate::wire::{Listed, record, silent};
use crate::{Header, InvalidContent, bounded_text};

record! {
    /// One card of a template.
    pub struct TemplateCard {
        header: Header = 1,
        body: Option<String> = 2,
        buttons: Vec<TemplateButton> = 3,
    }
}

silent!(TemplateCard);

impl TemplateCard {
    /// A card with `header` at its top and `buttons` below.
    ///
    /// # Errors
    /// When the header is neither an image nor a video, or the buttons are more than
    /// [`MAX_TEMPLATE_BUTTONS`](crate::limits::MAX_TEMPLATE_BUTTONS).
    pub fn new(header: Header, buttons: Vec<TemplateButton>) -> Result<Self, InvalidContent> {
        Self { header, body: None, buttons }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        if !matches!(self.header, Header::Image(_) | Header::Video(_)) {
            let field = "template.cards.header";
            return Err(InvalidContent::Unfit { field, expected: "an image or a video" });
        }
        bounded_text::optional("template.cards.body", MAX_CARD_BODY_CHARS, &mut self.body)?;
        let (field, unit, limit) = TemplateButton::LIST;
        InvalidContent::at_most(field, unit, limit, self.buttons.len())?;
        Ok(self)
    }

    /// Says `body`; an empty one is none.
    ///
    /// # Errors
    /// When it is longer than [`MAX_CARD_BODY_CHARS`].
    pub fn with_body(mut self, body: impl Into<String>) -> Result<Self, InvalidContent> {
        self.body = Some(body.into());
        self.checked()
    }

    /// What stands at its top.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// What is said.
    #[must_use]
    pub fn body(&self) -> Option<&str> {
        self.body.as_deref()
    }

    /// What can be tapped.
    #[must_use]
    pub fn buttons(&self) -> &[TemplateButton] {
        &self.buttons
    }
}
