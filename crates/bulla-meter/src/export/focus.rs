use jiff::Timestamp;

use crate::export::csv_line;
use crate::{Amount, Direction, Hour, Period, PricingType, RowKey, Statement};

/// The columns that the FinOps Open Cost and Usage Specification (FOCUS 1.2) asks of billing rows, as far as
/// a statement has them.
const COLUMNS: [&str; 17] = [
    "BillingAccountId",
    "BillingCurrency",
    "BillingPeriodStart",
    "BillingPeriodEnd",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ServiceName",
    "SkuId",
    "ResourceId",
    "ConsumedQuantity",
    "ConsumedUnit",
    "BilledCost",
    "EffectiveCost",
    "InvoiceId",
];

/// The rows of `statement` as CSV with the columns of FOCUS, for programs that read bills of clouds. Instants
/// are in UTC; what is put right has the class `Correction` and the period that it is about.
#[must_use]
pub fn focus_csv(statement: &Statement) -> String {
    let mut text = csv_line(COLUMNS);
    for row in statement.rows() {
        text += &line(statement, "", statement.period(), &row.key, (row.units.to_string(), row.amount));
    }
    for adjustment in statement.adjustments() {
        let sign = match adjustment.direction() {
            Direction::Charge => "",
            Direction::Credit => "-",
        };
        let units = format!("{sign}{}", adjustment.leaf().units);
        let (period, row) = (adjustment.period(), adjustment.leaf().row());
        text += &line(statement, "Correction", period, &row, (units, adjustment.amount()));
    }
    text
}

fn line(
    statement: &Statement,
    class: &str,
    charged: Period,
    key: &RowKey,
    (units, amount): (String, Amount),
) -> String {
    let RowKey { number, market, category, pricing_type, tier, unit } = key;
    let (category, kind) = (category.name(), PricingType::name(*pricing_type));
    let cells = [
        statement.account().to_string(),
        statement.currency().to_string(),
        utc(statement.period().from()),
        utc(statement.period().to()),
        utc(charged.from()),
        utc(charged.to()),
        "Usage".to_owned(),
        class.to_owned(),
        format!("{category} to {market}, {kind}"),
        "Business messages".to_owned(),
        format!("{category}/{}/{kind}/{}", market.code(), tier.number()),
        number.to_string(),
        units,
        format!("{}s", unit.name()),
        amount.to_string(),
        amount.to_string(),
        format!("{}-{}", statement.account(), statement.number()),
    ];
    csv_line(cells.iter().map(String::as_str))
}

fn utc(hour: Hour) -> String {
    let instant = Timestamp::from_second(i64::from(hour.minutes()) * 60);
    instant.map_or_else(|_| String::new(), |instant| instant.to_string())
}
