//! Figures of an account: what was sent, what was delivered, and what that costs.
//!
//! They are counted by the quarter of an hour, in the records that say that something was sent or delivered,
//! and put together when they are asked for. A time in which there was nothing has no point.

mod granularity;
mod pricing;
mod question;
mod traffic;

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use axum::http::request::Parts;
use bulla_base::{BusinessAccountId, PhoneNumberId};
use bulla_meter::{Hour, Period, Tariff, UsageKey, UsageRater, Zone};
use bulla_relay::{Counted, UsagePage};
use serde_json::Value;

use self::granularity::Steps;
use self::pricing::Pricing;
use self::question::Question;
use self::traffic::Traffic;
use super::GraphApi;
use super::fields::Selection;
use super::parameters::Parameters;
use crate::api_error::{ApiError, Methods};
use crate::limits::MAX_ANALYTICS_ROWS;
use crate::{Grant, RelayApi, TokenLookup};

/// What is called so by the original and not counted here, and what is.
const NOT_COUNTED: [(&str, &str); 2] = [
    ("conversation_analytics", "conversations are not counted; ask for pricing_analytics"),
    ("template_analytics", "it is not counted by template; ask for pricing_analytics"),
];

/// The numbers that are asked about, with their digits.
type Numbers = BTreeMap<PhoneNumberId, String>;

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// Adds to what is told of an account the figures that are asked for.
    pub(super) async fn add_figures(
        &self,
        of: (&Grant, BusinessAccountId),
        selection: &Selection,
        whole: &mut Value,
    ) -> Result<(), ApiError> {
        if let Some((name, why)) = NOT_COUNTED.into_iter().find(|(name, _)| selection.has(name)) {
            return Err(ApiError::not_counted(name, why));
        }
        if let Some(said) = selection.arguments("analytics") {
            whole["analytics"] = self.traffic(of, &said).await?;
        }
        if let Some(said) = selection.arguments("pricing_analytics") {
            whole["pricing_analytics"] = self.pricing(of, &said).await?;
        }
        Ok(())
    }

    /// Answers what was delivered, and what it cost.
    pub(super) async fn pricing_analytics(
        &self,
        head: &Parts,
        of: (&Grant, BusinessAccountId),
    ) -> Result<Value, ApiError> {
        if head.method != Method::GET {
            return Err(ApiError::method(Methods::Get));
        }
        let said = Parameters::read(head.uri.query().unwrap_or_default(), &[], false)?;
        self.pricing(of, &said).await
    }

    async fn pricing(
        &self,
        of @ (_, account): (&Grant, BusinessAccountId),
        said: &Parameters,
    ) -> Result<Value, ApiError> {
        let question = Question::read(said, self.clock.now())?;
        let (zone, tariff) = (self.terms.zone(account), self.terms.tariff(account));
        let rater = tariff.as_deref().map(|tariff| UsageRater::new(tariff, &zone));
        let mut pricing = Pricing::read(said, rater)?;
        let numbers = self.numbers_asked(of, &question)?;
        if tariff.as_deref().is_some_and(Tariff::depends_on_volume) {
            self.price_in_order((account, &zone), &question, &numbers, &mut pricing).await?;
        } else {
            let add = |within, (key, units)| pricing.add(Some(within), key, units);
            self.count((&question, &zone), &numbers, Counted::Delivered, &mut 0, add).await?;
        }
        Ok(pricing.into_json(&numbers))
    }

    /// Has `pricing` add what is asked for after all that came before it in its month, of the whole account:
    /// what a unit costs depends on it.
    async fn price_in_order(
        &self,
        (account, zone): (BusinessAccountId, &Zone),
        question: &Question,
        numbers: &Numbers,
        pricing: &mut Pricing<'_>,
    ) -> Result<(), ApiError> {
        let month = zone.month(zone.date(question.period.from()));
        let whole = Period::new(month.from(), question.period.to()).unwrap_or(question.period);
        let of_account = self.relay.numbers_of(account);
        let all: BTreeSet<_> = of_account.into_iter().chain(numbers.keys().copied()).collect();
        let mut counts = Vec::new();
        for number in all {
            let (mut after, mut read) = (None, counts.len());
            while let Some(page) =
                self.usage_page(number, Counted::Delivered, whole, after, &mut read).await?
            {
                after = page.last().map(|(key, _)| *key);
                counts.extend(page);
            }
        }
        counts.sort_unstable_by_key(|(key, _)| (key.hour(), *key));
        let mut steps = Steps::new(question.granularity, zone, question.period);
        counts.into_iter().try_for_each(|(key, units)| {
            let is_asked = question.period.contains(key.hour())
                && numbers.contains_key(&key.number())
                && question.is_of(key.traits().market);
            pricing.add(is_asked.then(|| steps.around(key.hour())), key, units)
        })
    }

    async fn traffic(
        &self,
        of @ (_, account): (&Grant, BusinessAccountId),
        said: &Parameters,
    ) -> Result<Value, ApiError> {
        let question = Question::read(said, self.clock.now())?;
        let zone = self.terms.zone(account);
        let mut traffic = Traffic::read(said)?;
        let numbers = self.numbers_asked(of, &question)?;
        let mut rows = 0;
        for counted in [Counted::Sent, Counted::Delivered] {
            let add = |around, unit| traffic.add(counted, around, unit);
            self.count((&question, &zone), &numbers, counted, &mut rows, add).await?;
        }
        Ok(traffic.into_json(&question, numbers.values()))
    }

    /// Those of the account's numbers that the token opens and that are asked about.
    fn numbers_asked(
        &self,
        (grant, account): (&Grant, BusinessAccountId),
        question: &Question,
    ) -> Result<Numbers, ApiError> {
        let of_account = grant.numbers().filter(|number| self.relay.account(*number) == Some(account));
        let known: Numbers = of_account
            .filter_map(|number| Some((number, self.relay.number(number)?.digits().to_owned())))
            .collect();
        let is_known = |digits: &String| known.values().any(|known| known == digits);
        if !question.numbers.iter().all(is_known) {
            return Err(ApiError::unreadable(
                "phone_numbers: each is one of the account's that the token may use, with its country's code",
            ));
        }
        let is_asked = |digits: &String| question.numbers.is_empty() || question.numbers.contains(digits);
        Ok(known.into_iter().filter(|(_, digits)| is_asked(digits)).collect())
    }

    /// Has `add` count all that was counted of `numbers`, each with the time that it is in.
    async fn count(
        &self,
        (question, zone): (&Question, &Zone),
        numbers: &Numbers,
        of: Counted,
        rows: &mut usize,
        mut add: impl FnMut((Hour, Hour), (UsageKey, u64)) -> Result<(), ApiError> + Send,
    ) -> Result<(), ApiError> {
        for number in numbers.keys() {
            let (mut steps, mut after) = (Steps::new(question.granularity, zone, question.period), None);
            while let Some(page) = self.usage_page(*number, of, question.period, after, rows).await? {
                after = page.last().map(|(key, _)| *key);
                for (key, units) in page.into_iter().filter(|(key, _)| question.is_of(key.traits().market)) {
                    add(steps.around(key.hour()), (key, units))?;
                }
            }
        }
        Ok(())
    }

    /// What comes behind `after`, if anything does, added to the `rows` that were read for this answer.
    async fn usage_page(
        &self,
        number: PhoneNumberId,
        of: Counted,
        period: Period,
        after: Option<UsageKey>,
        rows: &mut usize,
    ) -> Result<Option<UsagePage>, ApiError> {
        let page = self.relay.usage_page(number, of, period, after).await;
        let page = page.map_err(|error| self.failed(error))?;
        *rows = rows.saturating_add(page.len());
        if *rows > MAX_ANALYTICS_ROWS {
            return Err(ApiError::too_much_counted());
        }
        Ok(Some(page).filter(|page| !page.is_empty()))
    }
}
