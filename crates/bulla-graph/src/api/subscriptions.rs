//! Which apps are subscribed to an account.

use axum::http::Method;
use axum::http::request::Parts;
use bulla_base::PhoneNumberId;
use serde_json::{Value, json};

use super::GraphApi;
use super::body::Incoming;
use super::records::{Kept, Kind};
use crate::api_error::{ApiError, Methods};
use crate::{RelayApi, TokenLookup};

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// Lists the apps that are subscribed to the account of `business`, subscribes the one that asks, or ends
    /// that. There is one app: who is told what, the host's webhooks say.
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
                let told = kept.map(|_| {
                    json!({
                        "whatsapp_business_api_data": { "id": app, "name": "Bulla", "link": "" },
                    })
                });
                Ok(json!({ "data": Vec::from_iter(told) }))
            }
            Method::POST => {
                let said = self.parameters(head, body).await?;
                if said.has("override_callback_uri") {
                    return Err(ApiError::unsupported_field("override_callback_uri"));
                }
                let subscribe = |kept: &mut Option<Kept>| {
                    kept.get_or_insert_default();
                    Ok(())
                };
                self.change(business, (Kind::Subscription, &app), subscribe).await?;
                Ok(json!({ "success": true }))
            }
            Method::DELETE => {
                self.replace(business, (Kind::Subscription, &app), None).await?;
                Ok(json!({ "success": true }))
            }
            _ => Err(ApiError::method(Methods::GetPostOrDelete)),
        }
    }
}
