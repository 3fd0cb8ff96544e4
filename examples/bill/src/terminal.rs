use std::io::{self, Write};

use bulla_meter::{Hour, Statement};

use crate::overview::Overview;

/// A time by the account's clock.
pub(crate) fn local(hour: Hour, statement: &Statement) -> String {
    let minute = statement.zone().minute_of_day(hour);
    format!("{} {:02}:{:02}", statement.zone().date(hour), minute / 60, minute % 60)
}

/// The month as a table.
pub(crate) fn show(out: &mut impl Write, overview: &Overview<'_>) -> io::Result<()> {
    let statement = overview.statement;
    let (period, zone) = (statement.period(), statement.zone().name());
    let (from, to) = (local(period.from(), statement), local(period.to(), statement));
    writeln!(out, "Account {}, statement {}", statement.account(), statement.number())?;
    writeln!(out, "From {from} to {to} ({zone}), {} messages\n", statement.leaves().size())?;
    writeln!(
        out,
        "{:<20} {:>8} {:<28} {:<22} {:>4} {:>10} {:>18}",
        "number", "market", "category", "type", "tier", "units", "amount"
    )?;
    for row in statement.rows() {
        let key = row.key;
        let (market, tier) = (key.market.to_string(), key.tier.number());
        writeln!(
            out,
            "{:<20} {market:>8} {:<28} {:<22} {tier:>4} {:>10} {:>18}",
            key.number.to_string(),
            key.category.name(),
            key.pricing_type.name(),
            row.units,
            row.amount
        )?;
    }
    for adjustment in statement.adjustments() {
        let of = local(adjustment.period().from(), statement);
        writeln!(
            out,
            "{:<97} {:>18}",
            format!("{}, of {of}", adjustment.reason().name()),
            adjustment.amount()
        )?;
    }
    let total = statement.total();
    writeln!(out, "{:<97} {total:>18} {}", "to be paid", statement.currency())?;
    if let Some((card, amount)) = &overview.forecast {
        writeln!(out, "{:<97} {amount:>18}", format!("by the card {card} it would be"))?;
        writeln!(out, "{:<97} {:>18}", "which is more by", *amount + -total)?;
    }
    let irregular = statement.irregularities();
    let (late, doubled, conflicting) = (irregular.late, irregular.doubled, irregular.conflicting);
    writeln!(out, "\nEvents: {late} late, {doubled} doubled, {conflicting} conflicting.")?;
    match &overview.report {
        None => writeln!(out, "Not compared with the other side."),
        Some(report) => write!(out, "{report}"),
    }
}
