use std::fmt::Write;

use bulla_meter::PricingCategory;

use crate::overview::Overview;
use crate::terminal::local;

const WIDTH: u64 = 900;
const HEIGHT: u64 = 160;

/// The month as one page that needs nothing else: no script, no font, no picture from elsewhere.
pub(crate) fn page(overview: &Overview<'_>) -> String {
    let statement = overview.statement;
    let mut html = String::from(
        "<!doctype html><meta charset=utf-8><title>Bill</title><style>\
         body{font:15px system-ui,sans-serif;max-width:60em;margin:2em auto;color:#222}\
         table{border-collapse:collapse;width:100%}td,th{padding:.2em .6em;border-bottom:1px solid #ddd;text-align:left}\
         .n{text-align:right;font-variant-numeric:tabular-nums}svg{width:100%;background:#fafafa}\
         pre{background:#fafafa;padding:1em;overflow:auto}</style>\n",
    );
    // A string takes all that is written.
    let _ = write!(
        html,
        "<h1>Statement {} of account {}</h1><p>{} to {}, {}. {} messages, <b>{} {}</b> to be paid.</p>",
        statement.number(),
        statement.account(),
        local(statement.period().from(), statement),
        local(statement.period().to(), statement),
        escaped(statement.zone().name()),
        statement.leaves().size(),
        statement.total(),
        statement.currency(),
    );
    if let Some((card, amount)) = &overview.forecast {
        let _ = write!(html, "<p>By the card {} it would be <b>{amount}</b>.</p>", escaped(card));
    }
    html += "<h2>Units a day</h2>";
    html += &plot(overview, |(units, _)| i128::from(units));
    html += "<h2>Amount a day</h2>";
    html += &plot(overview, |(_, amount)| amount.micros());
    html += &legend();
    html += &rows(overview);
    let irregular = statement.irregularities();
    let _ = write!(
        html,
        "<p>Events: {} late, {} doubled, {} conflicting.</p><h2>The other side</h2><pre>{}</pre>",
        irregular.late,
        irregular.doubled,
        irregular.conflicting,
        overview.report.as_ref().map_or("Not compared.".to_owned(), |report| escaped(&report.to_string())),
    );
    html
}

fn rows(overview: &Overview<'_>) -> String {
    let mut html = String::from(
        "<h2>Rows</h2><table><tr><th>number<th>market<th>category<th>type<th>tier\
         <th class=n>units<th class=n>amount",
    );
    for row in overview.statement.rows() {
        let key = row.key;
        let _ = write!(
            html,
            "<tr><td>{}<td>{}<td>{}<td>{}<td>{}<td class=n>{}<td class=n>{}",
            key.number,
            key.market,
            key.category.name(),
            key.pricing_type.name(),
            key.tier.number(),
            row.units,
            row.amount
        );
    }
    html + "</table>"
}

/// Bars a day, stacked by category.
fn plot(overview: &Overview<'_>, of: impl Fn((u64, bulla_meter::Amount)) -> i128) -> String {
    let sums = overview.days.values().map(|day| day.values().map(|sums| of(*sums)).sum::<i128>());
    let highest = sums.max().unwrap_or_default().max(1);
    let wide = WIDTH / u64::try_from(overview.days.len().max(1)).unwrap_or(1);
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=img>");
    for ((date, day), place) in overview.days.iter().zip(0_u64..) {
        let mut below = i128::from(HEIGHT);
        for (category, sums) in day {
            let (value, left) = (of(*sums), place * wide);
            let tall = value * i128::from(HEIGHT - 10) / highest;
            below -= tall;
            let _ = write!(
                svg,
                "<rect x={left} y={below} width={} height={tall} fill=\"{}\"><title>{date} {}: {value}</title></rect>",
                wide.saturating_sub(2).max(1),
                colour(*category),
                category.name(),
            );
        }
    }
    svg + "</svg>"
}

fn legend() -> String {
    let item = |category: &PricingCategory| {
        format!("<span style=\"color:{}\">■</span> {} ", colour(*category), category.name())
    };
    format!("<p>{}</p>", PricingCategory::ALL.iter().map(item).collect::<String>())
}

const fn colour(category: PricingCategory) -> &'static str {
    match category {
        PricingCategory::Service => "#4477aa",
        PricingCategory::Utility => "#228833",
        PricingCategory::Authentication => "#ccbb44",
        PricingCategory::AuthenticationInternational => "#eebb66",
        PricingCategory::Marketing => "#ee6677",
        PricingCategory::MarketingLite => "#ffaabb",
        PricingCategory::ReferralConversion => "#aa3377",
        _ => "#66ccee",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
