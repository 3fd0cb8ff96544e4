use super::{CtaUrl, Header, Product, ReplyButtons};
use crate::limits::{MAX_CARD_BODY_CHARS, MAX_CARDS, MIN_CARDS};
use crate::wire::{Listed, choice, record, silent};
use crate::{InvalidContent, bounded_text};

record! {
    /// Cards side by side.
    pub struct Carousel {
        cards: Vec<Card> = 1,
    }
}

record! {
    /// One card of a carousel.
    pub struct Card {
        header: Option<Header> = 1,
        body: Option<String> = 2,
        action: CardAction = 3,
    }
}

choice! {
    /// What can be tapped on a card.
    pub enum CardAction {
        /// A link.
        CtaUrl(CtaUrl) = 1,
        /// A product, which is shown as the catalog has it.
        Product(Product) = 2,
        /// Buttons whose titles are sent back.
        Buttons(ReplyButtons) = 3,
    }
}

silent!(Carousel);
silent!(Card);

impl Listed for Card {
    const LIST: (&'static str, &'static str, usize) = ("interactive.action.cards", "cards", MAX_CARDS);
}

impl Carousel {
    /// These cards.
    ///
    /// # Errors
    /// When they are fewer than [`MIN_CARDS`] or more than [`MAX_CARDS`].
    pub fn new(cards: Vec<Card>) -> Result<Self, InvalidContent> {
        Self { cards }.checked()
    }

    fn checked(self) -> Result<Self, InvalidContent> {
        let (field, unit, limit) = Card::LIST;
        let actual = self.cards.len();
        if actual < MIN_CARDS {
            return Err(InvalidContent::TooFew { field, unit, actual, least: MIN_CARDS });
        }
        InvalidContent::at_most(field, unit, limit, actual)?;
        Ok(self)
    }

    /// The cards.
    #[must_use]
    pub fn cards(&self) -> &[Card] {
        &self.cards
    }
}

impl Card {
    /// A card with `action`.
    #[must_use]
    pub const fn new(action: CardAction) -> Self {
        Self { header: None, body: None, action }
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        bounded_text::optional("interactive.action.cards.body.text", MAX_CARD_BODY_CHARS, &mut self.body)?;
        let is_shown = matches!(&self.header, Some(Header::Image(_) | Header::Video(_)));
        if self.header.is_some() && !is_shown {
            let field = "interactive.action.cards.header";
            return Err(InvalidContent::Unfit { field, expected: "an image or a video" });
        }
        Ok(self)
    }

    /// Puts `header` at its top.
    ///
    /// # Errors
    /// When that is neither an image nor a video.
    pub fn with_header(mut self, header: Header) -> Result<Self, InvalidContent> {
        self.header = Some(header);
        self.checked()
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
    pub const fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// What is said.
    #[must_use]
    pub fn body(&self) -> Option<&str> {
        self.body.as_deref()
    }

    /// What can be tapped.
    #[must_use]
    pub const fn action(&self) -> &CardAction {
        &self.action
    }
}
