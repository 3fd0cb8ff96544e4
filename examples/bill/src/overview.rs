use std::collections::BTreeMap;

use bulla_meter::{
    Amount, Answers, Comparison, Direction, InvalidForm, Leaf, LocalDate, PricingCategory, Question, Report,
    Side, Statement,
};

use crate::checks::Checks;
use crate::forecast::Forecast;
use crate::given::Given;
use crate::terminal::local;

/// What is shown of a month, on paper and on the page.
pub(crate) struct Overview<'a> {
    pub(crate) statement: &'a Statement,
    /// What was checked of it, and what was not.
    pub(crate) checks: &'a Checks,
    /// Units and amounts by day and category; nothing without leaves.
    pub(crate) days: Option<Days>,
    pub(crate) corrections: Vec<Correction>,
    /// What the month would cost by another card.
    pub(crate) forecast: Option<Forecast>,
    /// What the other side has otherwise.
    pub(crate) report: Option<Report>,
}

/// Units and amounts of each category, by day.
pub(crate) type Days = BTreeMap<LocalDate, Day>;

/// Units and amounts of a day, by category.
pub(crate) type Day = BTreeMap<PricingCategory, (u64, Amount)>;

/// What is put right of an earlier period, for a person.
pub(crate) struct Correction {
    /// Why, and of when.
    pub(crate) title: String,
    /// Which way the money goes, and for what.
    pub(crate) what: String,
    pub(crate) signer: String,
    pub(crate) note: String,
    pub(crate) amount: Amount,
}

impl<'a> Overview<'a> {
    pub(crate) fn new(given: &'a Given, checks: &'a Checks) -> Self {
        let (statement, leaves) = (given.statement(), given.leaves.as_deref());
        let days = leaves.map(|leaves| days(statement, leaves));
        Self { statement, checks, days, corrections: corrections(given), forecast: None, report: None }
    }
}

fn days(statement: &Statement, leaves: &[Leaf]) -> Days {
    let mut days = Days::new();
    for leaf in leaves {
        let day = days.entry(statement.zone().date(leaf.hour)).or_default();
        let (units, amount) = day.entry(leaf.traits.category).or_default();
        *units += u64::from(leaf.units);
        *amount = *amount + leaf.amount();
    }
    days
}

fn corrections(given: &Given) -> Vec<Correction> {
    let statement = given.statement();
    let correction = |adjustment: &bulla_meter::Adjustment| {
        let (leaf, period) = (adjustment.leaf(), adjustment.period());
        let (from, to) = (local(period.from(), statement), local(period.to(), statement));
        let way = match adjustment.direction() {
            Direction::Credit => "given back",
            _ => "charged",
        };
        let (category, kind) = (leaf.traits.category.name(), leaf.pricing_type.name());
        Correction {
            title: format!("{}, of {from} to {to}", adjustment.reason().name()),
            what: format!("{way}: {category} to {}, {kind}, message {}", leaf.traits.market, leaf.tag),
            signer: given.signer(adjustment.signer()),
            // Quoted, so that nothing in it moves what stands around it.
            note: format!("{:?}", adjustment.note()),
            amount: adjustment.amount(),
        }
    };
    statement.adjustments().iter().map(correction).collect()
}

/// What `theirs` has otherwise. Both are here, so nothing goes over a wire; it is found as if it did.
pub(crate) fn compare(
    statement: &Statement,
    ours: Vec<Leaf>,
    theirs: Vec<Leaf>,
) -> Result<Report, InvalidForm> {
    let here = Side::new(statement.zone().clone(), ours)?;
    let there = Side::new(statement.zone().clone(), theirs)?;
    let mut comparison = Comparison::new(&here);
    while let Some(question) = comparison.question() {
        let answers = there.answer(&Question::from_bytes(&question.to_bytes())?);
        comparison.answer(&Answers::from_bytes(&answers?.to_bytes())?)?;
    }
    comparison.finish()
}
