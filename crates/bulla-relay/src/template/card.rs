use super::{ButtonDefinition, HeaderDefinition, TemplateText};

/// One card of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardDefinition {
    pub(crate) header: HeaderDefinition,
    pub(crate) body: Option<TemplateText>,
    pub(crate) buttons: Vec<ButtonDefinition>,
}

impl CardDefinition {
    /// A card with `header` at its top, an image or a video, and `buttons` below.
    #[must_use]
    pub const fn new(header: HeaderDefinition, buttons: Vec<ButtonDefinition>) -> Self {
        Self { header, body: None, buttons }
    }

    /// Says `body`.
    #[must_use]
    pub fn with_body(mut self, body: TemplateText) -> Self {
        self.body = Some(body);
        self
    }

    /// What stands at its top.
    #[must_use]
    pub const fn header(&self) -> &HeaderDefinition {
        &self.header
    }

    /// What it says.
    #[must_use]
    pub const fn body(&self) -> Option<&TemplateText> {
        self.body.as_ref()
    }

    /// What can be tapped.
    #[must_use]
    pub fn buttons(&self) -> &[ButtonDefinition] {
        &self.buttons
    }
}
