use std::collections::BTreeMap;

use bulla_meter::{
    Amount, Answers, Comparison, Delivery, InvalidForm, Leaf, LocalDate, PricingCategory, Question, RateCard,
    Rater, Report, Side, Statement, Tariff, Unrated, UsageKey,
};

/// What is shown of a month, on paper and on the page.
pub(crate) struct Overview<'a> {
    pub(crate) statement: &'a Statement,
    /// Units and amounts by day and category.
    pub(crate) days: BTreeMap<LocalDate, BTreeMap<PricingCategory, (u64, Amount)>>,
    /// What the month would cost by another card, with its name.
    pub(crate) forecast: Option<(String, Amount)>,
    /// What the other side has otherwise.
    pub(crate) report: Option<Report>,
}

impl<'a> Overview<'a> {
    pub(crate) fn new(statement: &'a Statement, leaves: &[Leaf]) -> Self {
        let mut days = BTreeMap::<_, BTreeMap<_, (u64, Amount)>>::new();
        for leaf in leaves {
            let day = days.entry(statement.zone().date(leaf.hour)).or_default();
            let (units, amount) = day.entry(leaf.traits.category).or_default();
            *units += u64::from(leaf.units);
            *amount = *amount + leaf.amount();
        }
        Self { statement, days, forecast: None, report: None }
    }
}

/// What the same messages cost by `card`.
pub(crate) fn forecast(statement: &Statement, leaves: &[Leaf], card: &RateCard) -> Result<Amount, Unrated> {
    let (tariff, zone) = (Tariff::new(card, statement.zone()), statement.zone());
    let delivery = |leaf: &Leaf| {
        let key = UsageKey::new(statement.account(), leaf.number, leaf.hour, leaf.traits);
        (leaf.tag, Delivery::new(key, leaf.units, Some(leaf.micros)))
    };
    let deliveries: Vec<_> = leaves.iter().map(delivery).collect();
    let rated = Rater::new(&tariff, zone).rate(&deliveries).map_err(|(_, why)| why)?;
    Ok(rated.iter().map(Leaf::amount).sum())
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
        comparison.answer(&Answers::from_bytes(&answers.to_bytes())?)?;
    }
    comparison.finish()
}
