//! The app's own token: what it is, and how it is got.

use std::borrow::Cow;

use axum::http::Method;
use axum::http::request::Parts;
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use super::GraphApi;
use super::body::Incoming;
use super::parameters::Parameters;
use super::request_headers;
use crate::api_error::{ApiError, Methods};
use crate::limits::{MAX_SHORT_CHARS, MAX_STRANGER_BYTES, MAX_TOKEN_BYTES};
use crate::settings::AppSecret;
use crate::{RelayApi, TokenLookup};

/// Of what the token is the tag, under the app's secret: as tokens stand in URLs, and those in logs, the one
/// that is given out is not the secret.
const TAGGED: &[u8] = b"bulla app access token";

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// Gives whoever shows the app's id and secret its token.
    pub(super) async fn app_token(&self, head: &Parts, body: &mut Incoming) -> Result<Value, ApiError> {
        if ![Method::GET, Method::POST].contains(&head.method) {
            return Err(ApiError::method(Methods::GetOrPost));
        }
        let Some(secret) = self.settings.app_owner() else { return Err(ApiError::path()) };
        let said = self.parameters_of_stranger(head, body).await?;
        let app = said.text("client_id", MAX_SHORT_CHARS)?.unwrap_or_default();
        if app != self.settings.app.to_string() {
            return Err(ApiError::app());
        }
        match said.text("grant_type", MAX_SHORT_CHARS)?.as_deref() {
            Some("client_credentials") => {}
            None if said.has("code") => return Err(ApiError::unsupported_field("code")),
            None => return Err(ApiError::missing("grant_type")),
            Some(_) => return Err(ApiError::one_of("grant_type", "client_credentials")),
        }
        let shown = said.required("client_secret", MAX_TOKEN_BYTES)?;
        if !secret.is_shown("", shown.as_bytes()) {
            return Err(ApiError::client_secret());
        }
        let token = self.token_of_app(secret).ok_or_else(ApiError::app)?;
        Ok(json!({ "access_token": token, "token_type": "bearer" }))
    }

    /// Reads what somebody says who has shown nothing yet: little, and beside the room that others wait for.
    async fn parameters_of_stranger(
        &self,
        head: &Parts,
        body: &mut Incoming,
    ) -> Result<Parameters, ApiError> {
        let query = head.uri.query().unwrap_or_default();
        if body.most() == 0 {
            return Parameters::read(query, &[], false);
        }
        body.check()?;
        let Ok(_turn) = self.strangers.try_acquire() else { return Err(ApiError::busy()) };
        let bytes = body.read_up_to(MAX_STRANGER_BYTES, &*self.clock).await?;
        Parameters::read(query, &bytes, body.is_urlencoded())
    }

    /// The token of the app that a request presents, in its header or its query: some clients have another
    /// one in the header of all their requests.
    pub(super) fn presented_of_app<'a>(&self, head: &'a Parts) -> Option<Cow<'a, [u8]>> {
        let of_query =
            request_headers::query(head, "access_token").map(|token| Cow::Owned(token.into_bytes()));
        of_query.into_iter().chain(request_headers::token(head)).find(|token| self.is_of_app(token))
    }

    fn is_of_app(&self, token: &[u8]) -> bool {
        let Some(secret) = self.settings.app_owner() else { return false };
        if token.len() > MAX_TOKEN_BYTES {
            return false;
        }
        let given = self.token_of_app(secret);
        let is_given = given.is_some_and(|given| given.as_bytes().ct_eq(token).into());
        is_given | secret.is_shown(&format!("{}|", self.settings.app), token)
    }

    fn token_of_app(&self, secret: &AppSecret) -> Option<String> {
        let tag: String = secret.tag(TAGGED)?.iter().map(|byte| format!("{byte:02x}")).collect();
        Some(format!("{}|{tag}", self.settings.app))
    }
}

impl ApiError {
    /// There is no such app.
    fn app() -> Self {
        Self::of_app(101, "The application cannot be validated", "client_id: there is no such app here")
    }

    fn client_secret() -> Self {
        Self::of_app(1, "The client secret cannot be validated", "client_secret: it is not the app's")
    }
}
