//! The message templates of the seed, defined as a client would.

use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Request, StatusCode};
use bulla::relay::{Review, TemplateId, TemplateStatus};
use serde_json::Value;
use tower::ServiceExt;

use super::World;
use crate::exit_error::ExitError;

/// More than any answer has.
const MAX_ANSWER_BYTES: usize = 1 << 20;

impl World {
    /// Defines the templates of the seed, by the token `token`.
    ///
    /// # Errors
    /// What the Graph API says of the first that it does not take.
    pub(super) async fn open_templates(&self, token: &str) -> Result<(), ExitError> {
        for (place, template) in self.seed.templates.iter().enumerate() {
            let field = format!("templates[{place}].template");
            let first = self.seed.numbers.first().map(|number| &number.business_account_id);
            let account = template.business_account_id.as_ref().or(first);
            let Some(account) = account else { return Err(ExitError::new("numbers: there is none")) };
            let id = self.define(account, &template.template, token).await;
            let id = id.map_err(|why| ExitError::new(format!("{field}: {why}")))?;
            let status = TemplateStatus::from_name(&template.status).unwrap_or(TemplateStatus::Approved);
            let owner = self.seed.numbers.iter().find(|number| number.business_account_id == *account);
            let Some(number) = owner.and_then(|number| number.words().ok()).map(|(id, ..)| id) else {
                return Err(ExitError::new(format!("{field}: no number is in the account {account}")));
            };
            if status != TemplateStatus::Approved {
                let reviewed = self.relay.review_template(number, id, Review::new(status)).await;
                reviewed.map_err(ExitError::because(field))?;
            }
        }
        Ok(())
    }

    async fn define(&self, account: &str, template: &Value, token: &str) -> Result<TemplateId, String> {
        let request = Request::post(format!("/{account}/message_templates"))
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(template.to_string()));
        let request = request.map_err(|error| error.to_string())?;
        // It cannot fail: what goes wrong is an answer.
        let Ok(response) = self.api.clone().oneshot(request).await;
        let status = response.status();
        let body =
            to_bytes(response.into_body(), MAX_ANSWER_BYTES).await.map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status != StatusCode::OK {
            let details = answer.pointer("/error/error_data/details").or(answer.pointer("/error/message"));
            return Err(details.and_then(Value::as_str).unwrap_or("it was refused").to_owned());
        }
        let id = answer.get("id").and_then(Value::as_str).and_then(TemplateId::parse);
        id.ok_or_else(|| "it has no id".to_owned())
    }
}
