/// What the sender declares a message to be for. The carrier counts and bills by it; it cannot check it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Category {
    /// A free-form answer, or anything a user writes.
    Service,
    /// A notice about something the user did or ordered.
    Utility,
    /// A one-time code.
    Authentication,
    /// Everything a business sends to promote itself.
    Marketing,
}

impl Category {
    /// All categories, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::Service, Self::Utility, Self::Authentication, Self::Marketing];

    /// The category with this code, if there is one.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.code() == code)
    }

    /// The code that stands in keys and on the wire.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Service => 1,
            Self::Utility => 2,
            Self::Authentication => 3,
            Self::Marketing => 4,
        }
    }

    /// The name the Graph API uses, such as `service`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Utility => "utility",
            Self::Authentication => "authentication",
            Self::Marketing => "marketing",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_lead_back_to_their_categories() {
        for category in Category::ALL {
            assert_eq!(Category::from_code(category.code()), Some(category));
        }
        assert_eq!(Category::from_code(0), None);
        assert_eq!(Category::from_code(5), None);
    }
}
