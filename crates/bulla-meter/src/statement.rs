mod form;
mod verify;

pub use self::verify::{StatementFault, root_of};

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use bulla_base::BusinessAccountId;
use bulla_transparency::Head;
use sha2::{Digest, Sha256};

use crate::error::{at_most, invalid};
use crate::form::is_ascending;
use crate::limits::{MAX_STATEMENT_ADJUSTMENTS, MAX_STATEMENT_LEAVES, MAX_STATEMENT_ROWS};
use crate::{
    Adjustment, Amount, CardHash, Currency, InvalidForm, Irregularities, KeyHasher, Leaf, Period, Row,
    RowKey, Tariff, Zone,
};

/// What a business is billed for a period: the document that one side signs and the other counter-signs or
/// disputes.
///
/// It says which card it was rated by, sums by row, what is put right of earlier periods, and the root of the
/// tree of its leaves, one for each message, by tag and none twice. It names the statement before it, so that
/// there is one line of them. Its bytes are always the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    account: BusinessAccountId,
    /// From 0.
    number: u32,
    period: Period,
    zone: Zone,
    card: CardHash,
    currency: Currency,
    /// Ascending by their keys.
    rows: Vec<Row>,
    adjustments: Vec<Adjustment>,
    leaves: Head,
    irregularities: Irregularities,
    previous: Option<StatementHash>,
}

/// SHA-256 of a statement's encoded form, by which the next one names it.
pub type StatementHash = [u8; 32];

/// What a statement is made of, besides its leaves.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StatementParts<'a> {
    /// Whose.
    pub account: BusinessAccountId,
    /// About when.
    pub period: Period,
    /// By whose clock.
    pub zone: &'a Zone,
    /// What was rated by.
    pub tariff: &'a Tariff,
    /// What is put right of earlier ones.
    pub adjustments: Vec<Adjustment>,
    /// How often what had to be put right on the way.
    pub irregularities: Irregularities,
    /// The one before.
    pub previous: Option<&'a Statement>,
}

impl<'a> StatementParts<'a> {
    /// Those of a first statement, with nothing that had to be put right.
    #[must_use]
    pub const fn new(account: BusinessAccountId, period: Period, zone: &'a Zone, tariff: &'a Tariff) -> Self {
        let irregularities = Irregularities { late: 0, doubled: 0, conflicting: 0 };
        Self { account, period, zone, tariff, adjustments: Vec::new(), irregularities, previous: None }
    }

    /// The same, which puts these earlier leaves right.
    #[must_use]
    pub fn with_adjustments(self, adjustments: Vec<Adjustment>) -> Self {
        Self { adjustments, ..self }
    }

    /// The same, with what had to be put right on the way.
    #[must_use]
    pub fn with_irregularities(self, irregularities: Irregularities) -> Self {
        Self { irregularities, ..self }
    }

    /// The same, behind this one.
    #[must_use]
    pub fn after(self, previous: &'a Statement) -> Self {
        Self { previous: Some(previous), ..self }
    }
}

impl Statement {
    /// The statement about `leaves`, by tag, that [`Rater::rate`](crate::Rater::rate) made.
    ///
    /// # Errors
    /// When the leaves are not in order, one is twice or not of the period, an adjustment is of another
    /// account or of this period or later, the one before is of another account, or there is more of anything
    /// than allowed.
    ///
    /// # Cost
    /// Two hashes a leaf.
    pub fn new(parts: StatementParts<'_>, leaves: &[Leaf]) -> Result<Self, InvalidForm> {
        let StatementParts { account, period, zone, tariff, adjustments, irregularities, previous } = parts;
        at_most("leaves of the statement", MAX_STATEMENT_LEAVES, leaves.len())?;
        if !is_ascending(leaves, |leaf| leaf.tag) {
            return Err(invalid("leaves of the statement", "ascending tags, none twice"));
        }
        if !leaves.iter().all(|leaf| period.contains(leaf.hour)) {
            return Err(invalid("leaves of the statement", "hours of its period"));
        }
        let number = match previous {
            None => 0,
            Some(before) if before.account == account && before.period.to() <= period.from() => {
                before.number.checked_add(1).ok_or(invalid("number of the statement", "below 2³²"))?
            }
            Some(_) => return Err(invalid("statement before", "of the same account, and earlier")),
        };
        let statement = Self {
            account,
            number,
            period,
            zone: zone.clone(),
            card: *tariff.card(),
            currency: tariff.currency(),
            rows: rows(leaves),
            adjustments,
            leaves: root_of(leaves)?,
            irregularities,
            previous: previous.map(Self::hash),
        };
        statement.check()?;
        Ok(statement)
    }

    /// Reads the encoded form.
    ///
    /// # Errors
    /// When it is not as it would be written, or has more of anything than allowed. Whether its sums are
    /// those of its leaves, [`Statement::verify`] tells.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidForm> {
        form::read(bytes)
    }

    fn check(&self) -> Result<(), InvalidForm> {
        at_most("rows of the statement", MAX_STATEMENT_ROWS, self.rows.len())?;
        at_most("adjustments of the statement", MAX_STATEMENT_ADJUSTMENTS, self.adjustments.len())?;
        if !is_ascending(&self.rows, |row| row.key) {
            return Err(invalid("rows of the statement", "ascending, none twice"));
        }
        let is_earlier =
            |it: &Adjustment| it.account() == self.account && it.period().to() <= self.period.from();
        if !self.adjustments.iter().all(is_earlier) {
            return Err(invalid("adjustments of the statement", "of its account and earlier periods"));
        }
        if self.previous.is_some() != (self.number > 0) {
            return Err(invalid("number of the statement", "0 for the first and for no other"));
        }
        Ok(())
    }

    /// Whose it is.
    #[must_use]
    pub const fn account(&self) -> BusinessAccountId {
        self.account
    }

    /// Which of the account's it is, from 0.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// What it is about.
    #[must_use]
    pub const fn period(&self) -> Period {
        self.period
    }

    /// The clock that hours and dates are by.
    #[must_use]
    pub const fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The hash of the card that it was rated by.
    #[must_use]
    pub const fn card(&self) -> &CardHash {
        &self.card
    }

    /// What its amounts are in.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// Its sums.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// What it puts right.
    #[must_use]
    pub fn adjustments(&self) -> &[Adjustment] {
        &self.adjustments
    }

    /// How many leaves it has, and the root of their tree.
    #[must_use]
    pub const fn leaves(&self) -> &Head {
        &self.leaves
    }

    /// How often what had to be put right on the way.
    #[must_use]
    pub const fn irregularities(&self) -> Irregularities {
        self.irregularities
    }

    /// The hash of the one before.
    #[must_use]
    pub const fn previous(&self) -> Option<&StatementHash> {
        self.previous.as_ref()
    }

    /// What is to be paid: rows and adjustments.
    #[must_use]
    pub fn total(&self) -> Amount {
        let rows = self.rows.iter().map(|row| row.amount);
        rows.chain(self.adjustments.iter().map(Adjustment::amount)).sum()
    }

    /// Its hash.
    #[must_use]
    pub fn hash(&self) -> StatementHash {
        Sha256::digest(self.to_bytes()).into()
    }

    /// The encoded form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        form::write(self)
    }
}

/// The sums of `leaves`.
fn rows(leaves: &[Leaf]) -> Vec<Row> {
    let mut rows = HashMap::<RowKey, (u64, Amount), BuildHasherDefault<KeyHasher>>::default();
    for leaf in leaves {
        let (units, amount) = rows.entry(leaf.row()).or_default();
        *units = units.saturating_add(u64::from(leaf.units));
        *amount = *amount + leaf.amount();
    }
    let mut rows: Vec<_> =
        rows.into_iter().map(|(key, (units, amount))| Row { key, units, amount }).collect();
    rows.sort_unstable_by_key(|row| row.key);
    rows
}
