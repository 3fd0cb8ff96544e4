use std::fmt;

use bulla_base::BusinessAccountId;

use super::{TemplateDefinition, TemplateStatus};

/// The port through which an operator says which templates may be sent. [`ApproveAtOnce`] is the default.
///
/// # For implementors
/// It is asked when a template is created or edited, while the caller waits, so it answers from what it
/// knows. Who needs longer, because a person looks, answers [`Review::pending`] and calls
/// [`Relay::review_template`](crate::Relay::review_template) when it is decided.
pub trait TemplateReview: fmt::Debug + Send + Sync + 'static {
    /// Whether `template` of `account` may be sent.
    fn review(&self, account: BusinessAccountId, template: &TemplateDefinition) -> Review;
}

/// What a review came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    pub(crate) status: TemplateStatus,
    pub(crate) reason: Option<String>,
}

impl Review {
    /// The template is `status` from now on.
    #[must_use]
    pub const fn new(status: TemplateStatus) -> Self {
        Self { status, reason: None }
    }

    /// It may be sent.
    #[must_use]
    pub const fn approved() -> Self {
        Self::new(TemplateStatus::Approved)
    }

    /// It is not decided yet.
    #[must_use]
    pub const fn pending() -> Self {
        Self::new(TemplateStatus::Pending)
    }

    /// It may not be sent.
    #[must_use]
    pub const fn rejected() -> Self {
        Self::new(TemplateStatus::Rejected)
    }

    /// Says why, in a word such as `INVALID_FORMAT`: it comes with the template from then on. At most
    /// [`MAX_TEMPLATE_REASON_CHARS`](crate::MAX_TEMPLATE_REASON_CHARS); what is beyond is cut.
    #[must_use]
    pub fn because(mut self, reason: impl AsRef<str>) -> Self {
        self.reason = Some(reason.as_ref().chars().take(crate::MAX_TEMPLATE_REASON_CHARS).collect());
        self
    }
}

/// Approves every template as soon as it is defined: for hosts that trust their businesses. The answer to
/// whoever defines one says `APPROVED`, and nobody has looked at it.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has nothing inside, and never will")]
pub struct ApproveAtOnce;

impl TemplateReview for ApproveAtOnce {
    fn review(&self, _: BusinessAccountId, _: &TemplateDefinition) -> Review {
        Review::approved()
    }
}
