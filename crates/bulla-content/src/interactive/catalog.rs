use crate::limits::MAX_ID_CHARS;
use crate::wire::{optional_text, record, silent};
use crate::{InvalidContent, bounded_text};

record! {
    /// A button that opens the business's catalog.
    #[derive(Default)]
    pub struct Catalog {
        thumbnail_product_retailer_id: Option<String> = 1,
    }
}

silent!(Catalog);

impl Catalog {
    /// The catalog, shown by the picture of its first product.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        let field = "interactive.action.parameters.thumbnail_product_retailer_id";
        bounded_text::optional(field, MAX_ID_CHARS, &mut self.thumbnail_product_retailer_id)?;
        Ok(self)
    }

    optional_text!(
        thumbnail_product_retailer_id,
        with_thumbnail,
        "The product by whose picture it is shown.",
        MAX_ID_CHARS
    );
}
