//! Messages that are answered by tapping.

mod action;
mod address;
mod calls;
mod carousel;
mod catalog;
mod flow;
mod header;
mod link;
mod list;
mod products;
mod reply_buttons;
mod requests;

use crate::limits::{MAX_FOOTER_CHARS, MAX_INTERACTIVE_BODY_CHARS, MAX_LIST_BODY_CHARS};
use crate::wire::{Record, optional_text, record, silent};
use crate::{InvalidContent, bounded_text};

pub use self::action::Action;
pub use self::address::AddressRequest;
pub use self::calls::{CallPermissionRequest, VoiceCall};
pub use self::carousel::{Card, CardAction, Carousel};
pub use self::catalog::Catalog;
pub use self::flow::{Flow, FlowMode};
pub use self::header::Header;
pub(crate) use self::header::HeaderKind;
pub use self::header::HeaderText;
pub use self::link::CtaUrl;
pub use self::list::{List, ListRow, ListSection};
pub use self::products::{Product, ProductId, ProductList, ProductSection};
pub use self::reply_buttons::{ReplyButton, ReplyButtons};
pub use self::requests::{ContactInfoRequest, LocationRequest};

record! {
    /// Something to read, and what can be tapped below it.
    pub struct Interactive {
        header: Option<Header> = 1,
        body: Option<String> = 2,
        footer: Option<String> = 3,
        action: Action = 4,
    }
}

silent!(Interactive);

impl Interactive {
    /// Says `body`, and offers `action`. An empty body is none: beside a product, and a request to be called,
    /// none is needed.
    ///
    /// # Errors
    /// When `body` is missing, or longer than [`MAX_INTERACTIVE_BODY_CHARS`], for a list
    /// [`MAX_LIST_BODY_CHARS`]; or all is longer than [`MAX_BODY_BYTES`](crate::limits::MAX_BODY_BYTES).
    /// A list of products also takes a header: [`Interactive::with_products`].
    pub fn new(body: impl Into<String>, action: Action) -> Result<Self, InvalidContent> {
        Self { header: None, body: Some(body.into()), footer: None, action }.checked()
    }

    /// Says `body` below the header `header`, and offers the products of `list`.
    ///
    /// # Errors
    /// As [`Interactive::new`], and when `header` is empty or longer than
    /// [`MAX_HEADER_CHARS`](crate::limits::MAX_HEADER_CHARS).
    pub fn with_products(
        header: impl Into<String>,
        body: impl Into<String>,
        list: ProductList,
    ) -> Result<Self, InvalidContent> {
        let header = Some(Header::Text(HeaderText::new(header)?));
        Self { header, body: Some(body.into()), footer: None, action: Action::ProductList(list) }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        let limit = match self.action {
            Action::List(_) => MAX_LIST_BODY_CHARS,
            _ => MAX_INTERACTIVE_BODY_CHARS,
        };
        bounded_text::optional("interactive.body.text", limit, &mut self.body)?;
        bounded_text::optional("interactive.footer.text", MAX_FOOTER_CHARS, &mut self.footer)?;
        if self.body.is_none() && self.action.takes_a_body() {
            return Err(InvalidContent::Empty { field: "interactive.body.text" });
        }
        if self.footer.is_some() && !self.action.bears_a_footer() {
            return Err(InvalidContent::Unfit {
                field: "interactive.footer",
                expected: "beside such an action",
            });
        }
        match &self.header {
            None if self.action.takes_a_header() => {
                return Err(InvalidContent::Empty { field: "interactive.header" });
            }
            Some(header) if !self.action.bears(header.kind()) => {
                let expected = "of a type that such an action has";
                return Err(InvalidContent::Unfit { field: "interactive.header", expected });
            }
            _ => {}
        }
        InvalidContent::fits("interactive", self.message_size())?;
        Ok(self)
    }

    /// Puts `header` above the body.
    ///
    /// # Errors
    /// When the action has none, or none of this type: beside buttons, links and flows it is a text, an
    /// image, a video or a document, beside lists and forms a text.
    pub fn with_header(mut self, header: Header) -> Result<Self, InvalidContent> {
        self.header = Some(header);
        self.checked()
    }

    /// What stands above the body.
    #[must_use]
    pub const fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// What is said.
    #[must_use]
    pub fn body(&self) -> Option<&str> {
        self.body.as_deref()
    }

    optional_text!(footer, with_footer, "What stands below it in small letters.", MAX_FOOTER_CHARS);

    /// What can be tapped.
    #[must_use]
    pub const fn action(&self) -> &Action {
        &self.action
    }
}
