//! What can be tapped.

use bulla_content::limits::{MAX_CARDS, MAX_REPLY_BUTTONS, MAX_SECTIONS};
use bulla_content::{
    Action, CallPermissionRequest, ContactInfoRequest, CtaUrl, List as Rows, LocationRequest, Product,
    ProductList, ReplyButton, ReplyButtons, VoiceCall,
};

use super::cards::CardFields;
use super::parameters::{self, ParameterFields};
use super::sections::{self, SectionFields};
use crate::api::json_field::{List, Object, Text, Word, fields};
use crate::api_error::ApiError;

fields! {
    /// The fields of `action`, of whatever type.
    struct ActionFields<'de> {
        buttons: List<Object<ButtonFields<'de>>, MAX_REPLY_BUTTONS> = "buttons",
        button: Text<'de> = "button",
        sections: List<Object<SectionFields<'de>>, MAX_SECTIONS> = "sections",
        catalog_id: Word<'de> = "catalog_id",
        product_retailer_id: Word<'de> = "product_retailer_id",
        parameters: Object<ParameterFields<'de>> = "parameters",
        cards: List<Object<CardFields<'de>>, MAX_CARDS> = "cards",
    }
}

fields! {
    /// The fields of one of `buttons`.
    struct ButtonFields<'de> {
        kind: Text<'de> = "type",
        reply: Object<ReplyFields<'de>> = "reply",
    }
}

fields! {
    /// The fields of `reply`.
    struct ReplyFields<'de> {
        id: Word<'de> = "id",
        title: Text<'de> = "title",
    }
}

/// The action of an interactive message of this type, which is none with cards.
pub(super) fn read(kind: &str, fields: ActionFields<'_>) -> Result<Action, ApiError> {
    let is = |name: &str| kind.eq_ignore_ascii_case(name);
    if is("button") {
        buttons(fields)
    } else if is("list") {
        let button = fields.button.required_filled("interactive.action.button")?;
        let sections = fields.sections.objects("interactive.action.sections", "sections")?;
        Ok(Action::List(Rows::new(button, sections::of_rows(sections)?)?))
    } else if is("product") {
        let catalog = fields.catalog_id.required_filled("interactive.action.catalog_id")?;
        let product = fields.product_retailer_id.required_filled("interactive.action.product_retailer_id")?;
        Ok(Action::Product(Product::new(catalog, product)?))
    } else if is("product_list") {
        let catalog = fields.catalog_id.required_filled("interactive.action.catalog_id")?;
        let sections = fields.sections.objects("interactive.action.sections", "sections")?;
        Ok(Action::ProductList(ProductList::new(catalog, sections::of_products(sections)?)?))
    } else if is("location_request_message") {
        Ok(Action::LocationRequest(LocationRequest))
    } else if is("call_permission_request") {
        Ok(Action::CallPermission(CallPermissionRequest))
    } else if is("request_contact_info") {
        Ok(Action::ContactInfoRequest(ContactInfoRequest))
    } else {
        let parameters = fields.parameters.optional("interactive.action.parameters")?;
        of_parameters(kind, parameters.map(|Object(fields)| fields).unwrap_or_default())
    }
}

/// The action of a type that says all in `parameters`.
fn of_parameters(kind: &str, fields: ParameterFields<'_>) -> Result<Action, ApiError> {
    const DISPLAY_TEXT: &str = "interactive.action.parameters.display_text";
    let is = |name: &str| kind.eq_ignore_ascii_case(name);
    if is("cta_url") {
        let display_text = fields.display_text.required_filled(DISPLAY_TEXT)?;
        let url = fields.url.required_filled("interactive.action.parameters.url")?;
        Ok(Action::CtaUrl(CtaUrl::new(display_text, url)?))
    } else if is("voice_call") {
        let call = VoiceCall::new(fields.display_text.required_filled(DISPLAY_TEXT)?)?;
        let minutes = parameters::minutes(fields.ttl_minutes)?;
        Ok(Action::VoiceCall(call.for_minutes(minutes)))
    } else if is("flow") {
        parameters::flow(fields)
    } else if is("catalog_message") {
        parameters::catalog(fields)
    } else if is("address_message") {
        parameters::address(fields)
    } else {
        Err(ApiError::one_of(
            "interactive.type",
            "ADDRESS_MESSAGE, BUTTON, CALL_PERMISSION_REQUEST, CAROUSEL, CATALOG_MESSAGE, CTA_URL, FLOW, \
             LIST, LOCATION_REQUEST_MESSAGE, PRODUCT, PRODUCT_LIST, REQUEST_CONTACT_INFO, VOICE_CALL",
        ))
    }
}

fn buttons(fields: ActionFields<'_>) -> Result<Action, ApiError> {
    let buttons = fields.buttons.objects("interactive.action.buttons", "buttons")?;
    let button = |fields: ButtonFields<'_>| {
        if let Some(kind) = fields.kind.filled("interactive.action.buttons.type")?
            && !kind.eq_ignore_ascii_case("reply")
        {
            return Err(ApiError::one_of("interactive.action.buttons.type", "REPLY"));
        }
        let Object(reply) = fields.reply.required("interactive.action.buttons.reply")?;
        let id = reply.id.required_filled("interactive.action.buttons.reply.id")?;
        let title = reply.title.required_filled("interactive.action.buttons.reply.title")?;
        Ok(ReplyButton::new(id, title)?)
    };
    let buttons = buttons.into_iter().map(button).collect::<Result<_, ApiError>>()?;
    Ok(Action::Buttons(ReplyButtons::new(buttons)?))
}
