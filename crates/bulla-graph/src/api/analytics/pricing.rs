use std::collections::BTreeMap;

use bulla_base::PhoneNumberId;
use bulla_meter::{Amount, Hour, PricingCategory, PricingType, RatedUnits, TierRange, UsageKey, UsageRater};
use serde_json::{Map, Number, Value, json};

use super::question::words;
use crate::api::parameters::Parameters;
use crate::api_error::ApiError;
use crate::limits::MAX_ANALYTICS_POINTS;

const DIMENSIONS: &str = "COUNTRY, PHONE, PRICING_CATEGORY, PRICING_TYPE, TIER";
const METRICS: &str = "COST, VOLUME";
const TYPES: &str = "FREE_CUSTOMER_SERVICE, FREE_ENTRY_POINT, REGULAR";
const CATEGORIES: &str = "AUTHENTICATION, AUTHENTICATION_INTERNATIONAL, BUSINESS_AGENT, MARKETING, MARKETING_LITE, REFERRAL_CONVERSION, SERVICE, UTILITY";

/// What was delivered, and what it cost, by what is asked.
pub(super) struct Pricing<'a> {
    rater: Option<UsageRater<'a>>,
    by_number: bool,
    by_country: bool,
    by_type: bool,
    by_category: bool,
    by_tier: bool,
    has_volume: bool,
    has_cost: bool,
    types: Vec<PricingType>,
    categories: Vec<PricingCategory>,
    points: BTreeMap<Point, (u64, Option<Amount>)>,
}

/// What is counted together, in the order in which it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Point {
    from: Hour,
    to: Hour,
    number: Option<PhoneNumberId>,
    country: Option<&'static str>,
    pricing_type: Option<PricingType>,
    category: Option<PricingCategory>,
    tier: Option<TierRange>,
}

impl<'a> Pricing<'a> {
    /// Reads what is asked; types, tiers and costs are what `rater` says.
    pub(super) fn read(said: &Parameters, rater: Option<UsageRater<'a>>) -> Result<Self, ApiError> {
        let dimensions = known(words(said, "dimensions")?, "dimensions", DIMENSIONS)?;
        let metrics = known(words(said, "metric_types")?, "metric_types", METRICS)?;
        let types = known(words(said, "pricing_types")?, "pricing_types", TYPES)?;
        let categories = known(words(said, "pricing_categories")?, "pricing_categories", CATEGORIES)?;
        if !types.is_empty() && rater.is_none() {
            return Err(ApiError::unreadable(
                "pricing_types: which it is says a rate card, and there is none",
            ));
        }
        let is_by = |name: &str| dimensions.iter().any(|dimension| dimension == name);
        let has = |name: &str| metrics.is_empty() || metrics.iter().any(|metric| metric == name);
        Ok(Self {
            rater,
            by_number: is_by("PHONE"),
            by_country: is_by("COUNTRY"),
            by_type: is_by("PRICING_TYPE"),
            by_category: is_by("PRICING_CATEGORY"),
            by_tier: is_by("TIER"),
            has_volume: has("VOLUME"),
            has_cost: has("COST"),
            types: types.iter().filter_map(|name| PricingType::from_name(&name.to_lowercase())).collect(),
            categories: categories
                .iter()
                .filter_map(|name| PricingCategory::from_name(&name.to_lowercase()))
                .collect(),
            points: BTreeMap::new(),
        })
    }

    /// Adds `units` that were delivered `within` a time; without one they only come before others.
    pub(super) fn add(
        &mut self,
        within: Option<(Hour, Hour)>,
        key: UsageKey,
        units: u64,
    ) -> Result<(), ApiError> {
        let Some(rater) = &mut self.rater else {
            return within.map_or(Ok(()), |within| self.add_rated(within, key, units, None));
        };
        let rated = rater.rate(key, units);
        let Some(within) = within else { return Ok(()) };
        rated.into_iter().try_for_each(|rated| self.add_rated(within, key, rated.units, Some(rated)))
    }

    fn add_rated(
        &mut self,
        (from, to): (Hour, Hour),
        key: UsageKey,
        units: u64,
        rated: Option<RatedUnits>,
    ) -> Result<(), ApiError> {
        let traits = key.traits();
        let rate = rated.and_then(|rated| rated.rate.ok());
        let pricing_type = rate.map(|rate| rate.pricing_type);
        let is_asked = (self.categories.is_empty() || self.categories.contains(&traits.category))
            && (self.types.is_empty() || pricing_type.is_some_and(|known| self.types.contains(&known)));
        if !is_asked {
            return Ok(());
        }
        let point = Point {
            from,
            to,
            number: self.by_number.then(|| key.number()),
            country: self.by_country.then(|| traits.market.country()),
            pricing_type: pricing_type.filter(|_| self.by_type),
            category: self.by_category.then_some(traits.category),
            tier: rated.and_then(|rated| rated.tier).filter(|_| self.by_tier),
        };
        // What has no rate costs nobody knows what, and so does all that is told together with it.
        let cost = rate.map(|rate| Amount::from_micros(i128::from(rate.micros)).times(i128::from(units)));
        if self.points.len() >= MAX_ANALYTICS_POINTS && !self.points.contains_key(&point) {
            return Err(ApiError::too_many_points());
        }
        let (volume, total) = self.points.entry(point).or_insert((0, Some(Amount::ZERO)));
        *volume = volume.saturating_add(units);
        *total = total.zip(cost).map(|(total, cost)| total + cost);
        Ok(())
    }

    /// The answer; numbers are told by their `digits`.
    pub(super) fn into_json(self, digits: &BTreeMap<PhoneNumberId, String>) -> Value {
        let (has_volume, has_cost) = (self.has_volume, self.has_cost);
        let points = self.points.into_iter().map(|(point, (volume, cost))| {
            let Point { from, to, number, country, pricing_type, category, tier } = point;
            let mut told = Map::new();
            let mut tell = |name: &str, value: Value| drop(told.insert(name.to_owned(), value));
            tell("start", from.begin().as_secs().into());
            tell("end", to.begin().as_secs().into());
            let number = number.and_then(|number| digits.get(&number)).map(String::as_str);
            let names = [
                ("phone_number", number.map(str::to_owned)),
                ("country", country.map(str::to_owned)),
                ("pricing_type", pricing_type.map(|known| known.name().to_uppercase())),
                ("pricing_category", category.map(|known| known.name().to_uppercase())),
                ("tier", tier.map(|range| range.to_string())),
            ];
            for (name, value) in names.into_iter().filter_map(|(name, value)| Some((name, value?))) {
                tell(name, value.into());
            }
            if has_volume {
                tell("volume", volume.into());
            }
            let cost = cost.filter(|_| has_cost).and_then(|cost| cost.to_string().parse::<Number>().ok());
            if let Some(cost) = cost {
                tell("cost", Value::Number(cost));
            }
            Value::Object(told)
        });
        json!({ "data": [{ "data_points": points.collect::<Vec<_>>() }] })
    }
}

/// The words in capitals, each of which must be one of `all`.
fn known(words: Vec<String>, name: &'static str, all: &'static str) -> Result<Vec<String>, ApiError> {
    let words: Vec<_> = words.into_iter().map(|word| word.to_ascii_uppercase()).collect();
    let is_known = |word: &String| all.split(", ").any(|known| known == word);
    if words.iter().all(is_known) { Ok(words) } else { Err(ApiError::one_of(name, all)) }
}
