use super::TemplateText;

/// What stands at the top of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderDefinition {
    format: HeaderFormat,
    text: TemplateText,
    examples: Vec<String>,
}

/// What sort of header it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderFormat {
    /// Words.
    Text,
    /// An image, which each message brings.
    Image,
    /// A video, which each message brings.
    Video,
    /// A document, which each message brings.
    Document,
    /// A place, which each message brings.
    Location,
}

impl HeaderDefinition {
    /// A header of words, with at most one place.
    #[must_use]
    pub const fn text(text: TemplateText) -> Self {
        Self { format: HeaderFormat::Text, text, examples: Vec::new() }
    }

    /// A header that each message brings. Of [`HeaderFormat::Text`] it has no words, and is refused.
    #[must_use]
    pub fn brought(format: HeaderFormat) -> Self {
        Self { format, text: TemplateText::default(), examples: Vec::new() }
    }

    /// Shows whoever reviews it what may be brought: handles or links.
    #[must_use]
    pub fn with_examples(mut self, examples: Vec<String>) -> Self {
        self.examples = examples;
        self
    }

    /// What sort it is.
    #[must_use]
    pub const fn format(&self) -> HeaderFormat {
        self.format
    }

    /// Its words.
    #[must_use]
    pub const fn words(&self) -> &TemplateText {
        &self.text
    }

    /// What may be brought.
    #[must_use]
    pub fn examples(&self) -> &[String] {
        &self.examples
    }
}

impl HeaderFormat {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 5] = [Self::Text, Self::Image, Self::Video, Self::Document, Self::Location];

    /// The one with this name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name().eq_ignore_ascii_case(name))
    }

    /// The name that the API has for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "TEXT",
            Self::Image => "IMAGE",
            Self::Video => "VIDEO",
            Self::Document => "DOCUMENT",
            Self::Location => "LOCATION",
        }
    }
}
