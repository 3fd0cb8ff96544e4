//! Callbacks that clients set themselves: shown to be theirs by the handshake, and then kept.
//!
//! Of a callback its URL is kept. The verify token has done what it is for with the handshake, and a secret
//! that is not kept cannot get lost.

use bulla_base::PhoneNumberId;
use serde_json::{Value, json};

use super::GraphApi;
use super::parameters::Parameters;
use super::records::{Kept, Kind};
use crate::api_error::ApiError;
use crate::callbacks::CallbackRecordError;
use crate::limits::{MAX_CALLBACK_CHARS, MAX_VERIFY_TOKEN_CHARS};
use crate::{CallbackRefused, RelayApi, TokenLookup};

/// What it is called, in requests as in records.
pub(super) const CALLBACK: &str = "override_callback_uri";

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// The callback that a request sets in `field`, after the handshake with it; none when it is to be
    /// removed.
    pub(super) async fn shown_callback(
        &self,
        said: &Parameters,
        field: &'static str,
    ) -> Result<Option<String>, ApiError> {
        let url = said.text(field, MAX_CALLBACK_CHARS)?.filter(|url| !url.is_empty());
        let Some(url) = url else { return Ok(None) };
        // Which it is that is not there is told before anybody is called.
        let Some(handshake) = &self.callbacks else { return Err(ApiError::unsupported_field(field)) };
        let token = said.required("verify_token", MAX_VERIFY_TOKEN_CHARS)?;
        let Ok(_turn) = self.handshakes.try_acquire() else { return Err(ApiError::busy()) };
        handshake.verify(&url, &token).await.map_err(|error| {
            tracing::debug!(error = &error as &dyn std::error::Error, "a callback is not taken");
            ApiError::callback(field, &error)
        })?;
        Ok(Some(url))
    }

    /// Has the events of `business` go to `url`, or where they went before.
    pub(super) async fn set_number_callback(
        &self,
        business: PhoneNumberId,
        said: &Parameters,
    ) -> Result<(), ApiError> {
        let url = self.shown_callback(said, CALLBACK).await?;
        let record = url.map(|url| Kept::from_iter([(CALLBACK.into(), url.into())]));
        self.replace(business, (Kind::Callback, ""), record).await?;
        self.relay.sink_changed();
        Ok(())
    }

    /// The callbacks that are set, of a number, its account and the app, as clients know them.
    pub(super) async fn webhook_configuration(&self, business: PhoneNumberId) -> Result<Value, ApiError> {
        let app = self.settings.app.to_string();
        let mut told = json!({});
        let of = [
            ("phone_number", (Kind::Callback, "")),
            ("whatsapp_business_account", (Kind::Subscription, app.as_str())),
            ("application", (Kind::AppSubscription, app.as_str())),
        ];
        for (name, named) in of {
            if let Some(url) = self.kept(business, named).await?.as_ref().and_then(url_in) {
                told[name] = url.into();
            }
        }
        Ok(told)
    }
}

/// The callback in a record.
pub(super) fn url_in(kept: &Kept) -> Option<&str> {
    kept.get(CALLBACK).and_then(Value::as_str)
}

/// Where events of `business` go: to the number's own callback, or else its account's, or else the app's.
pub(crate) async fn callback_in<D: RelayApi>(
    relay: &D,
    business: PhoneNumberId,
    app: &str,
) -> Result<Option<String>, CallbackRecordError> {
    for (kind, name) in [(Kind::Callback, ""), (Kind::Subscription, app), (Kind::AppSubscription, app)] {
        let key = kind.key(name.as_bytes().to_vec());
        let Some(record) = relay.configured(business, key).await? else { continue };
        let kept: Kept = serde_json::from_slice(&record.value).map_err(CallbackRecordError::Damaged)?;
        if let Some(url) = url_in(&kept) {
            return Ok(Some(url.to_owned()));
        }
    }
    Ok(None)
}

impl ApiError {
    /// A callback is not taken. What its server said is told to whoever wrote the URL, and not what stands
    /// behind it.
    fn callback(field: &str, error: &CallbackRefused) -> Self {
        let why = match error {
            CallbackRefused::Url(_) => {
                "it is none that is called here: http://, or https:// where that is spoken, and a public host, \
                 without user and password"
            }
            CallbackRefused::Handshake(_) => {
                "there is no web server at it that may be called, has a certificate that is trusted here if it \
                 is https, and answers the handshake with 200 and the challenge, and nothing else, in time"
            }
        };
        Self::callback_refused(format!("{field}: {why}"))
    }
}
