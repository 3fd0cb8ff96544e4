use bulla_base::{BusinessAccountId, PhoneNumberId, Timestamp};

use crate::MessageTemplate;

/// What the relay tells a business of its account, and of no conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccountEvent {
    /// A template has come into another status, or was reviewed again.
    Template(TemplateUpdate),
}

/// A template as it was reviewed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TemplateUpdate {
    /// One of the account's numbers.
    pub business: PhoneNumberId,
    /// The account.
    pub account: BusinessAccountId,
    /// The template, as it was then.
    pub template: MessageTemplate,
    /// When that was.
    pub at: Timestamp,
}

impl TemplateUpdate {
    /// An update, for hosts that test their sinks.
    #[must_use]
    pub const fn new(
        business: PhoneNumberId,
        account: BusinessAccountId,
        template: MessageTemplate,
        at: Timestamp,
    ) -> Self {
        Self { business, account, template, at }
    }
}

impl AccountEvent {
    /// One of the numbers of the account that it is about.
    #[must_use]
    pub const fn business(&self) -> PhoneNumberId {
        match self {
            Self::Template(update) => update.business,
        }
    }
}
