use bulla_base::{BusinessAccountId, Number, PhoneNumberId};
use bulla_transport::Proof;

/// A business's sending number, for which the relay speaks.
#[derive(Debug, Clone)]
pub struct Business {
    id: PhoneNumberId,
    account: BusinessAccountId,
    display_number: Number,
    proof: Option<Proof>,
}

/// Of a business; with what it was proven is not of it.
impl PartialEq for Business {
    fn eq(&self, other: &Self) -> bool {
        let Self { id, account, display_number, proof: _ } = self;
        (id, account, display_number) == (&other.id, &other.account, &other.display_number)
    }
}

impl Eq for Business {}

impl Business {
    /// The sending number `id` of `account`, which users see as `display_number`.
    #[must_use]
    pub const fn new(id: PhoneNumberId, account: BusinessAccountId, display_number: Number) -> Self {
        Self { id, account, display_number, proof: None }
    }

    /// Hands over the `proof` that the number is the business's, for a carrier that asks for one: when the
    /// relay registers the number for the first time, when it has lost its store, and when the carrier has
    /// lost what it knew. It is forgotten when it was shown and believed.
    ///
    /// Without one, a carrier that asks refuses the number: it is [suspended](crate::Report::Suspended), and
    /// everything else goes on. Hand a proof over with [`change_business`](crate::Relay::change_business),
    /// then [resume](crate::Relay::resume) it.
    #[must_use]
    pub fn proven_by(mut self, proof: Proof) -> Self {
        self.proof = Some(proof);
        self
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
    pub(crate) const fn take_proof(&mut self) -> Option<Proof> {
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
        assert_eq!(shop, shop.clone().proven_by(Proof::new(b"a letter".to_vec()).unwrap()));
        let others = [(2, 2, "15550783881"), (1, 3, "15550783881"), (1, 2, "15550783882")];
        assert!(others.into_iter().all(|(id, account, number)| shop != business(id, account, number)));
    }
}
