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
    writeln!(out, "From {from} to {to} ({zone}), {} messages", statement.leaves().size())?;
    overview.checks.lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    writeln!(
        out,
        "\n{:<20} {:>8} {:<28} {:<22} {:>4} {:>10} {:>18}",
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
    for correction in &overview.corrections {
        writeln!(out, "{:<97} {:>18}", correction.title, correction.amount)?;
        writeln!(out, "    {}", correction.what)?;
        writeln!(out, "    signed by {}; note: {}", correction.signer, correction.note)?;
    }
    let (total, currency) = (statement.total(), statement.currency());
    writeln!(out, "{:<97} {total:>18} {currency}", "to be paid")?;
    for (what, amount) in overview.forecast.iter().flat_map(|forecast| forecast.lines()) {
        // As wide as an amount with its currency.
        writeln!(out, "{what:<97} {amount:>22}")?;
    }
    let irregular = statement.irregularities();
    let (late, doubled, conflicting) = (irregular.late, irregular.doubled, irregular.conflicting);
    writeln!(out, "\nEvents: {late} late, {doubled} doubled, {conflicting} conflicting.")?;
    match &overview.report {
        None => writeln!(out, "Not compared with the other side."),
        Some(report) => write!(out, "{report}"),
    }
}
