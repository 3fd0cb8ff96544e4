//! Settings of a number: what is kept of them, and what each can be here.

use axum::http::Method;
use axum::http::request::Parts;
use bulla_base::PhoneNumberId;
use serde_json::{Value, json};

use super::GraphApi;
use super::body::Incoming;
use super::fields::{Selection, pick};
use super::parameters::Parameters;
use super::records::{Kept, Kind};
use crate::api_error::{ApiError, Methods};
use crate::limits::{MAX_COMMAND_CHARS, MAX_COMMANDS, MAX_HINT_CHARS, MAX_PROMPT_CHARS, MAX_PROMPTS};
use crate::{RelayApi, TokenLookup};

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// Tells of what a number can be set to; and takes what is so already, for there is nothing else here.
    pub(super) async fn number_settings(&self, head: &Parts, body: &mut Incoming) -> Result<Value, ApiError> {
        match head.method {
            Method::GET => {
                let whole = json!({
                    "calling": { "status": "DISABLED" },
                    "user_identity_change": { "enable_identity_key_check": false },
                    "storage_configuration": { "status": "DEFAULT" },
                });
                Ok(pick(Selection::of(head)?.as_ref(), whole))
            }
            Method::POST => {
                let said = self.parameters(head, body).await?;
                let (calling, storage) = (status(&said, "calling")?, status(&said, "storage_configuration")?);
                let checks = said.object("user_identity_change")?;
                let checks = checks.map(|of| of.flag("enable_identity_key_check")).transpose()?.flatten();
                if calling.is_some_and(|status| !status.eq_ignore_ascii_case("disabled")) {
                    return Err(ApiError::unsupported_field("calling"));
                }
                if storage.is_some_and(|status| !status.eq_ignore_ascii_case("default")) {
                    return Err(ApiError::unsupported_field("storage_configuration"));
                }
                if checks == Some(true) {
                    return Err(ApiError::unsupported_field("user_identity_change"));
                }
                if said.has("payload_encryption") {
                    return Err(ApiError::unsupported_field("payload_encryption"));
                }
                Ok(json!({ "success": true }))
            }
            _ => Err(ApiError::method(Methods::GetOrPost)),
        }
    }

    /// Whether a number's catalog and cart are to be shown.
    pub(super) async fn commerce_settings(
        &self,
        head: &Parts,
        body: &mut Incoming,
        business: PhoneNumberId,
    ) -> Result<Value, ApiError> {
        match head.method {
            Method::GET => {
                let kept = self.kept(business, (Kind::Commerce, "")).await?.unwrap_or_default();
                let flag = |name, usual| kept.get(name).and_then(Value::as_bool).unwrap_or(usual);
                let whole = json!({
                    "id": business.to_string(),
                    "is_cart_enabled": flag("is_cart_enabled", true),
                    "is_catalog_visible": flag("is_catalog_visible", false),
                });
                Ok(json!({ "data": [pick(Selection::of(head)?.as_ref(), whole)] }))
            }
            Method::POST => {
                let said = self.parameters(head, body).await?;
                let flags =
                    ["is_cart_enabled", "is_catalog_visible"].map(|name| Ok((name, said.flag(name)?)));
                let flags = flags.into_iter().collect::<Result<Vec<_>, ApiError>>()?;
                let change = |kept: &mut Option<Kept>| {
                    for (name, flag) in &flags {
                        if let Some(flag) = flag {
                            kept.get_or_insert_default().insert((*name).into(), (*flag).into());
                        }
                    }
                    Ok(())
                };
                self.change(business, (Kind::Commerce, ""), change).await?;
                Ok(json!({ "success": true }))
            }
            _ => Err(ApiError::method(Methods::GetOrPost)),
        }
    }

    /// Takes the words for a user who begins.
    pub(super) async fn set_automation(
        &self,
        head: &Parts,
        body: &mut Incoming,
        business: PhoneNumberId,
    ) -> Result<Value, ApiError> {
        match head.method {
            Method::GET => return self.automation_json(business).await,
            Method::POST => {}
            _ => return Err(ApiError::method(Methods::GetOrPost)),
        }
        let said = self.parameters(head, body).await?;
        let changes = automation(&said)?;
        let change = |kept: &mut Option<Kept>| {
            let record = kept.get_or_insert_default();
            record.extend(changes.iter().map(|(name, value)| (name.clone(), value.clone())));
            Ok(())
        };
        self.change(business, (Kind::Automation, ""), change).await?;
        Ok(json!({ "success": true }))
    }

    /// The words for a user who begins.
    pub(super) async fn automation_json(&self, business: PhoneNumberId) -> Result<Value, ApiError> {
        let mut kept = self.kept(business, (Kind::Automation, "")).await?.unwrap_or_default();
        kept.insert("id".into(), business.to_string().into());
        Ok(Value::Object(kept))
    }
}

/// The status that a setting is to have.
fn status(said: &Parameters, name: &'static str) -> Result<Option<String>, ApiError> {
    Ok(said.object(name)?.map(|of| of.text("status", MAX_COMMAND_CHARS)).transpose()?.flatten())
}

fn automation(said: &Parameters) -> Result<Kept, ApiError> {
    let mut changes = Kept::new();
    if said.flag("enable_welcome_message")? == Some(true) {
        // There is no event for it.
        return Err(ApiError::unsupported_field("enable_welcome_message"));
    }
    if let Some(prompts) = said.list("prompts")? {
        if prompts.len() > MAX_PROMPTS {
            return Err(ApiError::long("prompts", "prompts", prompts.len(), MAX_PROMPTS));
        }
        for prompt in &prompts {
            let prompt = prompt.as_str().ok_or_else(|| ApiError::mistyped("prompts", "a list of strings"))?;
            let chars = prompt.chars().count();
            if chars > MAX_PROMPT_CHARS {
                return Err(ApiError::long("prompts", "characters", chars, MAX_PROMPT_CHARS));
            }
        }
        changes.insert("prompts".into(), prompts.into());
    }
    if let Some(commands) = said.list("commands")? {
        if commands.len() > MAX_COMMANDS {
            return Err(ApiError::long("commands", "commands", commands.len(), MAX_COMMANDS));
        }
        let command = |command: Value| {
            let command = Parameters::of(command);
            Ok(json!({
                "command_name": command.required("command_name", MAX_COMMAND_CHARS)?,
                "command_description": command.required("command_description", MAX_HINT_CHARS)?,
            }))
        };
        let commands = commands.into_iter().map(command).collect::<Result<Vec<_>, ApiError>>()?;
        changes.insert("commands".into(), commands.into());
    }
    Ok(changes)
}
