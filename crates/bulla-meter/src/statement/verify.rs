use bulla_transparency::{CompactRange, Head};
use thiserror::Error;

use super::{Statement, rows};
use crate::error::invalid;
use crate::form::is_ascending;
use crate::{Delivery, InvalidForm, Leaf, MessageTag, PriceMode, RateCard, Rater, Tariff, Unrated, UsageKey};

/// A statement is not what follows from its leaves and its card. The move is its issuer's: do not
/// counter-sign.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StatementFault {
    /// It was rated by another card.
    #[error("the statement was rated by another card")]
    OtherCard,
    /// Its leaves are not in order, one stands twice, or there are others.
    #[error("the leaves are not those of the statement")]
    OtherLeaves,
    /// A leaf is not of its period.
    #[error("message {tag} is of another period")]
    OtherPeriod {
        /// Which.
        tag: MessageTag,
    },
    /// Its sums are not those of its leaves.
    #[error("the sums are not those of the leaves")]
    OtherSums,
    /// A leaf costs something else by the card.
    #[error("message {tag} is billed at {billed} micro-units, and the card says {rated}")]
    OtherRate {
        /// Which.
        tag: MessageTag,
        /// What the statement says.
        billed: u64,
        /// What follows from the card.
        rated: u64,
    },
    /// The card has no rate for a leaf.
    #[error("message {tag} has no rate")]
    Unrated {
        /// Which.
        tag: MessageTag,
        /// Why.
        #[source]
        why: Unrated,
    },
    /// An adjustment is not signed by whom it names.
    #[error("adjustment {number} is not signed by whom it names")]
    NotSigned {
        /// Which, from 0.
        number: usize,
    },
}

impl Statement {
    /// Whether this is what follows from its `leaves` and `card`: order, root, rates and sums. `earlier` are
    /// the leaves of the same month before its period, if it does not begin with the month.
    ///
    /// What it cannot show is what is missing, and that a charge which was bid for was the lowest: the other
    /// side compares its own leaves for that. Whose statement it is, of which zone and after which other, is
    /// for the caller to compare. Of an adjustment it is shown only that whom it names has signed it: whether
    /// that is somebody who may, and whether it stands in another statement, is for the caller, too.
    ///
    /// # Errors
    /// The first thing that is wrong.
    ///
    /// # Cost
    /// For each leaf two hashes, a rate and a share of a sort; no copy of the statement is made.
    pub fn verify(&self, leaves: &[Leaf], card: &RateCard, earlier: &[Leaf]) -> Result<(), StatementFault> {
        if *self.card() != card.hash() || self.currency() != card.currency() {
            return Err(StatementFault::OtherCard);
        }
        self.verify_leaves(leaves)?;
        self.verify_rates(leaves, card, earlier)?;
        match self.adjustments().iter().position(|adjustment| !adjustment.is_signed()) {
            Some(number) => Err(StatementFault::NotSigned { number }),
            None => Ok(()),
        }
    }

    /// Whether these are its leaves: order, root, hours and sums. What each costs, [`Statement::verify`]
    /// tells, with the card.
    ///
    /// # Errors
    /// The first thing that is wrong.
    ///
    /// # Cost
    /// Two hashes a leaf.
    pub fn verify_leaves(&self, leaves: &[Leaf]) -> Result<(), StatementFault> {
        let is_whole = leaves.len() as u64 == self.leaves().size() && is_ascending(leaves, |leaf| leaf.tag);
        if !is_whole || root_of(leaves).as_ref() != Ok(self.leaves()) {
            return Err(StatementFault::OtherLeaves);
        }
        if let Some(leaf) = leaves.iter().find(|leaf| !self.period().contains(leaf.hour)) {
            return Err(StatementFault::OtherPeriod { tag: leaf.tag });
        }
        if rows(leaves) != self.rows() {
            return Err(StatementFault::OtherSums);
        }
        Ok(())
    }

    fn verify_rates(&self, leaves: &[Leaf], card: &RateCard, earlier: &[Leaf]) -> Result<(), StatementFault> {
        let tariff = Tariff::new(card, self.zone());
        let has_bids = card.prices().iter().any(|price| price.mode() == PriceMode::Auction);
        let delivery = |leaf: &Leaf| {
            let key = UsageKey::new(self.account(), leaf.number, leaf.hour, leaf.traits);
            // What was bid is known from the leaf alone.
            (leaf.tag, Delivery { key, units: leaf.units, charged: has_bids.then_some(leaf.micros) })
        };
        let mut rater = Rater::new(&tariff, self.zone());
        let unrated = |(tag, why)| StatementFault::Unrated { tag, why };
        if tariff.depends_on_volume() && !earlier.is_empty() {
            rater.rate(&earlier.iter().map(delivery).collect::<Vec<_>>()).map_err(unrated)?;
        }
        let deliveries: Vec<_> = leaves.iter().map(delivery).collect();
        let rated = rater.rate(&deliveries).map_err(unrated)?;
        match leaves.iter().zip(&rated).find(|(leaf, rated)| leaf != rated) {
            Some((leaf, rated)) => {
                Err(StatementFault::OtherRate { tag: leaf.tag, billed: leaf.micros, rated: rated.micros })
            }
            None => Ok(()),
        }
    }
}

/// How many `leaves` there are, and the root of their tree (RFC 6962, section 2.1).
///
/// # Errors
/// When there are more than a tree can have.
pub fn root_of(leaves: &[Leaf]) -> Result<Head, InvalidForm> {
    let mut range = CompactRange::new();
    for leaf in leaves {
        range.append(leaf.hash()).map_err(|_| invalid("leaves of the statement", "fewer than 2⁶³"))?;
    }
    Ok(range.head())
}
