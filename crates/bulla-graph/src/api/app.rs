//! What is the app's own: its token, and to what it is subscribed.

use axum::http::Method;
use axum::http::request::Parts;
use bulla_base::PhoneNumberId;
use serde_json::{Value, json};

use super::GraphApi;
use super::body::Incoming;
use super::callbacks::{CALLBACK, url_in};
use super::parameters::Parameters;
use super::path::Path;
use super::records::{Kept, Kind};
use crate::api_error::{ApiError, Methods};
use crate::limits::{MAX_SHORT_CHARS, MAX_WEBHOOK_FIELD_CHARS, MAX_WEBHOOK_FIELDS};
use crate::{RelayApi, TokenLookup};

/// What an app is subscribed to: there is nothing else.
const OBJECT: &str = "whatsapp_business_account";

/// The version of fields that is told: what is posted is of the same shape in all that are served.
const VERSION: &str = "v23.0";

/// The record is the operator's, of which it makes no difference who asks.
const NOBODY: PhoneNumberId = PhoneNumberId::new(0);

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// Answers what the app's own token or secret opens; nothing when neither was shown, where one is needed,
    /// or when none opens anything.
    pub(super) async fn app(
        &self,
        head: &Parts,
        body: &mut Incoming,
        (path, is_whole): (&Path<'_>, bool),
    ) -> Result<Option<Value>, ApiError> {
        if self.settings.app_owner().is_none() {
            return Ok(None);
        }
        if *path == Path::AppToken {
            return self.app_token(head, body).await.map(Some);
        }
        let Some(token) = self.presented_of_app(head) else { return Ok(None) };
        if is_whole || super::request_headers::query(head, "access_token").is_some() {
            self.check_proof(head, &token)?;
        }
        let reply = match path {
            Path::AppSubscriptions(app) => self.app_subscriptions(head, body, app).await,
            _ => self.debug_token(head, None).await,
        };
        reply.map(Some)
    }

    /// Tells to what the app is subscribed, subscribes it, or ends that.
    async fn app_subscriptions(
        &self,
        head: &Parts,
        body: &mut Incoming,
        app: &str,
    ) -> Result<Value, ApiError> {
        if ![Method::GET, Method::POST, Method::DELETE].contains(&head.method) {
            return Err(ApiError::method(Methods::GetPostOrDelete));
        }
        if app != self.settings.app.to_string() {
            return Err(ApiError::number());
        }
        let named = (Kind::AppSubscription, app);
        if head.method == Method::GET {
            let kept = self.kept(NOBODY, named).await?;
            return Ok(json!({ "data": Vec::from_iter(kept.as_ref().map(told)) }));
        }
        let said = self.parameters(head, body).await?;
        let object = said.text("object", MAX_SHORT_CHARS)?;
        let fields = fields_of(&said)?;
        match object.as_deref() {
            Some(OBJECT) => {}
            None if head.method == Method::DELETE => {}
            None => return Err(ApiError::missing("object")),
            Some(_) => return Err(ApiError::one_of("object", OBJECT)),
        }
        if head.method == Method::DELETE {
            // Taken for nothing that is said, an empty list would end all of it.
            if fields.as_ref().is_some_and(Vec::is_empty) {
                return Err(ApiError::missing("fields"));
            }
            let leave = |kept: &mut Option<Kept>| {
                leave(kept, fields.as_deref());
                Ok(())
            };
            self.change(NOBODY, named, leave).await?;
        } else {
            let url = self.shown_callback(&said, "callback_url").await?;
            let url = url.ok_or_else(|| ApiError::missing("callback_url"))?;
            let subscribe = |kept: &mut Option<Kept>| {
                let kept = kept.get_or_insert_default();
                kept.insert(CALLBACK.into(), url.clone().into());
                if let Some(fields) = fields.as_ref().filter(|fields| !fields.is_empty()) {
                    kept.insert("fields".into(), fields.clone().into());
                }
                Ok(())
            };
            self.change(NOBODY, named, subscribe).await?;
        }
        self.relay.sink_changed();
        Ok(json!({ "success": true }))
    }
}

/// A subscription as clients know it.
fn told(kept: &Kept) -> Value {
    let fields = kept.get("fields").and_then(Value::as_array).into_iter().flatten();
    let fields: Vec<Value> = fields.map(|name| json!({ "name": name, "version": VERSION })).collect();
    json!({
        "object": OBJECT,
        "callback_url": url_in(kept).unwrap_or_default(),
        "active": true,
        "fields": fields,
    })
}

/// Ends a subscription, or that to some fields: with the last of them it ends. One that names none is none to
/// those.
fn leave(kept: &mut Option<Kept>, fields: Option<&[String]>) {
    if let Some(fields) = fields {
        let known = kept.as_mut().and_then(|kept| kept.get_mut("fields")).and_then(Value::as_array_mut);
        let Some(known) = known else { return };
        known.retain(|name| !fields.iter().any(|left| name == left));
        if !known.is_empty() {
            return;
        }
    }
    *kept = None;
}

/// The fields that a request names, each once: in a list, or with commas between them.
fn fields_of(said: &Parameters) -> Result<Option<Vec<String>>, ApiError> {
    let named = match said.words("fields", MAX_WEBHOOK_FIELDS * (MAX_WEBHOOK_FIELD_CHARS + 1))? {
        Some(named) => named,
        None => return Ok(None),
    };
    let mut fields = Vec::new();
    for name in named {
        let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let actual = name.chars().count();
        if actual > MAX_WEBHOOK_FIELD_CHARS {
            return Err(ApiError::long(
                "fields",
                "characters in one of them",
                actual,
                MAX_WEBHOOK_FIELD_CHARS,
            ));
        }
        if !is_name(&name) {
            return Err(ApiError::mistyped("fields", "a list of names"));
        }
        if !name.is_empty() && !fields.contains(&name) {
            fields.push(name);
        }
    }
    if fields.len() > MAX_WEBHOOK_FIELDS {
        return Err(ApiError::long("fields", "names", fields.len(), MAX_WEBHOOK_FIELDS));
    }
    Ok(Some(fields))
}
