//! A message with a template: the template is looked up, and what the message brings is filled in.

use bulla_base::{Category, Partition, PhoneNumberId};
use bulla_content::{Body, Template};
use bulla_store::{Store, StoreError};
use bulla_transport::Transport;

use super::active_business::ActiveBusiness;
use super::template_rows::prefix_of;
use super::{Inner, Relay};
use crate::limits::NAMES_COMPARED;
use crate::template::nearest;
use crate::{
    EventSink, OutgoingTemplate, SubmitError, TemplateDefinition, TemplateError, TemplateRefusal,
    TemplateStatus,
};

impl<S: Store, T: Transport, K: EventSink> Relay<S, T, K> {
    /// What a user would see of `message`, and what it would be counted as: a dry run. Nothing is sent,
    /// stored or counted. Its media leads nowhere.
    ///
    /// # Errors
    /// As [`submit`](Self::submit) has them of a message with this template.
    ///
    /// # Cost
    /// One read, and one for each media.
    pub async fn preview_template(
        &self,
        business: PhoneNumberId,
        message: OutgoingTemplate,
    ) -> Result<(Category, Template), SubmitError> {
        let previewing = async move |inner: std::sync::Arc<Inner<S, T, K>>, _| {
            let tenant = inner.tenant(business)?;
            let definition = inner.definition_for(&tenant, &message).await?;
            let template = inner.rendered(&tenant, &definition, &message).await?;
            Ok((definition.category(), template))
        };
        self.template_call(business, "preview template", previewing).await.map_err(|error| match error {
            TemplateError::Submit(error) => error,
            // Nothing else was asked for.
            _ => SubmitError::UnknownBusiness { business },
        })
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// What the template of `message` is, if it may be sent.
    pub(super) async fn definition_for(
        &self,
        tenant: &ActiveBusiness,
        message: &OutgoingTemplate,
    ) -> Result<TemplateDefinition, SubmitError> {
        let home = self.account_home(self.account(tenant.business())?);
        let (name, language) = (message.name(), message.language());
        match self.template_named(home, name, language).await? {
            Some(template) if template.status == TemplateStatus::Approved => Ok(template.definition),
            Some(template) => Err(TemplateRefusal::NotApproved { status: template.status }.into()),
            None => {
                let nearest = self.nearest_template(home, name, language).await?;
                Err(TemplateRefusal::Unknown { nearest }.into())
            }
        }
    }

    /// What the user sees of `message`, with media that leads nowhere yet.
    pub(super) async fn rendered(
        &self,
        tenant: &ActiveBusiness,
        definition: &TemplateDefinition,
        message: &OutgoingTemplate,
    ) -> Result<Template, SubmitError> {
        let mut attached = Vec::new();
        for media in message.media() {
            if self.blobs.is_none() {
                return Err(SubmitError::NoBlobs);
            }
            let described = self.sendable(tenant, media).await?;
            attached.push((described.stand_in()?, described.is_animated()));
        }
        Ok(definition.render(message, attached)?)
    }

    /// The template that somebody may have meant: of this name in another language, or else of a name that
    /// begins alike.
    async fn nearest_template(
        &self,
        home: Partition,
        name: &str,
        language: &str,
    ) -> Result<Option<(String, String)>, StoreError> {
        let of_name = self.template_places(home, prefix_of(name), NAMES_COMPARED).await?;
        let base = |language: &str| language.split('_').next().unwrap_or_default().to_owned();
        let kin = of_name.iter().find(|(_, other)| base(other) == base(language));
        if let Some(found) = kin.or(of_name.first()) {
            return Ok(Some(found.clone()));
        }
        // Names are sorted, so those that begin alike stand together: the more letters, the fewer they are.
        for letters in [name.len().saturating_sub(1), name.len() / 2, 1] {
            let start = name.as_bytes().iter().take(letters).copied().collect();
            let places = self.template_places(home, start, NAMES_COMPARED).await?;
            if let Some(near) = nearest(name, places.iter().map(|(name, _)| name.as_str())) {
                let same = |(name, _): &&(String, String)| name == near;
                let in_language = places.iter().filter(same).find(|(_, other)| other == language);
                return Ok(in_language.or(places.iter().find(same)).cloned());
            }
        }
        Ok(None)
    }
}

/// What a message with a template says.
pub(super) fn body_of(template: Template) -> Body {
    Body::Template(Box::new(template))
}
