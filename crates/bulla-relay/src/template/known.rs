use bulla_base::Category;

use super::{TemplateDefinition, TemplateId, TemplateStatus};
use crate::PageStart;

/// A template that an account has.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageTemplate {
    /// By what it is known.
    pub id: TemplateId,
    /// What it is.
    pub definition: TemplateDefinition,
    /// Whether it may be sent.
    pub status: TemplateStatus,
    /// Why not, as whoever has reviewed it says.
    pub reason: Option<String>,
}

impl MessageTemplate {
    /// A template, for hosts that stand in for a relay.
    #[must_use]
    pub const fn new(id: TemplateId, definition: TemplateDefinition, status: TemplateStatus) -> Self {
        Self { id, definition, status, reason: None }
    }
}

/// Which templates of an account are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TemplateQuery {
    pub(crate) name: Option<String>,
    languages: Vec<String>,
    categories: Vec<Category>,
    statuses: Vec<TemplateStatus>,
    content: Option<String>,
    name_or_content: Option<String>,
    pub(crate) start: PageStart<(String, String)>,
    pub(crate) limit: usize,
}

impl TemplateQuery {
    /// The first `limit` of all, in the order of their names and languages.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Those with this name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Those in this language, or in another that is asked for.
    #[must_use]
    pub fn language(mut self, language: impl Into<String>) -> Self {
        self.languages.push(language.into());
        self
    }

    /// Those of this category, or of another that is asked for.
    #[must_use]
    pub fn category(mut self, category: Category) -> Self {
        self.categories.push(category);
        self
    }

    /// Those that are in this status, or in another that is asked for.
    #[must_use]
    pub fn status(mut self, status: TemplateStatus) -> Self {
        self.statuses.push(status);
        self
    }

    /// Those whose body says `words`.
    #[must_use]
    pub fn content(mut self, words: impl Into<String>) -> Self {
        self.content = Some(words.into());
        self
    }

    /// Those in whose name or body `words` stand.
    #[must_use]
    pub fn name_or_content(mut self, words: impl Into<String>) -> Self {
        self.name_or_content = Some(words.into());
        self
    }

    /// Those from `start` on, which has a name and a language.
    #[must_use]
    pub fn start(mut self, start: PageStart<(String, String)>) -> Self {
        self.start = start;
        self
    }

    /// How many are asked for.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// From which name and language they are asked for.
    #[must_use]
    pub const fn place(&self) -> &PageStart<(String, String)> {
        &self.start
    }

    /// Whether `template` is one of those, wherever it stands.
    #[must_use]
    pub fn takes(&self, template: &MessageTemplate) -> bool {
        let (definition, status) = (&template.definition, template.status);
        let (name, body) = (definition.name(), definition.body().text());
        let is_one = |of: &[String], one: &str| of.is_empty() || of.iter().any(|other| other == one);
        self.name.as_ref().is_none_or(|asked| asked == name)
            && is_one(&self.languages, definition.language())
            && (self.categories.is_empty() || self.categories.contains(&definition.category()))
            && (self.statuses.is_empty() || self.statuses.contains(&status))
            && self.content.as_ref().is_none_or(|words| body.contains(words.as_str()))
            && self
                .name_or_content
                .as_ref()
                .is_none_or(|words| name.contains(words.as_str()) || body.contains(words.as_str()))
    }
}

/// Some of the templates of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TemplatePage {
    /// The templates.
    pub templates: Vec<MessageTemplate>,
    /// From which name and language there may be more, behind them or, of a page that was read back, before
    /// them; nothing at the end.
    pub next: Option<(String, String)>,
    /// How many templates the account has in all.
    pub total: u64,
}

impl TemplatePage {
    /// A page, for hosts that stand in for a relay.
    #[must_use]
    pub const fn new(templates: Vec<MessageTemplate>, next: Option<(String, String)>, total: u64) -> Self {
        Self { templates, next, total }
    }
}
