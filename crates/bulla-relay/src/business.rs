use bulla_base::{BusinessAccountId, Number, PhoneNumberId};

/// A business's sending number, for which the relay speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Business {
    id: PhoneNumberId,
    account: BusinessAccountId,
    display_number: Number,
}

impl Business {
    /// The sending number `id` of `account`, which users see as `display_number`.
    #[must_use]
    pub const fn new(id: PhoneNumberId, account: BusinessAccountId, display_number: Number) -> Self {
        Self { id, account, display_number }
    }

    /// The id by which requests name it.
    #[must_use]
    pub const fn id(&self) -> PhoneNumberId {
        self.id
    }

    /// The account it belongs to.
    #[must_use]
    pub const fn account(&self) -> BusinessAccountId {
        self.account
    }

    /// The number users see. It is business information, not personal data.
    #[must_use]
    pub const fn display_number(&self) -> &Number {
        &self.display_number
    }
}
