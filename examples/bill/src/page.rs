mod chart;

use std::fmt::Write;

use bulla_meter::{Amount, PricingCategory};

use self::chart::Chart;
use crate::overview::Overview;
use crate::terminal::local;

const STYLE: &str = "body{font:15px system-ui,sans-serif;color:#222}\
    body{max-width:60em;margin:2em auto;padding:0 1em}\
    table{border-collapse:collapse;width:100%}\
    td,th{padding:.2em .6em;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}\
    .n{text-align:right;font-variant-numeric:tabular-nums}tfoot td{font-weight:bold}\
    svg{width:100%;background:#fafafa}svg text{font:12px system-ui,sans-serif;fill:#555}\
    svg line{stroke:#ddd}small,.k{overflow-wrap:anywhere}pre{background:#fafafa;padding:1em;overflow:auto}";

/// The month as one page that needs nothing else: no script, no font, no picture from elsewhere.
pub(crate) fn page(overview: &Overview<'_>) -> String {
    let statement = overview.statement;
    let mut html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width\"><title>Bill</title><style>{STYLE}</style>\n"
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
    html += "<h2>What was checked</h2><ul class=k>";
    for line in &overview.checks.lines {
        let _ = write!(html, "<li>{}", escaped(line));
    }
    html += "</ul>";
    for (what, amount) in overview.forecast.iter().flat_map(|forecast| forecast.lines()) {
        let _ = write!(html, "<p>Forecast: {}: <b>{}</b></p>", escaped(&what), escaped(&amount));
    }
    html += &charts(overview);
    html += &rows(overview);
    html += &corrections(overview);
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

fn charts(overview: &Overview<'_>) -> String {
    let Some(days) = &overview.days else {
        return "<h2>Days</h2><p>Not drawn: no --leaves given.</p>".to_owned();
    };
    let Some(chart) = Chart::of(overview.statement, days) else {
        return "<h2>Days</h2><p>Not drawn: the period has too many.</p>".to_owned();
    };
    let currency = overview.statement.currency();
    let units = |value| format!("{value} {}", if value == 1 { "unit" } else { "units" });
    let amount = |micros| format!("{} {currency}", Amount::from_micros(micros));
    format!(
        "<h2>Units a day</h2>{}<h2>Amount a day, in {currency}</h2>{}{}",
        chart.draw("Units a day", |(units, _)| i128::from(units), units, |value| value.to_string()),
        chart.draw("Amount a day", |(_, amount)| amount.micros(), amount, short),
        legend(overview)
    )
}

/// An amount without the noughts at its end, but for two.
fn short(micros: i128) -> String {
    let all = Amount::from_micros(micros).to_string();
    let (whole, places) = all.split_once('.').unwrap_or((&all, ""));
    format!("{whole}.{:0<2}", places.trim_end_matches('0'))
}

fn rows(overview: &Overview<'_>) -> String {
    let mut html = String::from(
        "<h2>Rows</h2><table><thead><tr><th>number<th>market<th>category<th>type<th>tier\
         <th class=n>units<th class=n>amount<tbody>",
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
    let corrected: Amount = overview.corrections.iter().map(|correction| correction.amount).sum();
    if !overview.corrections.is_empty() {
        let _ = write!(html, "<tr><td colspan=6>corrections, see below<td class=n>{corrected}");
    }
    let (total, currency) = (overview.statement.total(), overview.statement.currency());
    let _ = write!(html, "<tfoot><tr><td colspan=6>to be paid<td class=n>{total} {currency}</table>");
    html
}

fn corrections(overview: &Overview<'_>) -> String {
    if overview.corrections.is_empty() {
        return "<p>No corrections of earlier periods.</p>".to_owned();
    }
    let mut html = String::from(
        "<h2>Corrections</h2><table><thead><tr><th>why<th>what<th>signed by, and note\
         <th class=n>amount<tbody>",
    );
    for correction in &overview.corrections {
        let _ = write!(
            html,
            "<tr><td>{}<td class=k>{}<td class=k>{}<br><small>{}</small><td class=n>{}",
            escaped(&correction.title),
            escaped(&correction.what),
            escaped(&correction.signer),
            escaped(&correction.note),
            correction.amount
        );
    }
    html + "</table>"
}

fn legend(overview: &Overview<'_>) -> String {
    let has = |category: &&PricingCategory| {
        let mut days = overview.days.iter().flat_map(|days| days.values());
        days.any(|day| day.contains_key(*category))
    };
    let item = |category: &PricingCategory| {
        format!("<span style=\"color:{}\">■</span> {} ", chart::colour(*category), category.name())
    };
    format!("<p>{}</p>", PricingCategory::ALL.iter().filter(has).map(item).collect::<String>())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
