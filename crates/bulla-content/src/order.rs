use crate::limits::{MAX_CAPTION_CHARS, MAX_ID_CHARS, MAX_ORDER_ITEMS};
use crate::wire::{Listed, Record, optional_text, record, silent, text};
use crate::{InvalidContent, bounded_text};

record! {
    /// What a user has put into the cart of a catalog.
    pub struct Order {
        catalog_id: String = 1,
        text: Option<String> = 2,
        items: Vec<OrderItem> = 3,
    }
}

record! {
    /// One product of an order.
    pub struct OrderItem {
        product_retailer_id: String = 1,
        quantity: u32 = 2,
        price_micros: u64 = 3,
        currency: String = 4,
    }
}

silent!(Order);
silent!(OrderItem);

impl Listed for OrderItem {
    const LIST: (&'static str, &'static str, usize) = ("order.product_items", "items", MAX_ORDER_ITEMS);
}

impl Order {
    /// An order of `items` of the catalog `catalog_id`.
    ///
    /// # Errors
    /// When the id is empty or longer than [`MAX_ID_CHARS`], or there are no items, more than
    /// [`MAX_ORDER_ITEMS`], or so many that they are longer than
    /// [`MAX_BODY_BYTES`](crate::limits::MAX_BODY_BYTES).
    pub fn new(catalog_id: impl Into<String>, items: Vec<OrderItem>) -> Result<Self, InvalidContent> {
        Self { catalog_id: catalog_id.into(), text: None, items }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        bounded_text::filled("order.catalog_id", MAX_ID_CHARS, &mut self.catalog_id)?;
        bounded_text::optional("order.text", MAX_CAPTION_CHARS, &mut self.text)?;
        InvalidContent::some_of(OrderItem::LIST, &self.items)?;
        InvalidContent::fits("order", self.message_size())?;
        Ok(self)
    }

    text!(catalog_id, "The catalog.");
    optional_text!(text, with_text, "What the user wrote with it.", MAX_CAPTION_CHARS);

    /// What is ordered.
    #[must_use]
    pub fn items(&self) -> &[OrderItem] {
        &self.items
    }
}

impl OrderItem {
    /// So many of a product, each at so many millionths of `currency`, such as `EUR`.
    ///
    /// # Errors
    /// When the id is empty or longer than [`MAX_ID_CHARS`], `quantity` is 0, or `currency` is not three
    /// capital letters.
    pub fn new(
        product_retailer_id: impl Into<String>,
        quantity: u32,
        price_micros: u64,
        currency: impl Into<String>,
    ) -> Result<Self, InvalidContent> {
        let (product_retailer_id, currency) = (product_retailer_id.into(), currency.into());
        Self { product_retailer_id, quantity, price_micros, currency }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        let field = "order.product_items.product_retailer_id";
        bounded_text::filled(field, MAX_ID_CHARS, &mut self.product_retailer_id)?;
        if self.quantity == 0 {
            return Err(InvalidContent::Empty { field: "order.product_items.quantity" });
        }
        if self.currency.len() != 3 || !self.currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            let field = "order.product_items.currency";
            return Err(InvalidContent::Unfit { field, expected: "three capital letters" });
        }
        Ok(self)
    }

    text!(product_retailer_id, "The retailer's own id of it.");

    /// How many.
    #[must_use]
    pub const fn quantity(&self) -> u32 {
        self.quantity
    }

    /// What one costs, in millionths of the currency.
    #[must_use]
    pub const fn price_micros(&self) -> u64 {
        self.price_micros
    }

    text!(currency, "The currency, by its three letters.");
}
