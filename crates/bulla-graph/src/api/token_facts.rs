//! What is told of a token: which app's it is, what it opens, and until when.

use std::collections::BTreeSet;

use axum::http::Method;
use axum::http::request::Parts;
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use super::GraphApi;
use super::request_headers::query;
use crate::api_error::{ApiError, Methods};
use crate::limits::MAX_TOKEN_BYTES;
use crate::{Grant, RelayApi, Scope, TokenLookup};

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// Tells of a token to whoever has one that opens at least as much, or the app's, which has no `grant`.
    pub(super) async fn debug_token(&self, head: &Parts, grant: Option<&Grant>) -> Result<Value, ApiError> {
        if head.method != Method::GET {
            return Err(ApiError::method(Methods::Get));
        }
        let asked = query(head, "input_token").filter(|token| !token.is_empty());
        let asked = asked.ok_or_else(|| ApiError::missing("input_token"))?;
        let app = self.settings.app.to_string();
        let unknown = json!({ "data": {
            "app_id": app,
            "is_valid": false,
            "scopes": [],
            "error": { "code": 190, "message": "The access token is not valid" },
        } });
        if asked.len() > MAX_TOKEN_BYTES {
            return Ok(unknown);
        }
        let found = self.tokens.look_up(asked.as_bytes()).await.map_err(|error| self.failed(error))?;
        // Of one that opens what this one does not, it is not even said that it is one.
        let opens_as_much = |found: &Grant| {
            let Some(grant) = grant else { return true };
            found.numbers().next().is_some()
                && found.numbers().all(|number| grant.covers(number))
                && Scope::ALL.into_iter().all(|scope| grant.has(scope) || !found.has(scope))
        };
        let Some(found) = found.filter(opens_as_much) else {
            return Ok(unknown);
        };
        let accounts: BTreeSet<String> = found
            .numbers()
            .filter_map(|number| self.relay.account(number))
            .map(|account| account.to_string())
            .collect();
        let scopes: Vec<&str> =
            Scope::ALL.into_iter().filter(|scope| found.has(*scope)).map(Scope::name).collect();
        let granular = scopes.iter().map(|scope| json!({ "scope": scope, "target_ids": accounts }));
        Ok(json!({ "data": {
            "app_id": app,
            "application": "Bulla",
            "type": "SYSTEM_USER",
            "is_valid": !found.is_over(self.clock.now()),
            // Seconds; 0 is never.
            "expires_at": found.end().map_or(0, |end| end.as_millis() / 1000),
            "data_access_expires_at": 0,
            "scopes": scopes,
            "granular_scopes": granular.collect::<Vec<_>>(),
        } }))
    }

    /// Refuses a request whose proof that its client knows the app's secret is wrong; or missing, where it is
    /// asked for.
    pub(super) fn check_proof(&self, head: &Parts, token: &[u8]) -> Result<(), ApiError> {
        let Some(secret) = &self.settings.app_secret else { return Ok(()) };
        let Some(proof) = query(head, "appsecret_proof") else {
            return if self.settings.is_proof_required { Err(ApiError::proof()) } else { Ok(()) };
        };
        let expected = secret.tag(token).ok_or_else(ApiError::proof)?;
        let expected: String = expected.iter().map(|byte| format!("{byte:02x}")).collect();
        let is_right: bool = proof.to_ascii_lowercase().as_bytes().ct_eq(expected.as_bytes()).into();
        if is_right { Ok(()) } else { Err(ApiError::proof()) }
    }
}
