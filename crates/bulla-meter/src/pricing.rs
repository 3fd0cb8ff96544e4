//! What decides on a price, besides where and when: each a word with a code for ledgers and a name for
//! people.

/// Writes an enum whose values have a code, which stands in ledgers, and a name.
macro_rules! words {
    ($(#[$docs:meta])* $name:ident { $($(#[$of_value:meta])* $value:ident = $code:literal, $word:literal;)* }) => {
        $(#[$docs])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$of_value])* $value = $code,)*
        }

        impl $name {
            /// All there are, in the order of their codes.
            pub const ALL: &'static [Self] = &[$(Self::$value,)*];

            /// The one with this code, if there is one.
            #[must_use]
            pub const fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$value),)*
                    _ => None,
                }
            }

            /// The one with this name, if there is one.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($word => Some(Self::$value),)*
                    _ => None,
                }
            }

            /// The code that stands in ledgers, cards and statements.
            #[must_use]
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// The name, as the Graph API writes it where it has one.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $word,)*
                }
            }
        }
    };
}

words! {
    /// What a message is billed as.
    PricingCategory {
        /// A free-form answer.
        Service = 0, "service";
        /// A notice about something the user did or ordered.
        Utility = 1, "utility";
        /// A one-time code.
        Authentication = 2, "authentication";
        /// A one-time code from a business in another country.
        AuthenticationInternational = 3, "authentication_international";
        /// What promotes the business.
        Marketing = 4, "marketing";
        /// The same, sent through the interface for marketing.
        MarketingLite = 5, "marketing_lite";
        /// In a conversation that an advertisement began.
        ReferralConversion = 6, "referral_conversion";
        /// What an agent of the platform writes, billed by the token.
        BusinessAgent = 7, "business_agent";
    }
}

impl From<bulla_base::Category> for PricingCategory {
    fn from(category: bulla_base::Category) -> Self {
        use bulla_base::Category;
        match category {
            Category::Utility => Self::Utility,
            Category::Authentication => Self::Authentication,
            Category::Marketing => Self::Marketing,
            _ => Self::Service,
        }
    }
}

words! {
    /// Whether a unit is charged, and if not, why.
    PricingType {
        /// It is charged at the card's price.
        Regular = 0, "regular";
        /// It answers a user and is free.
        FreeCustomerService = 1, "free_customer_service";
        /// It stands in a conversation that an advertisement began, and is free.
        FreeEntryPoint = 2, "free_entry_point";
    }
}

words! {
    /// Whether the user wrote or called within the last 24 hours.
    WindowState {
        /// They did not.
        Closed = 0, "closed";
        /// They did.
        Open = 1, "open";
    }
}

words! {
    /// Where the conversation began.
    EntryPoint {
        /// Nowhere in particular.
        Ordinary = 0, "ordinary";
        /// At an advertisement or a page's button, within the last 72 hours.
        Free = 1, "free";
    }
}

words! {
    /// What is counted.
    Unit {
        /// Messages.
        Message = 0, "message";
        /// Tokens of a language model.
        Token = 1, "token";
    }
}

/// The step of a volume price, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tier(u8);

impl Tier {
    /// The tier with this number.
    #[must_use]
    pub const fn new(number: u8) -> Self {
        Self(number)
    }

    /// Its number, from 0.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_lead_back() {
        for category in PricingCategory::ALL {
            assert_eq!(PricingCategory::from_code(category.code()), Some(*category));
            assert_eq!(PricingCategory::from_name(category.name()), Some(*category));
        }
        assert_eq!(PricingCategory::ALL.len(), 8);
        assert_eq!((PricingCategory::from_code(8), PricingType::from_code(3)), (None, None));
        assert_eq!(
            (WindowState::from_code(2), EntryPoint::from_code(2), Unit::from_code(2)),
            (None, None, None)
        );
        assert_eq!(PricingType::from_name("free"), None);
    }

    #[test]
    fn what_a_business_declares_is_billed_as_that() {
        for category in bulla_base::Category::ALL {
            assert_eq!(PricingCategory::from(category).name(), category.name());
        }
    }
}
