mod form;
mod parts;

pub use self::parts::{Allotment, Price, PriceMode, TierPrice, TypeRule};

use sha2::{Digest, Sha256};

use crate::error::{at_most, invalid};
use crate::form::is_ascending;
use crate::limits::{
    MAX_CARD_ALLOTMENTS, MAX_CARD_DATES, MAX_CARD_ID_BYTES, MAX_CARD_PRICES, MAX_CARD_RULES,
};
use crate::{Currency, InvalidForm, LocalDate};

/// What everything costs, and from when: a document that both sides hold and hash.
///
/// It grows and does not change: a new price is a new line with a later date, so that a statement of last
/// year is rated by this year's card as it was. Dates are those of the account's own clock. What a unit costs
/// is found in three steps.
///
/// 1. Which type it has: the [`TypeRule`] of its category, window and entry point with the latest date.
/// 2. If that is regular, whether the number has an [`Allotment`] left.
/// 3. Else the [`Price`] of its category, unit and market with the latest date, or where there is none, that
///    of all other markets; and there the tier that the account's units of the month have reached.
///
/// [`Tariff`](crate::Tariff) does so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateCard {
    id: Box<str>,
    currency: Currency,
    /// All in the order of their fields, none twice.
    rules: Vec<TypeRule>,
    prices: Vec<Price>,
    allotments: Vec<Allotment>,
}

/// SHA-256 of a card's encoded form, by which statements name it.
pub type CardHash = [u8; 32];

impl RateCard {
    /// A card, with its lines in any order.
    ///
    /// # Errors
    /// When the id is empty, has other than letters, digits and `._-`, or anything is more than its limit;
    /// when two rules, prices or allotments are about the same from the same date; or as for [`Price::new`].
    pub fn new(
        id: &str,
        currency: Currency,
        mut rules: Vec<TypeRule>,
        mut prices: Vec<Price>,
        mut allotments: Vec<Allotment>,
    ) -> Result<Self, InvalidForm> {
        rules.sort_unstable_by_key(|rule| rule.key());
        prices.sort_unstable_by_key(|price| price.key());
        allotments.sort_unstable_by_key(|allotment| allotment.key());
        Self::checked(id, currency, rules, prices, allotments)
    }

    /// Reads the encoded form. There is one way to write a card.
    ///
    /// # Errors
    /// As for [`RateCard::new`], or when its lines are not in order or there are more or fewer bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidForm> {
        form::read(bytes)
    }

    fn checked(
        id: &str,
        currency: Currency,
        rules: Vec<TypeRule>,
        prices: Vec<Price>,
        allotments: Vec<Allotment>,
    ) -> Result<Self, InvalidForm> {
        at_most("id of the card, in bytes", MAX_CARD_ID_BYTES, id.len())?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if id.is_empty() || !id.bytes().all(is_plain) {
            return Err(invalid("id of the card", "letters, digits and ._-"));
        }
        at_most("rules of the card", MAX_CARD_RULES, rules.len())?;
        at_most("prices of the card", MAX_CARD_PRICES, prices.len())?;
        at_most("allotments of the card", MAX_CARD_ALLOTMENTS, allotments.len())?;
        if !is_ascending(&rules, TypeRule::key)
            || !is_ascending(&prices, Price::key)
            || !is_ascending(&allotments, Allotment::key)
        {
            return Err(invalid("lines of the card", "one for each case and date, in order"));
        }
        let card = Self { id: id.into(), currency, rules, prices, allotments };
        at_most("dates of the card", MAX_CARD_DATES, card.dates().len())?;
        Ok(card)
    }

    /// What it is called.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What its prices are in.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// Which type a unit has.
    #[must_use]
    pub fn rules(&self) -> &[TypeRule] {
        &self.rules
    }

    /// What a regular one costs.
    #[must_use]
    pub fn prices(&self) -> &[Price] {
        &self.prices
    }

    /// How many of them are free.
    #[must_use]
    pub fn allotments(&self) -> &[Allotment] {
        &self.allotments
    }

    /// The dates from which anything is valid, in order.
    #[must_use]
    pub fn dates(&self) -> Vec<LocalDate> {
        let rules = self.rules.iter().map(|rule| rule.from);
        let prices = self.prices.iter().map(Price::from);
        let mut dates: Vec<_> = rules.chain(prices).chain(self.allotments.iter().map(|it| it.from)).collect();
        dates.sort_unstable();
        dates.dedup();
        dates
    }

    /// Its hash.
    #[must_use]
    pub fn hash(&self) -> CardHash {
        Sha256::digest(self.to_bytes()).into()
    }

    /// The encoded form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        form::write(self)
    }
}
