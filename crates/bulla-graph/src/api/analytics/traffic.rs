use std::collections::BTreeMap;

use bulla_meter::{Hour, PricingCategory, UsageKey};
use bulla_relay::Counted;
use serde_json::{Value, json};

use super::question::{Question, words};
use crate::api::parameters::Parameters;
use crate::api_error::ApiError;
use crate::limits::MAX_ANALYTICS_POINTS;

/// How many messages were sent and how many delivered.
pub(super) struct Traffic {
    /// Whether what templates say is counted, and what answers.
    notices: bool,
    answers: bool,
    /// From when and before when: sent, delivered.
    points: BTreeMap<(Hour, Hour), (u64, u64)>,
}

impl Traffic {
    /// Reads what is asked: notifications are of the type 0, and what is written to a customer of the type 2.
    pub(super) fn read(said: &Parameters) -> Result<Self, ApiError> {
        let types = words(said, "product_types")?;
        if !types.iter().all(|word| word == "0" || word == "2") {
            return Err(ApiError::one_of("product_types", "0, 2"));
        }
        let has = |name: &str| types.is_empty() || types.iter().any(|word| word == name);
        Ok(Self { notices: has("0"), answers: has("2"), points: BTreeMap::new() })
    }

    /// Adds `units` of what is counted within a time.
    pub(super) fn add(
        &mut self,
        of: Counted,
        around: (Hour, Hour),
        (key, units): (UsageKey, u64),
    ) -> Result<(), ApiError> {
        let is_asked = match key.traits().category {
            PricingCategory::Service => self.answers,
            _ => self.notices,
        };
        if !is_asked {
            return Ok(());
        }
        if self.points.len() >= MAX_ANALYTICS_POINTS && !self.points.contains_key(&around) {
            return Err(ApiError::too_many_points());
        }
        let (sent, delivered) = self.points.entry(around).or_default();
        let count = if of == Counted::Sent { sent } else { delivered };
        *count = count.saturating_add(units);
        Ok(())
    }

    /// The answer to `question`, about the numbers with these `digits`.
    pub(super) fn into_json<'a>(
        self,
        question: &Question,
        digits: impl Iterator<Item = &'a String>,
    ) -> Value {
        let points = self.points.into_iter().map(|((from, to), (sent, delivered))| {
            let (start, end) = (from.begin().as_secs(), to.begin().as_secs());
            json!({ "start": start, "end": end, "sent": sent, "delivered": delivered })
        });
        let mut whole = json!({
            "phone_numbers": digits.collect::<Vec<_>>(),
            "granularity": question.granularity.name(),
            "data_points": points.collect::<Vec<_>>(),
        });
        if !question.countries.is_empty() {
            whole["country_codes"] = question.countries.clone().into();
        }
        whole
    }
}
