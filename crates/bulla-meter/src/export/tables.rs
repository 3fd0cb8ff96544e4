use crate::export::{csv_line, json_text};
use crate::{Adjustment, Direction, Hour, PricingType, RowKey, Statement, Tier, UsageKey, Zone};

/// The columns of a statement's rows. What an adjustment has is empty in a row.
const ROW_COLUMNS: [&str; 14] = [
    "kind",
    "account",
    "statement",
    "period_from",
    "period_to",
    "number",
    "market",
    "category",
    "type",
    "tier",
    "unit",
    "units",
    "amount",
    "currency",
];

/// The columns of counts.
const USAGE_COLUMNS: [&str; 9] =
    ["account", "number", "date", "time", "market", "category", "window", "entry_point", "units"];

/// The rows of `statement` and what it puts right, as CSV (RFC 4180) with a head.
///
/// An adjustment is a row of the kind `late`, `moved_tier` or `correction`, with the period that it is about;
/// what is given back counts below zero.
#[must_use]
pub fn rows_csv(statement: &Statement) -> String {
    let lines = lines(statement).map(|cells| csv_line(cells.iter().map(String::as_str)));
    csv_line(ROW_COLUMNS) + &lines.collect::<String>()
}

/// The same as JSON Lines: an object a line, all values texts, so that no reader rounds an amount.
#[must_use]
pub fn rows_json_lines(statement: &Statement) -> String {
    lines(statement).map(|cells| json_line(&ROW_COLUMNS, &cells)).collect()
}

/// `counts`, by the clock of `zone`, as CSV (RFC 4180) with a head.
#[must_use]
pub fn usage_csv(counts: &[(UsageKey, i64)], zone: &Zone) -> String {
    let lines = counts.iter().map(|count| csv_line(usage_cells(count, zone).iter().map(String::as_str)));
    csv_line(USAGE_COLUMNS) + &lines.collect::<String>()
}

/// The same as JSON Lines.
#[must_use]
pub fn usage_json_lines(counts: &[(UsageKey, i64)], zone: &Zone) -> String {
    counts.iter().map(|count| json_line(&USAGE_COLUMNS, &usage_cells(count, zone))).collect()
}

fn lines(statement: &Statement) -> impl Iterator<Item = [String; 14]> + '_ {
    let rows = statement.rows().iter().map(|row| {
        let period = (statement.period().from(), statement.period().to());
        cells(statement, "usage", period, &row.key, (row.units.to_string(), row.amount.to_string()))
    });
    let adjustments = statement.adjustments().iter().map(|adjustment| {
        let period = (adjustment.period().from(), adjustment.period().to());
        let row = adjustment.leaf().row();
        let sums = (signed_units(adjustment), adjustment.amount().to_string());
        cells(statement, adjustment.reason().name(), period, &row, sums)
    });
    rows.chain(adjustments)
}

fn signed_units(adjustment: &Adjustment) -> String {
    let units = i64::from(adjustment.leaf().units);
    match adjustment.direction() {
        Direction::Charge => units,
        Direction::Credit => -units,
    }
    .to_string()
}

fn cells(
    statement: &Statement,
    kind: &str,
    (from, to): (Hour, Hour),
    key: &RowKey,
    (units, amount): (String, String),
) -> [String; 14] {
    let RowKey { number, market, category, pricing_type, tier, unit } = key;
    [
        kind.to_owned(),
        statement.account().to_string(),
        statement.number().to_string(),
        local(from, statement.zone()),
        local(to, statement.zone()),
        number.to_string(),
        market.to_string(),
        category.name().to_owned(),
        PricingType::name(*pricing_type).to_owned(),
        Tier::number(*tier).to_string(),
        unit.name().to_owned(),
        units,
        amount,
        statement.currency().to_string(),
    ]
}

fn usage_cells((key, units): &(UsageKey, i64), zone: &Zone) -> [String; 9] {
    let traits = key.traits();
    let minute = zone.minute_of_day(key.hour());
    [
        key.account().to_string(),
        key.number().to_string(),
        zone.date(key.hour()).to_string(),
        format!("{:02}:{:02}", minute / 60, minute % 60),
        traits.market.to_string(),
        traits.category.name().to_owned(),
        traits.window.name().to_owned(),
        traits.entry_point.name().to_owned(),
        units.to_string(),
    ]
}

/// A time by the account's clock, such as `2026-10-01T00:00`.
pub(super) fn local(hour: Hour, zone: &Zone) -> String {
    let minute = zone.minute_of_day(hour);
    format!("{}T{:02}:{:02}", zone.date(hour), minute / 60, minute % 60)
}

fn json_line(columns: &[&str], cells: &[String]) -> String {
    let fields: Vec<_> = columns
        .iter()
        .zip(cells)
        .map(|(column, cell)| format!("{}:{}", json_text(column), json_text(cell)))
        .collect();
    format!("{{{}}}\n", fields.join(","))
}
