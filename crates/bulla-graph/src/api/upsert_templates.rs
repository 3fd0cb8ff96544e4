//! A template with a one-time code, in many languages at once.

use axum::http::Method;
use axum::http::request::Parts;
use bulla_base::PhoneNumberId;
use bulla_relay::{MessageTemplate, TemplateDefinition, TemplateError, TemplateQuery};
use serde_json::{Value, json};

use super::body::Incoming;
use super::{GraphApi, template_definition};
use crate::api_error::{ApiError, Methods};
use crate::limits::{CHANGE_ATTEMPTS, MAX_LISTED};
use crate::{RelayApi, TokenLookup};

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// Creates a template in each language that is named, or changes what is there of it and is
    /// another. Each is a commit of its own: what was done before a refusal stays, and the same request goes
    /// on.
    pub(super) async fn upsert_templates(
        &self,
        head: &Parts,
        body: &mut Incoming,
        business: PhoneNumberId,
    ) -> Result<Value, ApiError> {
        if head.method != Method::POST {
            return Err(ApiError::method(Methods::Post));
        }
        let definitions = self.defined(body, template_definition::read_translations).await?;
        let mut data = Vec::new();
        for definition in definitions {
            let template = self.upsert_template(business, definition).await?;
            data.push(json!({
                "id": template.id.to_string(),
                "language": template.definition.language(),
                "status": template.status.name(),
                "category": template.definition.category().name().to_ascii_uppercase(),
            }));
        }
        Ok(json!({ "data": data }))
    }

    async fn upsert_template(
        &self,
        business: PhoneNumberId,
        definition: TemplateDefinition,
    ) -> Result<MessageTemplate, ApiError> {
        for _ in 0..CHANGE_ATTEMPTS {
            match self.relay.create_template(business, definition.clone()).await {
                Err(TemplateError::Exists) => {}
                created => return created.map_err(|error| self.failed(error)),
            }
            // Unless it has just been deleted.
            let Some(known) = self.template_like(business, &definition).await? else { continue };
            // It would be reviewed again for nothing.
            if known.definition == definition {
                return Ok(known);
            }
            match self.relay.edit_template(business, known.id, definition.clone()).await {
                Err(TemplateError::Unknown) => {}
                edited => return edited.map_err(|error| self.failed(error)),
            }
        }
        Err(ApiError::unavailable("somebody else changes the same; send the request again"))
    }

    /// What has the name and the language of `definition`.
    async fn template_like(
        &self,
        business: PhoneNumberId,
        definition: &TemplateDefinition,
    ) -> Result<Option<MessageTemplate>, ApiError> {
        let (name, language) = (definition.name(), definition.language());
        let asked = TemplateQuery::new(MAX_LISTED).name(name.to_owned()).language(language.to_owned());
        let page = self.relay.templates(business, asked).await.map_err(|error| self.failed(error))?;
        let is_it = |known: &MessageTemplate| {
            known.definition.name() == name && known.definition.language() == language
        };
        Ok(page.templates.into_iter().find(is_it))
    }
}
