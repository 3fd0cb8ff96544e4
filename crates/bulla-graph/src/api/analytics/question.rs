use std::time::Duration;

use bulla_base::Timestamp;
use bulla_meter::{Hour, Market, Period};

use super::granularity::Granularity;
use crate::api::parameters::Parameters;
use crate::api_error::ApiError;
use crate::limits::{ANALYTICS_SPAN, MAX_ANALYTICS_CHARS, MAX_SHORT_CHARS};

/// What both sorts of figures are asked by.
#[derive(Debug)]
pub(super) struct Question {
    /// From the quarter of an hour on that begins it, to the end of the one that ends it.
    pub(super) period: Period,
    pub(super) granularity: Granularity,
    /// Digits of numbers; all that the token opens when there are none.
    pub(super) numbers: Vec<String>,
    /// All when there are none.
    pub(super) countries: Vec<&'static str>,
}

impl Question {
    pub(super) fn read(said: &Parameters, now: Timestamp) -> Result<Self, ApiError> {
        let (from, to) = (moment(said, "start")?, moment(said, "end")?);
        if from >= to {
            return Err(ApiError::unreadable("start: it must be before end"));
        }
        if from < now.before(ANALYTICS_SPAN) {
            let days = ANALYTICS_SPAN.as_secs() / 86_400;
            return Err(ApiError::unreadable(format!("start: it is more than {days} days ago")));
        }
        let last = to.before(Duration::from_secs(1)).after(Duration::from_secs(15 * 60));
        let empty = |_| ApiError::unreadable("end: it is after the end of all days that are counted");
        let period = Period::new(Hour::quarter(from), Hour::quarter(last)).map_err(empty)?;
        let granularity = Granularity::read(&said.required("granularity", MAX_SHORT_CHARS)?)?;
        let digits = |number: String| number.chars().filter(char::is_ascii_digit).collect();
        let numbers = words(said, "phone_numbers")?.into_iter().map(digits).collect();
        let countries = words(said, "country_codes")?;
        let countries: Result<_, _> = countries.iter().map(|word| country(word)).collect();
        Ok(Self { period, granularity, numbers, countries: countries? })
    }

    /// Whether what went to `market` is asked for.
    pub(super) fn is_of(&self, market: Market) -> bool {
        self.countries.is_empty() || self.countries.contains(&market.country())
    }
}

/// A list of words: `["A","B"]`, or the same without marks or brackets. Empty when none are said.
pub(super) fn words(said: &Parameters, name: &'static str) -> Result<Vec<String>, ApiError> {
    let text = said.text(name, MAX_ANALYTICS_CHARS)?.unwrap_or_default();
    let text = text.trim();
    let text = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let words = text.split(',').map(|word| word.trim().trim_matches(['"', '\'']).trim());
    Ok(words.filter(|word| !word.is_empty()).map(str::to_owned).collect())
}

/// Seconds since 1970.
fn moment(said: &Parameters, name: &'static str) -> Result<Timestamp, ApiError> {
    let seconds = said.required(name, MAX_SHORT_CHARS)?.trim().parse::<u64>();
    let seconds = seconds.ok().and_then(|seconds| seconds.checked_mul(1000));
    seconds
        .map(Timestamp::from_millis)
        .ok_or_else(|| ApiError::mistyped(name, "a number of seconds since 1970"))
}

/// The country with these two letters, as calling codes are told.
fn country(word: &str) -> Result<&'static str, ApiError> {
    let known = Market::all().map(Market::country).find(|known| known.eq_ignore_ascii_case(word));
    known.ok_or_else(|| {
        ApiError::unreadable(
            "country_codes: each is the two letters of a country that has a calling code for itself, or is \
             the largest of those that share one",
        )
    })
}
