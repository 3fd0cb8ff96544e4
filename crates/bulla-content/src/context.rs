use bulla_base::MessageId;

use crate::limits::MAX_ID_CHARS;
use crate::wire::{codes, record, silent, text};
use crate::{InvalidContent, bounded_text};

/// What stands around a message: what it answers, and where it is from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Context {
    pub(crate) in_reply_to: Option<MessageId>,
    pub(crate) quoted_author: Option<QuotedAuthor>,
    pub(crate) forwarding: Option<Forwarding>,
    pub(crate) product: Option<ReferredProduct>,
}

codes! {
    /// Who wrote the message that is answered.
    pub enum QuotedAuthor {
        /// Whoever writes the answer: they quote themselves.
        Sender = 1,
        /// Whoever the answer goes to.
        Recipient = 2,
    }
}

codes! {
    /// That a message was written to somebody else, and was passed on.
    pub enum Forwarding {
        /// It was passed on.
        Forwarded = 1,
        /// It was passed on from one to another many times.
        Frequently = 2,
    }
}

record! {
    /// The product that a message asks about.
    pub struct ReferredProduct {
        catalog_id: String = 1,
        product_retailer_id: String = 2,
    }
}

silent!(ReferredProduct);

impl ReferredProduct {
    /// The product with the retailer's id `product_retailer_id` in the catalog `catalog_id`.
    ///
    /// # Errors
    /// When one of them is empty, or longer than [`MAX_ID_CHARS`].
    pub fn new(
        catalog_id: impl Into<String>,
        product_retailer_id: impl Into<String>,
    ) -> Result<Self, InvalidContent> {
        Self { catalog_id: catalog_id.into(), product_retailer_id: product_retailer_id.into() }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        bounded_text::filled("context.referred_product.catalog_id", MAX_ID_CHARS, &mut self.catalog_id)?;
        let product = &mut self.product_retailer_id;
        bounded_text::filled("context.referred_product.product_retailer_id", MAX_ID_CHARS, product)?;
        Ok(self)
    }

    text!(catalog_id, "The catalog it stands in.");
    text!(product_retailer_id, "The retailer's own id of it.");
}
