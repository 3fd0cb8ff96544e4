use std::fmt;

/// What a token may be used for, as clients know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Scope {
    /// Sends messages, and what belongs to them: files, read marks, blocked users.
    Messaging,
    /// Tells of numbers and accounts, and configures them: templates, profiles, registration, flows.
    Management,
}

impl Scope {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Management, Self::Messaging];

    /// What clients call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Messaging => "whatsapp_business_messaging",
            Self::Management => "whatsapp_business_management",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
