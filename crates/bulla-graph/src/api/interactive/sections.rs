//! Sections of rows and of products.

use bulla_content::limits::{MAX_PRODUCTS, MAX_ROWS};
use bulla_content::{ListRow, ListSection, ProductId, ProductSection};

use crate::api::json_field::{List, Object, Text, Word, fields};
use crate::api_error::ApiError;

const TITLE: &str = "interactive.action.sections.title";

fields! {
    /// The fields of one of `sections`, of rows or of products.
    struct SectionFields<'de> {
        title: Text<'de> = "title",
        rows: List<Object<RowFields<'de>>, MAX_ROWS> = "rows",
        products: List<Object<ProductFields<'de>>, MAX_PRODUCTS> = "product_items",
    }
}

fields! {
    /// The fields of one of `rows`.
    struct RowFields<'de> {
        id: Word<'de> = "id",
        title: Text<'de> = "title",
        description: Text<'de> = "description",
    }
}

fields! {
    /// The fields of one of `product_items`.
    struct ProductFields<'de> {
        product_retailer_id: Word<'de> = "product_retailer_id",
    }
}

/// The sections of a list.
pub(super) fn of_rows(sections: Vec<SectionFields<'_>>) -> Result<Vec<ListSection>, ApiError> {
    let section = |fields: SectionFields<'_>| {
        let rows = fields.rows.objects("interactive.action.sections.rows", "rows")?;
        let section = ListSection::new(rows.into_iter().map(row).collect::<Result<_, _>>()?)?;
        Ok(match fields.title.filled(TITLE)? {
            Some(title) => section.with_title(title)?,
            None => section,
        })
    };
    sections.into_iter().map(section).collect()
}

/// The sections of a list of products.
pub(super) fn of_products(sections: Vec<SectionFields<'_>>) -> Result<Vec<ProductSection>, ApiError> {
    let section = |fields: SectionFields<'_>| {
        let products = fields.products.objects("interactive.action.sections.product_items", "products")?;
        let section = ProductSection::new(products.into_iter().map(product).collect::<Result<_, _>>()?)?;
        Ok(match fields.title.filled(TITLE)? {
            Some(title) => section.with_title(title)?,
            None => section,
        })
    };
    sections.into_iter().map(section).collect()
}

fn row(fields: RowFields<'_>) -> Result<ListRow, ApiError> {
    let id = fields.id.required_filled("interactive.action.sections.rows.id")?;
    let row = ListRow::new(id, fields.title.required_filled("interactive.action.sections.rows.title")?)?;
    Ok(match fields.description.filled("interactive.action.sections.rows.description")? {
        Some(description) => row.with_description(description)?,
        None => row,
    })
}

fn product(fields: ProductFields<'_>) -> Result<ProductId, ApiError> {
    let field = "interactive.action.sections.product_items.product_retailer_id";
    Ok(ProductId::new(fields.product_retailer_id.required_filled(field)?)?)
}
