/// Whether a template may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TemplateStatus {
    /// It may be.
    Approved,
    /// It is being looked at.
    Pending,
    /// It may not be; edited, it is looked at again.
    Rejected,
    /// It may not be for a while, for what users say of it.
    Paused,
    /// It may not be any more.
    Disabled,
}

impl TemplateStatus {
    /// All of them, in the order of their codes, which count from 1.
    pub const ALL: [Self; 5] = [Self::Approved, Self::Pending, Self::Rejected, Self::Paused, Self::Disabled];

    /// The one with this name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name().eq_ignore_ascii_case(name))
    }

    /// The name that the API has for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approved => "APPROVED",
            Self::Pending => "PENDING",
            Self::Rejected => "REJECTED",
            Self::Paused => "PAUSED",
            Self::Disabled => "DISABLED",
        }
    }
}
