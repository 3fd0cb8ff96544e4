//! Which apps are subscribed to an account.

use axum::http::Method;
use axum::http::request::Parts;
use bulla_base::PhoneNumberId;
use serde_json::{Value, json};

use super::GraphApi;
use super::body::Incoming;
use super::callbacks::{CALLBACK, url_in};
use super::records::{Kept, Kind};
use crate::api_error::{ApiError, Methods};
use crate::{RelayApi, TokenLookup};

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// Lists the apps that are subscribed to the account of `business`, subscribes the one that asks, or ends
    /// that. There is one app. Events go to the callback that it sets for the account, or else, also when it
    /// is not subscribed, to the app's own, or the host's webhook.
    pub(super) async fn subscribed_apps(
        &self,
        head: &Parts,
        body: &mut Incoming,
        business: PhoneNumberId,
    ) -> Result<Value, ApiError> {
        let app = self.settings.app.to_string();
        match head.method {
            Method::GET => {
                let kept = self.kept(business, (Kind::Subscription, &app)).await?;
                let told = kept.map(|kept| {
                    let mut told = json!({
                        "whatsapp_business_api_data": { "id": app, "name": "Bulla", "link": "" },
                    });
                    if let Some(url) = url_in(&kept) {
                        told[CALLBACK] = url.into();
                    }
                    told
                });
                Ok(json!({ "data": Vec::from_iter(told) }))
            }
            Method::POST => {
                let said = self.parameters(head, body).await?;
                // One that names none removes what was set, as with the original.
                let url = self.shown_callback(&said, CALLBACK).await?;
                let record = Kept::from_iter(url.map(|url| (CALLBACK.to_owned(), url.into())));
                self.replace(business, (Kind::Subscription, &app), Some(record)).await?;
                self.relay.sink_changed();
                Ok(json!({ "success": true }))
            }
            Method::DELETE => {
                self.replace(business, (Kind::Subscription, &app), None).await?;
                self.relay.sink_changed();
                Ok(json!({ "success": true }))
            }
            _ => Err(ApiError::method(Methods::GetPostOrDelete)),
        }
    }
}
