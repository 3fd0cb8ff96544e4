use super::{
    AddressRequest, CallPermissionRequest, Carousel, Catalog, ContactInfoRequest, CtaUrl, Flow, HeaderKind,
    List, LocationRequest, Product, ProductList, ReplyButtons, VoiceCall,
};
use crate::wire::choice;

choice! {
    /// What can be tapped below an interactive message.
    pub enum Action {
        /// Up to three buttons, whose titles are sent back.
        Buttons(ReplyButtons) = 1,
        /// A list to choose from.
        List(List) = 2,
        /// A link.
        CtaUrl(CtaUrl) = 3,
        /// A button that sends where the user is.
        LocationRequest(LocationRequest) = 4,
        /// A form of several pages.
        Flow(Flow) = 5,
        /// A product of a catalog.
        Product(Product) = 6,
        /// Several products of a catalog.
        ProductList(ProductList) = 7,
        /// A whole catalog.
        Catalog(Catalog) = 8,
        /// A form for an address.
        Address(AddressRequest) = 9,
        /// Cards side by side.
        Carousel(Carousel) = 10,
        /// A question whether the business may call.
        CallPermission(CallPermissionRequest) = 11,
        /// A button that calls the business.
        VoiceCall(VoiceCall) = 12,
        /// A button that sends the user's own number.
        ContactInfoRequest(ContactInfoRequest) = 13,
    }
}

impl Action {
    /// The name by which the API that is served knows it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Buttons(_) => "button",
            Self::List(_) => "list",
            Self::CtaUrl(_) => "cta_url",
            Self::LocationRequest(_) => "location_request_message",
            Self::Flow(_) => "flow",
            Self::Product(_) => "product",
            Self::ProductList(_) => "product_list",
            Self::Catalog(_) => "catalog_message",
            Self::Address(_) => "address_message",
            Self::Carousel(_) => "carousel",
            Self::CallPermission(_) => "call_permission_request",
            Self::VoiceCall(_) => "voice_call",
            Self::ContactInfoRequest(_) => "request_contact_info",
        }
    }

    pub(super) const fn takes_a_body(&self) -> bool {
        !matches!(self, Self::Product(_) | Self::CallPermission(_))
    }

    pub(super) const fn bears_a_footer(&self) -> bool {
        !matches!(
            self,
            Self::LocationRequest(_)
                | Self::Carousel(_)
                | Self::CallPermission(_)
                | Self::VoiceCall(_)
                | Self::ContactInfoRequest(_)
        )
    }

    pub(super) const fn takes_a_header(&self) -> bool {
        matches!(self, Self::ProductList(_))
    }

    pub(super) const fn bears(&self, header: HeaderKind) -> bool {
        match self {
            Self::Buttons(_) | Self::CtaUrl(_) | Self::Flow(_) => !matches!(header, HeaderKind::Location),
            Self::List(_) | Self::ProductList(_) | Self::Address(_) => matches!(header, HeaderKind::Text),
            _ => false,
        }
    }
}
