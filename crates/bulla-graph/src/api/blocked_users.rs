//! The users that a number has blocked.

use axum::http::Method;
use axum::http::request::Parts;
use bulla_base::{Number, PhoneNumberId};
use bulla_relay::{ConfigurationError, UserId};
use serde_json::{Value, json};

use super::GraphApi;
use super::body::Incoming;
use super::page::{self, PageAsked};
use super::parameters::Parameters;
use crate::api_error::{ApiError, Methods};
use crate::limits::{MAX_BLOCKED_TOGETHER, MAX_TO_CHARS};
use crate::{RelayApi, TokenLookup, user_id};

/// What becomes of one user that a request names.
enum Outcome {
    Done(Value),
    Failed(Value),
}

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// Lists the users that are blocked, blocks some, or lifts their blocks.
    pub(super) async fn blocked_users(
        &self,
        head: &Parts,
        body: &mut Incoming,
        business: PhoneNumberId,
    ) -> Result<Value, ApiError> {
        match head.method {
            Method::GET => self.list_blocked(head, business).await,
            Method::POST => {
                let said = self.parameters(head, body).await?;
                self.block(business, &said, true).await
            }
            Method::DELETE => {
                let said = self.parameters(head, body).await?;
                self.block(business, &said, false).await
            }
            _ => Err(ApiError::method(Methods::GetPostOrDelete)),
        }
    }

    async fn list_blocked(&self, head: &Parts, business: PhoneNumberId) -> Result<Value, ApiError> {
        let asked = PageAsked::of(head)?.read(|place| place.try_into().map(UserId::from_bytes).ok())?;
        let listed = self.relay.blocked(business, asked.start, asked.limit + 1).await;
        let mut listed = listed.map_err(|error| self.failed(error))?;
        let sides = asked.cut(&mut listed);
        let entry = |(user, number): (UserId, Number)| {
            let told = json!({
                "messaging_product": "whatsapp",
                "input": number.digits(),
                "wa_id": number.digits(),
                "user_id": user_id::write(user),
            });
            (*user.as_bytes(), told)
        };
        page::listed(head, &self.settings, listed.into_iter().map(entry).collect(), sides)
    }

    /// Blocks users, or lifts their blocks; each for itself.
    async fn block(
        &self,
        business: PhoneNumberId,
        said: &Parameters,
        is_blocked: bool,
    ) -> Result<Value, ApiError> {
        said.check_product()?;
        let users = said.list("block_users")?.filter(|users| !users.is_empty());
        let users = users.ok_or_else(|| ApiError::missing("block_users"))?;
        if users.len() > MAX_BLOCKED_TOGETHER {
            return Err(ApiError::long("block_users", "users", users.len(), MAX_BLOCKED_TOGETHER));
        }
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        for user in users {
            let input = Parameters::of(user).required("user", MAX_TO_CHARS)?;
            match self.block_one(business, input, is_blocked).await? {
                Outcome::Done(user) => done.push(user),
                Outcome::Failed(user) => failed.push(user),
            }
        }
        if done.is_empty() && !failed.is_empty() {
            return Err(ApiError::not_blocked());
        }
        let mut outcome = json!({ if is_blocked { "added_users" } else { "removed_users" }: done });
        if !failed.is_empty() {
            outcome["failed_users"] = failed.into();
        }
        Ok(json!({ "messaging_product": "whatsapp", "block_users": outcome }))
    }

    async fn block_one(
        &self,
        business: PhoneNumberId,
        input: String,
        is_blocked: bool,
    ) -> Result<Outcome, ApiError> {
        let failed = |input: &str, code: u32, message: &str| {
            Outcome::Failed(json!({
                "input": input,
                "errors": [{ "code": code, "message": message, "error_data": { "details": message } }],
            }))
        };
        let Ok(number) = Number::parse(&input) else {
            return Ok(failed(&input, 139_101, "user: it is no phone number"));
        };
        let digits = number.digits().to_owned();
        match self.relay.set_blocked(business, number, is_blocked).await {
            Ok(_) => Ok(Outcome::Done(json!({ "input": input, "wa_id": digits }))),
            Err(ConfigurationError::TooMany { .. }) => {
                Ok(failed(&input, 139_100, "as many users as may be are blocked already"))
            }
            Err(error) => Err(self.failed(error)),
        }
    }
}
