use std::sync::Arc;

use bulla_base::{BusinessAccountId, Category, PhoneNumberId};
use bulla_content::Template;
use bulla_relay::{
    EventSink, MessageTemplate, OutgoingTemplate, Relay, Store, SubmitError, TemplateDefinition,
    TemplateError, TemplateId, TemplatePage, TemplateQuery, TemplateRefusal, Transport,
};

use crate::{Answering, DynRelayApi};

/// The part of [`RelayApi`](crate::RelayApi) that is about message templates.
///
/// # For implementors
/// Each method is what the relay's of the same name is. Unless they are written, no number has an account:
/// there are no templates. A client may hang up at any time; the future is then dropped.
pub trait TemplateApi: Send + Sync + 'static {
    /// The account that a number belongs to, if the relay speaks for it.
    fn account(&self, _business: PhoneNumberId) -> Option<BusinessAccountId> {
        None
    }

    /// Defines a template for the account of a number.
    ///
    /// # Errors
    /// When there is no account, or as the relay has them.
    fn create_template(
        &self,
        _business: PhoneNumberId,
        _definition: TemplateDefinition,
    ) -> impl Future<Output = Result<MessageTemplate, TemplateError>> + Send {
        async { Err(TemplateError::UnknownAccount) }
    }

    /// What a template is.
    ///
    /// # Errors
    /// When there is no account, or as the relay has them.
    fn template(
        &self,
        _business: PhoneNumberId,
        _id: TemplateId,
    ) -> impl Future<Output = Result<MessageTemplate, TemplateError>> + Send {
        async { Err(TemplateError::UnknownAccount) }
    }

    /// Some of the account's templates.
    ///
    /// # Errors
    /// When there is no account, or as the relay has them.
    fn templates(
        &self,
        _business: PhoneNumberId,
        _query: TemplateQuery,
    ) -> impl Future<Output = Result<TemplatePage, TemplateError>> + Send {
        async { Err(TemplateError::UnknownAccount) }
    }

    /// Changes a template.
    ///
    /// # Errors
    /// When there is no account, or as the relay has them.
    fn edit_template(
        &self,
        _business: PhoneNumberId,
        _id: TemplateId,
        _definition: TemplateDefinition,
    ) -> impl Future<Output = Result<MessageTemplate, TemplateError>> + Send {
        async { Err(TemplateError::UnknownAccount) }
    }

    /// Deletes a template.
    ///
    /// # Errors
    /// When there is no account, or as the relay has them.
    fn delete_template(
        &self,
        _business: PhoneNumberId,
        _id: TemplateId,
    ) -> impl Future<Output = Result<(), TemplateError>> + Send {
        async { Err(TemplateError::UnknownAccount) }
    }

    /// Deletes what has a name, in all languages.
    ///
    /// # Errors
    /// When there is no account, or as the relay has them.
    fn delete_templates(
        &self,
        _business: PhoneNumberId,
        _name: String,
    ) -> impl Future<Output = Result<usize, TemplateError>> + Send {
        async { Err(TemplateError::UnknownAccount) }
    }

    /// What a user would see of a message with a template.
    ///
    /// # Errors
    /// As the relay has them of that message.
    fn preview_template(
        &self,
        _business: PhoneNumberId,
        _message: OutgoingTemplate,
    ) -> impl Future<Output = Result<(Category, Template), SubmitError>> + Send {
        async { Err(TemplateRefusal::Unknown { nearest: None }.into()) }
    }
}

/// Writes the methods of [`TemplateApi`] for what has methods of the same names, or stands for it.
macro_rules! forward_templates {
    ($from:ident => $to:expr) => {
        async fn create_template(
            &self,
            business: PhoneNumberId,
            definition: TemplateDefinition,
        ) -> Result<MessageTemplate, TemplateError> {
            let $from = self;
            $to.create_template(business, definition).await
        }

        async fn template(
            &self,
            business: PhoneNumberId,
            id: TemplateId,
        ) -> Result<MessageTemplate, TemplateError> {
            let $from = self;
            $to.template(business, id).await
        }

        async fn templates(
            &self,
            business: PhoneNumberId,
            query: TemplateQuery,
        ) -> Result<TemplatePage, TemplateError> {
            let $from = self;
            $to.templates(business, query).await
        }

        async fn edit_template(
            &self,
            business: PhoneNumberId,
            id: TemplateId,
            definition: TemplateDefinition,
        ) -> Result<MessageTemplate, TemplateError> {
            let $from = self;
            $to.edit_template(business, id, definition).await
        }

        async fn delete_template(
            &self,
            business: PhoneNumberId,
            id: TemplateId,
        ) -> Result<(), TemplateError> {
            let $from = self;
            $to.delete_template(business, id).await
        }

        async fn delete_templates(
            &self,
            business: PhoneNumberId,
            name: String,
        ) -> Result<usize, TemplateError> {
            let $from = self;
            $to.delete_templates(business, name).await
        }

        async fn preview_template(
            &self,
            business: PhoneNumberId,
            message: OutgoingTemplate,
        ) -> Result<(Category, Template), SubmitError> {
            let $from = self;
            $to.preview_template(business, message).await
        }
    };
}

impl<S: Store, T: Transport, K: EventSink> TemplateApi for Relay<S, T, K> {
    fn account(&self, business: PhoneNumberId) -> Option<BusinessAccountId> {
        self.business(business).map(|business| business.account())
    }

    // The relay's own methods come before the trait's.
    forward_templates!(relay => relay);
}

impl<D: TemplateApi + ?Sized> TemplateApi for Arc<D> {
    fn account(&self, business: PhoneNumberId) -> Option<BusinessAccountId> {
        (**self).account(business)
    }

    forward_templates!(shared => (**shared));
}

/// [`TemplateApi`] in a form of which there can be a `dyn`. Every [`TemplateApi`] is one.
pub trait DynTemplateApi: Send + Sync + 'static {
    /// As [`TemplateApi::account`].
    fn account_of(&self, business: PhoneNumberId) -> Option<BusinessAccountId>;

    /// As [`TemplateApi::create_template`].
    fn create_template_boxed(
        &self,
        business: PhoneNumberId,
        definition: TemplateDefinition,
    ) -> Answering<'_, MessageTemplate, TemplateError>;

    /// As [`TemplateApi::template`].
    fn template_boxed(
        &self,
        business: PhoneNumberId,
        id: TemplateId,
    ) -> Answering<'_, MessageTemplate, TemplateError>;

    /// As [`TemplateApi::templates`].
    fn templates_boxed(
        &self,
        business: PhoneNumberId,
        query: TemplateQuery,
    ) -> Answering<'_, TemplatePage, TemplateError>;

    /// As [`TemplateApi::edit_template`].
    fn edit_template_boxed(
        &self,
        business: PhoneNumberId,
        id: TemplateId,
        definition: TemplateDefinition,
    ) -> Answering<'_, MessageTemplate, TemplateError>;

    /// As [`TemplateApi::delete_template`].
    fn delete_template_boxed(
        &self,
        business: PhoneNumberId,
        id: TemplateId,
    ) -> Answering<'_, (), TemplateError>;

    /// As [`TemplateApi::delete_templates`].
    fn delete_templates_boxed(
        &self,
        business: PhoneNumberId,
        name: String,
    ) -> Answering<'_, usize, TemplateError>;

    /// As [`TemplateApi::preview_template`].
    fn preview_template_boxed(
        &self,
        business: PhoneNumberId,
        message: OutgoingTemplate,
    ) -> Answering<'_, (Category, Template), SubmitError>;
}

impl<D: TemplateApi> DynTemplateApi for D {
    fn account_of(&self, business: PhoneNumberId) -> Option<BusinessAccountId> {
        self.account(business)
    }

    fn create_template_boxed(
        &self,
        business: PhoneNumberId,
        definition: TemplateDefinition,
    ) -> Answering<'_, MessageTemplate, TemplateError> {
        Box::pin(self.create_template(business, definition))
    }

    fn template_boxed(
        &self,
        business: PhoneNumberId,
        id: TemplateId,
    ) -> Answering<'_, MessageTemplate, TemplateError> {
        Box::pin(self.template(business, id))
    }

    fn templates_boxed(
        &self,
        business: PhoneNumberId,
        query: TemplateQuery,
    ) -> Answering<'_, TemplatePage, TemplateError> {
        Box::pin(self.templates(business, query))
    }

    fn edit_template_boxed(
        &self,
        business: PhoneNumberId,
        id: TemplateId,
        definition: TemplateDefinition,
    ) -> Answering<'_, MessageTemplate, TemplateError> {
        Box::pin(self.edit_template(business, id, definition))
    }

    fn delete_template_boxed(
        &self,
        business: PhoneNumberId,
        id: TemplateId,
    ) -> Answering<'_, (), TemplateError> {
        Box::pin(self.delete_template(business, id))
    }

    fn delete_templates_boxed(
        &self,
        business: PhoneNumberId,
        name: String,
    ) -> Answering<'_, usize, TemplateError> {
        Box::pin(self.delete_templates(business, name))
    }

    fn preview_template_boxed(
        &self,
        business: PhoneNumberId,
        message: OutgoingTemplate,
    ) -> Answering<'_, (Category, Template), SubmitError> {
        Box::pin(self.preview_template(business, message))
    }
}

impl TemplateApi for dyn DynRelayApi {
    fn account(&self, business: PhoneNumberId) -> Option<BusinessAccountId> {
        self.account_of(business)
    }

    async fn create_template(
        &self,
        business: PhoneNumberId,
        definition: TemplateDefinition,
    ) -> Result<MessageTemplate, TemplateError> {
        self.create_template_boxed(business, definition).await
    }

    async fn template(
        &self,
        business: PhoneNumberId,
        id: TemplateId,
    ) -> Result<MessageTemplate, TemplateError> {
        self.template_boxed(business, id).await
    }

    async fn templates(
        &self,
        business: PhoneNumberId,
        query: TemplateQuery,
    ) -> Result<TemplatePage, TemplateError> {
        self.templates_boxed(business, query).await
    }

    async fn edit_template(
        &self,
        business: PhoneNumberId,
        id: TemplateId,
        definition: TemplateDefinition,
    ) -> Result<MessageTemplate, TemplateError> {
        self.edit_template_boxed(business, id, definition).await
    }

    async fn delete_template(&self, business: PhoneNumberId, id: TemplateId) -> Result<(), TemplateError> {
        self.delete_template_boxed(business, id).await
    }

    async fn delete_templates(&self, business: PhoneNumberId, name: String) -> Result<usize, TemplateError> {
        self.delete_templates_boxed(business, name).await
    }

    async fn preview_template(
        &self,
        business: PhoneNumberId,
        message: OutgoingTemplate,
    ) -> Result<(Category, Template), SubmitError> {
        self.preview_template_boxed(business, message).await
    }
}
