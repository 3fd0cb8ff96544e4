use crate::limits::{MAX_ID_CHARS, MAX_PRODUCTS, MAX_ROW_TITLE_CHARS, MAX_SECTIONS};
use crate::wire::{Listed, optional_text, record, silent, text};
use crate::{InvalidContent, bounded_text};

record! {
    /// A product of a catalog.
    pub struct Product {
        catalog_id: String = 1,
        product_retailer_id: String = 2,
    }
}

record! {
    /// Several products of a catalog, in sections.
    pub struct ProductList {
        catalog_id: String = 1,
        sections: Vec<ProductSection> = 2,
    }
}

record! {
    /// Products that belong together.
    pub struct ProductSection {
        title: Option<String> = 1,
        products: Vec<ProductId> = 2,
    }
}

record! {
    /// The retailer's own id of a product.
    pub struct ProductId {
        product_retailer_id: String = 1,
    }
}

silent!(Product);
silent!(ProductList);
silent!(ProductSection);
silent!(ProductId);

impl Listed for ProductSection {
    const LIST: (&'static str, &'static str, usize) =
        ("interactive.action.sections", "sections", MAX_SECTIONS);
}

impl Listed for ProductId {
    const LIST: (&'static str, &'static str, usize) =
        ("interactive.action.sections.product_items", "products", MAX_PRODUCTS);
}

impl Product {
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
        bounded_text::filled("interactive.action.catalog_id", MAX_ID_CHARS, &mut self.catalog_id)?;
        let product = &mut self.product_retailer_id;
        bounded_text::filled("interactive.action.product_retailer_id", MAX_ID_CHARS, product)?;
        Ok(self)
    }

    text!(catalog_id, "The catalog it stands in.");
    text!(product_retailer_id, "The retailer's own id of it.");
}

impl ProductList {
    /// The products of `sections`, of the catalog `catalog_id`.
    ///
    /// # Errors
    /// When the id is empty or longer than [`MAX_ID_CHARS`]; when there are no sections, more than
    /// [`MAX_SECTIONS`], or several of which one has no title; when all together have more than
    /// [`MAX_PRODUCTS`].
    pub fn new(catalog_id: impl Into<String>, sections: Vec<ProductSection>) -> Result<Self, InvalidContent> {
        Self { catalog_id: catalog_id.into(), sections }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        bounded_text::filled("interactive.action.catalog_id", MAX_ID_CHARS, &mut self.catalog_id)?;
        InvalidContent::some_of(ProductSection::LIST, &self.sections)?;
        if self.sections.len() > 1 && self.sections.iter().any(|section| section.title.is_none()) {
            return Err(InvalidContent::Empty { field: "interactive.action.sections.title" });
        }
        let products: Vec<_> = self.sections.iter().flat_map(|section| &section.products).collect();
        InvalidContent::some_of(ProductId::LIST, &products)?;
        Ok(self)
    }

    text!(catalog_id, "The catalog they stand in.");

    /// The sections.
    #[must_use]
    pub fn sections(&self) -> &[ProductSection] {
        &self.sections
    }
}

impl ProductSection {
    /// The section of `products`.
    ///
    /// # Errors
    /// When there are none, or more than [`MAX_PRODUCTS`].
    pub fn new(products: Vec<ProductId>) -> Result<Self, InvalidContent> {
        Self { title: None, products }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        let title = &mut self.title;
        bounded_text::optional("interactive.action.sections.title", MAX_ROW_TITLE_CHARS, title)?;
        InvalidContent::some_of(ProductId::LIST, &self.products)?;
        Ok(self)
    }

    optional_text!(title, with_title, "What stands above it.", MAX_ROW_TITLE_CHARS);

    /// Its products.
    #[must_use]
    pub fn products(&self) -> &[ProductId] {
        &self.products
    }
}

impl ProductId {
    /// The product that the retailer knows as `product_retailer_id`.
    ///
    /// # Errors
    /// When that is empty, or longer than [`MAX_ID_CHARS`].
    pub fn new(product_retailer_id: impl Into<String>) -> Result<Self, InvalidContent> {
        Self { product_retailer_id: product_retailer_id.into() }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        let field = "interactive.action.sections.product_items.product_retailer_id";
        bounded_text::filled(field, MAX_ID_CHARS, &mut self.product_retailer_id)?;
        Ok(self)
    }

    text!(product_retailer_id, "The retailer's own id of it.");
}
