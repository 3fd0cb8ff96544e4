//! What is told of a number and of its account, and what of a number is set.

use axum::http::Method;
use axum::http::request::Parts;
use bulla_base::{BusinessAccountId, PhoneNumberId};
use bulla_relay::PageStart;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::GraphApi;
use super::body::Incoming;
use super::fields::{Selection, pick};
use super::health::{self, Health};
use super::page::{self, PageAsked};
use super::records::{Kept, Kind};
use crate::api_error::{ApiError, Methods};
use crate::limits::{MAX_NAME_CHARS, MAX_STANDINGS_READ};
use crate::{Grant, RelayApi, TokenLookup};

/// What is told of a number when nobody says what.
const OF_NUMBER: [&str; 8] = [
    "id",
    "verified_name",
    "code_verification_status",
    "display_phone_number",
    "quality_rating",
    "platform_type",
    "throughput",
    "status",
];

/// What is told of an account when nobody says what.
const OF_ACCOUNT: [&str; 4] = ["id", "name", "timezone_id", "message_template_namespace"];

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// Tells of a number, or sets its PIN, its name or its callback.
    pub(super) async fn number(
        &self,
        head: &Parts,
        body: &mut Incoming,
        business: PhoneNumberId,
    ) -> Result<Value, ApiError> {
        match head.method {
            Method::GET => self.number_json(business, Selection::of(head)?.as_ref()).await,
            Method::POST => {
                let said = self.parameters(head, body).await?;
                let mut is_something = false;
                if said.has("pin") {
                    self.set_pin(business, &said).await?;
                    is_something = true;
                }
                if let Some(name) = said.text("new_display_name", MAX_NAME_CHARS)? {
                    let put = |kept: &mut Option<Kept>| {
                        *kept = (!name.is_empty())
                            .then(|| Kept::from_iter([("name".into(), name.clone().into())]));
                        Ok(())
                    };
                    self.change(business, (Kind::Name, ""), put).await?;
                    is_something = true;
                }
                if let Some(webhook) = said.object("webhook_configuration")? {
                    self.set_number_callback(business, &webhook).await?;
                    is_something = true;
                }
                match is_something {
                    true => Ok(json!({ "success": true })),
                    false => Err(ApiError::missing("pin")),
                }
            }
            _ => Err(ApiError::method(Methods::GetOrPost)),
        }
    }

    /// Lists the numbers of an account that are granted.
    pub(super) async fn numbers(
        &self,
        head: &Parts,
        (grant, account): (&Grant, BusinessAccountId),
    ) -> Result<Value, ApiError> {
        if head.method != Method::GET {
            return Err(ApiError::method(Methods::Get));
        }
        let asked = PageAsked::of(head)?;
        let is_asked = |number: &PhoneNumberId| match &asked.start {
            PageStart::First => true,
            PageStart::After(place) => number.number().to_be_bytes()[..] > place[..],
            PageStart::Before(place) => number.number().to_be_bytes()[..] < place[..],
        };
        let mut numbers: Vec<PhoneNumberId> = grant.numbers().filter(is_asked).collect();
        numbers.retain(|number| self.relay.account(*number) == Some(account));
        let sides = asked.cut(&mut numbers);
        let (selection, mut items) = (Selection::of(head)?, Vec::with_capacity(numbers.len()));
        for number in numbers {
            items.push((number.number().to_be_bytes(), self.number_json(number, selection.as_ref()).await?));
        }
        page::listed(head, &self.settings, items, sides)
    }

    /// Tells of an account.
    pub(super) async fn account(
        &self,
        head: &Parts,
        (grant, account): (&Grant, BusinessAccountId),
    ) -> Result<Value, ApiError> {
        if head.method != Method::GET {
            return Err(ApiError::method(Methods::Get));
        }
        let id = account.to_string();
        let tag = Sha256::digest(format!("bulla template namespace {id}"));
        let namespace: String = tag.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let mut whole = json!({
            "id": id,
            "name": format!("Account {id}"),
            // Not known: by whose clock figures go is known by its name alone, which has no number there.
            "timezone_id": "0",
            "message_template_namespace": namespace,
            "status": "ACTIVE",
            "account_review_status": "APPROVED",
            "ownership_type": "SELF",
            "is_enabled_for_insights": false,
        });
        let selection = Selection::of(head)?;
        if let Some(selection) = &selection {
            if selection.has("health_status") {
                whole["health_status"] = self.account_health(account).await?.json("WABA", &id);
            }
            self.add_figures((grant, account), selection, &mut whole).await?;
        }
        Ok(picked(selection.as_ref(), whole, &OF_ACCOUNT))
    }

    /// That of its number that can send the most, of as many as are looked at.
    async fn account_health(&self, account: BusinessAccountId) -> Result<Health, ApiError> {
        let mut best = Health::Unregistered;
        let is_registered = |number: &PhoneNumberId| self.relay.is_registered(*number).unwrap_or(false);
        let numbers = self.relay.numbers_of(account).into_iter().filter(is_registered);
        for number in numbers.take(MAX_STANDINGS_READ) {
            let standing = self.relay.standing(number).await.map_err(|error| self.failed(error))?;
            best = best.min(Health::of(true, standing));
            if best == Health::Available {
                break;
            }
        }
        Ok(best)
    }

    async fn number_json(
        &self,
        business: PhoneNumberId,
        selection: Option<&Selection>,
    ) -> Result<Value, ApiError> {
        let own = self.relay.number(business).ok_or_else(ApiError::number)?;
        let (display, id) = (format!("+{}", own.digits()), business.to_string());
        let is_registered = self.relay.is_registered(business).map_err(|error| self.failed(error))?;
        let standing = self.relay.standing(business).await.map_err(|error| self.failed(error))?;
        let name = self.kept(business, (Kind::Name, "")).await?;
        let name = name.and_then(|kept| Some(kept.get("name")?.as_str()?.to_owned()));
        let mut whole = json!({
            "id": id,
            "display_phone_number": display,
            // Its number, until somebody says what it is called.
            "verified_name": name.unwrap_or_else(|| display.clone()),
            "name_status": "AVAILABLE_WITHOUT_REVIEW",
            "code_verification_status": "VERIFIED",
            "quality_rating": health::quality(standing),
            "status": health::status(is_registered, standing),
            "platform_type": "CLOUD_API",
            "throughput": { "level": "STANDARD" },
            "account_mode": "LIVE",
            "is_official_business_account": false,
            "is_on_biz_app": false,
            "is_preverified_number": false,
            "health_status": Health::of(is_registered, standing).json("PHONE_NUMBER", &id),
        });
        if let Some(tier) = standing.and_then(|standing| standing.tier) {
            whole["messaging_limit_tier"] = tier.name().into();
            whole["whatsapp_business_manager_messaging_limit"] = tier.name().into();
        }
        let is_asked = |name: &str| selection.is_some_and(|selection| selection.has(name));
        if is_asked("is_pin_enabled") {
            let record = self.kept(business, (Kind::Registration, "")).await?;
            whole["is_pin_enabled"] = record.is_some_and(|record| record.contains_key("pin")).into();
        }
        if is_asked("webhook_configuration") {
            whole["webhook_configuration"] = self.webhook_configuration(business).await?;
        }
        if is_asked("conversational_automation") {
            whole["conversational_automation"] = self.automation_json(business).await?;
        }
        Ok(picked(selection, whole, &OF_NUMBER))
    }
}

/// What is asked for, or else these.
fn picked(selection: Option<&Selection>, mut whole: Value, usual: &[&str]) -> Value {
    if selection.is_none()
        && let Value::Object(fields) = &mut whole
    {
        fields.retain(|name, _| usual.contains(&name.as_str()));
    }
    pick(selection, whole)
}
