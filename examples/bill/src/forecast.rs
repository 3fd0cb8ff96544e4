use bulla_meter::{Amount, Currency, Delivery, Leaf, RateCard, Rater, Row, Statement, Tariff, UsageKey};

use crate::fault::Fault;
use crate::given::Given;

/// What the same messages would cost by another card.
pub(crate) struct Forecast {
    card: String,
    currency: Currency,
    /// Nothing where it depends on what was before in the month, which was not given.
    amount: Option<Amount>,
    /// What they cost as billed, without corrections.
    billed: (Amount, Currency),
}

impl Forecast {
    pub(crate) fn new(given: &Given, card: &RateCard) -> Result<Self, Fault> {
        let (statement, leaves) = (given.statement(), given.leaves()?);
        let tariff = Tariff::new(card, statement.zone());
        let amount = match given.earlier.is_missing_for(&tariff) {
            true => None,
            false => Some(rated(statement, &tariff, &given.earlier.leaves, leaves)?),
        };
        let billed = statement.rows().iter().map(|row: &Row| row.amount).sum();
        let billed = (billed, statement.currency());
        Ok(Self { card: card.id().to_owned(), currency: card.currency(), amount, billed })
    }

    /// What a person reads, each line with what stands in the column of amounts.
    pub(crate) fn lines(&self) -> Vec<(String, String)> {
        let (Self { card, currency, .. }, (billed, ours)) = (self, self.billed);
        let Some(amount) = self.amount else {
            let why =
                format!("by the card {card} it depends on what was before in the month, no --earlier given");
            return vec![(why, "not told".to_owned())];
        };
        let would = (format!("by the card {card} the messages would be"), format!("{amount} {currency}"));
        let more = match *currency == ours {
            true => ("which is more by".to_owned(), format!("{} {ours}", amount + -billed)),
            false => {
                (format!("the statement is in {ours}, the card in {currency}"), "no difference".to_owned())
            }
        };
        vec![(would.0, would.1), more]
    }
}

fn rated(statement: &Statement, tariff: &Tariff, earlier: &[Leaf], leaves: &[Leaf]) -> Result<Amount, Fault> {
    let delivery = |leaf: &Leaf| {
        let key = UsageKey::new(statement.account(), leaf.number, leaf.hour, leaf.traits);
        (leaf.tag, Delivery::new(key, leaf.units, Some(leaf.micros)))
    };
    let mut rater = Rater::new(tariff, statement.zone());
    let mut rate = |leaves: &[Leaf]| {
        let deliveries: Vec<_> = leaves.iter().map(delivery).collect();
        rater.rate(&deliveries).map_err(|(_, why)| Fault::Unrated(why))
    };
    rate(earlier)?;
    Ok(rate(leaves)?.iter().map(Leaf::amount).sum())
}
