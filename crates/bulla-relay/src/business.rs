use std::sync::Arc;

use bulla_base::{BusinessAccountId, Number, PhoneNumberId};
use bulla_transport::NumberProof;

use crate::Rules;

/// A business's sending number, for which the relay speaks.
#[derive(Debug, Clone)]
pub struct Business {
    id: PhoneNumberId,
    account: BusinessAccountId,
    display_number: Number,
    proof: Option<NumberProof>,
    rules: Option<Arc<Rules>>,
}

/// Of a business; with what it was proven is not of it.
impl PartialEq for Business {
    fn eq(&self, other: &Self) -> bool {
        let Self { id, account, display_number, proof: _, rules } = self;
        (id, account, display_number, rules)
            == (&other.id, &other.account, &other.display_number, &other.rules)
    }
}

impl Eq for Business {}

impl Business {
    /// The sending number `id` of `account`, which users see as `display_number`.
    #[must_use]
    pub const fn new(id: PhoneNumberId, account: BusinessAccountId, display_number: Number) -> Self {
        Self { id, account, display_number, proof: None, rules: None }
    }

    /// Hands over the `proof` that the number is the business's, for a carrier that asks for one: when the
    /// relay registers the number for the first time, when it has lost its store, and when the carrier has
    /// lost what it knew. It is forgotten when it was shown and believed.
    ///
    /// Without one, a carrier that asks refuses the number: it is [suspended](crate::Report::Suspended), and
    /// everything else goes on. Hand a proof over with [`change_business`](crate::Relay::change_business),
    /// then [resume](crate::Relay::resume) it.
    #[must_use]
    pub fn proven_by(mut self, proof: NumberProof) -> Self {
        self.proof = Some(proof);
        self
    }

    /// Has these rules hold for it, instead of those in the relay's [`Settings`](crate::Settings::rules).
    /// They can be [changed](crate::Relay::change_business) at any time, as when it comes to a higher tier:
    /// what waits for a rule goes by the new ones at once.
    #[must_use]
    pub fn rules(mut self, rules: Rules) -> Self {
        self.rules = Some(Arc::new(rules));
        self
    }

    /// The rules that hold for it alone.
    pub(crate) fn own_rules(&self) -> Option<Arc<Rules>> {
        self.rules.clone()
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

    /// With what it is proven, which it then has no more.
    pub(crate) const fn take_proof(&mut self) -> Option<NumberProof> {
        self.proof.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn businesses_are_equal_by_what_they_are_and_not_by_their_proof() {
        let business = |id, account, number| {
            let number = Number::parse(number).unwrap();
            Business::new(PhoneNumberId::new(id), BusinessAccountId::new(account), number)
        };
        let shop = business(1, 2, "15550783881");
        assert_eq!(shop, shop.clone().proven_by(NumberProof::new(b"a letter".to_vec()).unwrap()));
        let others = [(2, 2, "15550783881"), (1, 3, "15550783881"), (1, 2, "15550783882")];
        assert!(others.into_iter().all(|(id, account, number)| shop != business(id, account, number)));
        assert_ne!(shop, shop.clone().rules(Rules::none()));
    }
}
