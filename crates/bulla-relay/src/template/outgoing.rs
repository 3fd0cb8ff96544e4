use std::fmt;

use bulla_content::Location;

use crate::OutgoingMedia;

/// A message with a template: which one, and what is filled in.
#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingTemplate {
    pub(crate) name: String,
    pub(crate) language: String,
    pub(crate) parameters: TemplateParameters,
    pub(crate) cards: Vec<TemplateParameters>,
}

/// What is filled in of a template, or of one of its cards.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct TemplateParameters {
    pub(crate) header: Vec<HeaderParameter>,
    pub(crate) body: Vec<TextParameter>,
    pub(crate) buttons: Vec<(usize, ButtonParameter)>,
}

/// What is filled in at a place in words.
#[derive(Clone, PartialEq, Eq)]
pub struct TextParameter {
    pub(crate) name: Option<String>,
    pub(crate) text: String,
}

/// What a message brings for the header.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderParameter {
    /// Words for its place.
    Text(TextParameter),
    /// An image, a video or a document.
    Media(OutgoingMedia),
    /// A place on the map.
    Location(Location),
}

/// What a message brings for a button.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ButtonParameter {
    /// What comes back unseen when a quick reply is tapped.
    Payload(String),
    /// What stands at the place in a link; or the one-time code once more.
    Text(String),
    /// The code that is copied.
    Code(String),
    /// What a flow begins with.
    Flow {
        /// What comes back with the answers.
        token: Option<String>,
        /// What its first page is filled with: JSON, unread.
        data: Option<String>,
    },
}

impl OutgoingTemplate {
    /// The template `name` in `language`, with nothing filled in.
    #[must_use]
    pub fn new(name: impl Into<String>, language: impl Into<String>) -> Self {
        let (name, language) = (name.into(), language.into());
        Self { name, language, parameters: TemplateParameters::default(), cards: Vec::new() }
    }

    /// Fills in `parameters`.
    #[must_use]
    pub fn with(mut self, parameters: TemplateParameters) -> Self {
        self.parameters = parameters;
        self
    }

    /// Fills in each card.
    #[must_use]
    pub fn with_cards(mut self, cards: Vec<TemplateParameters>) -> Self {
        self.cards = cards;
        self
    }

    /// The template's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its language.
    #[must_use]
    pub fn language(&self) -> &str {
        &self.language
    }

    /// The media that it brings, in the order in which it is shown.
    pub(crate) fn media(&self) -> impl Iterator<Item = &OutgoingMedia> {
        let parts = std::iter::once(&self.parameters).chain(&self.cards);
        parts.flat_map(|part| &part.header).filter_map(|parameter| match parameter {
            HeaderParameter::Media(media) => Some(media),
            HeaderParameter::Text(_) | HeaderParameter::Location(_) => None,
        })
    }
}

impl TemplateParameters {
    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Brings `parameters` for the header.
    #[must_use]
    pub fn header(mut self, parameters: Vec<HeaderParameter>) -> Self {
        self.header = parameters;
        self
    }

    /// Fills in the places of the body.
    #[must_use]
    pub fn body(mut self, parameters: Vec<TextParameter>) -> Self {
        self.body = parameters;
        self
    }

    /// Brings `parameter` for the button at `index`, counted from 0.
    #[must_use]
    pub fn button(mut self, index: usize, parameter: ButtonParameter) -> Self {
        self.buttons.push((index, parameter));
        self
    }
}

impl TextParameter {
    /// `text` at the next place.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { name: None, text: text.into() }
    }

    /// `text` at the place called `name`.
    #[must_use]
    pub fn named(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: Some(name.into()), text: text.into() }
    }
}

impl fmt::Debug for OutgoingTemplate {
    /// What is filled in prints how much it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, language, parameters, cards } = self;
        write!(f, "OutgoingTemplate({name}, {language}, {parameters:?}, {} cards)", cards.len())
    }
}

impl fmt::Debug for TemplateParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { header, body, buttons } = self;
        let (header, body, buttons) = (header.len(), body.len(), buttons.len());
        write!(f, "TemplateParameters({header} of the header, {body} of the body, {buttons} of buttons)")
    }
}

impl fmt::Debug for TextParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TextParameter({} bytes)", self.text.len())
    }
}

impl fmt::Debug for HeaderParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => text.fmt(f),
            Self::Media(media) => media.fmt(f),
            Self::Location(_) => f.write_str("Location(…)"),
        }
    }
}

impl fmt::Debug for ButtonParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Payload(_) => "Payload(…)",
            Self::Text(_) => "Text(…)",
            Self::Code(_) => "Code(…)",
            Self::Flow { .. } => "Flow(…)",
        })
    }
}
