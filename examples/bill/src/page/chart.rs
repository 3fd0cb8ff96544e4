use std::fmt::Write;

use bulla_meter::{Amount, Hour, LocalDate, PricingCategory, Statement};

use crate::overview::Days;

/// The most days that are drawn: two bars a day and category are some hundred bytes each. A longer period has
/// no chart.
const MAX_CHART_DAYS: u32 = 400;

/// Room for the bars, right of and above the names on the axes.
const LEFT: i128 = 90;
const WIDTH: i128 = 810;
const TOP: i128 = 12;
const HEIGHT: i128 = 150;

/// How many dates fit below one another.
const DATES: u32 = 8;

/// The days of a statement's period, each in its place whether or not there was a message.
pub(super) struct Chart<'a> {
    first: LocalDate,
    count: u32,
    days: &'a Days,
}

impl<'a> Chart<'a> {
    /// Nothing for a period that is too long.
    pub(super) fn of(statement: &Statement, days: &'a Days) -> Option<Self> {
        let (zone, period) = (statement.zone(), statement.period());
        let last = Hour::from_minutes(period.to().minutes().saturating_sub(1));
        let (first, last) = (zone.date(period.from()), zone.date(last));
        let count = last.days().saturating_sub(first.days()).saturating_add(1);
        (count <= MAX_CHART_DAYS).then_some(Self { first, count, days })
    }

    /// Bars a day, stacked by category: `of` says how tall they are, `told` what stands at a bar, and
    /// `ticked` what stands at the axis.
    pub(super) fn draw(
        &self,
        name: &str,
        of: impl Fn((u64, Amount)) -> i128,
        told: impl Fn(i128) -> String,
        ticked: impl Fn(i128) -> String,
    ) -> String {
        let sums = self.days.values().map(|day| day.values().map(|sums| of(*sums)).sum::<i128>());
        let highest = sums.max().unwrap_or_default();
        if highest == 0 {
            return "<p>Nothing on any day.</p>".to_owned();
        }
        let step = step(highest);
        let top = step.saturating_mul(4);
        let (right, bottom) = (LEFT + WIDTH, TOP + HEIGHT);
        let mut svg =
            format!("<svg viewBox=\"0 0 {} {}\" role=img aria-label=\"{name}\">", right + 40, bottom + 24);
        for tick in 0..=4 {
            let y = bottom - tick * HEIGHT / 4;
            let (x, value) = (LEFT - 6, ticked(step.saturating_mul(tick)));
            // A string takes all that is written.
            let _ = write!(
                svg,
                "<line x1={LEFT} x2={right} y1={y} y2={y} /><text x={x} y={} text-anchor=end>{value}</text>",
                y + 4
            );
        }
        for place in 0..self.count {
            let date = LocalDate::from_days(self.first.days().saturating_add(place));
            let (left, next) = (self.x(place), self.x(place + 1));
            if place % self.count.div_ceil(DATES) == 0 {
                let _ = write!(
                    svg,
                    "<text x={} y={} text-anchor=middle>{date}</text>",
                    (left + next) / 2,
                    bottom + 17
                );
            }
            let (mut below, wide) = (bottom, (next - left - 2).max(1));
            for (category, sums) in self.days.get(&date).into_iter().flatten() {
                let value = of(*sums);
                let tall = value.saturating_mul(HEIGHT) / top;
                if value == 0 {
                    continue;
                }
                below -= tall;
                let (fill, category, value) = (colour(*category), category.name(), told(value));
                let _ = write!(
                    svg,
                    "<rect x={left} y={below} width={wide} height={tall} fill=\"{fill}\">\
                     <title>{date} {category}: {value}</title></rect>"
                );
            }
        }
        svg + "</svg>"
    }

    fn x(&self, place: u32) -> i128 {
        LEFT + i128::from(place) * WIDTH / i128::from(self.count)
    }
}

/// What is between two lines of the axis, four of which reach `highest`: 1, 2, 2.5 or 5 times a power of ten,
/// and whole.
fn step(highest: i128) -> i128 {
    let mut ten = 1_i128;
    loop {
        for step in [ten, ten.saturating_mul(2), ten.saturating_mul(5) / 2, ten.saturating_mul(5)] {
            if step.saturating_mul(4) >= highest {
                return step;
            }
        }
        ten = ten.saturating_mul(10);
    }
}

pub(super) const fn colour(category: PricingCategory) -> &'static str {
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

#[cfg(test)]
mod tests {
    use super::step;

    #[test]
    fn lines_of_the_axis_are_round_and_reach_the_highest_bar() {
        for (highest, expected) in
            [(0, 1), (4, 1), (5, 2), (9, 5), (21, 10), (81, 25), (730, 200), (801, 250)]
        {
            assert_eq!(step(highest), expected, "{highest}");
        }
        assert!(step(i128::MAX) > 0, "an end is found for whatever a statement says");
    }
}
