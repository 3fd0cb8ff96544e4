//! The cards of a carousel.

use bulla_content::limits::{MAX_CARDS, MAX_REPLY_BUTTONS};
use bulla_content::{Card, CardAction, Carousel, CtaUrl, Product, ReplyButton, ReplyButtons};
use bulla_relay::OutgoingMedia;

use super::action::ReplyFields;
use super::parameters::ParameterFields;
use super::{BodyFields, HeaderFields, HeaderPaths, Top};
use crate::api::json_field::{Field, List, Number, Object, Text, Word, fields};
use crate::api::links::Links;
use crate::api_error::ApiError;

const CARDS: &str = "interactive.action.cards";
const INDEX: &str = "interactive.action.cards.card_index";
const HEADER: &str = "interactive.action.cards.header";
/// No document stands on a card.
const PATHS: HeaderPaths = HeaderPaths {
    kind: "interactive.action.cards.header.type",
    kinds: "IMAGE, VIDEO",
    text: "interactive.action.cards.header.text",
    image: "interactive.action.cards.header.image",
    video: "interactive.action.cards.header.video",
    document: None,
};
const ACTION: &str = "interactive.action.cards.action";
const BUTTONS: &str = "interactive.action.cards.action.buttons";

fields! {
    /// The fields of one of `cards`.
    struct CardFields<'de> {
        index: Number = "card_index",
        kind: Text<'de> = "type",
        header: Object<HeaderFields<'de>> = "header",
        body: Object<BodyFields<'de>> = "body",
        action: Object<CardActionFields<'de>> = "action",
    }
}

fields! {
    /// The fields of its `action`.
    struct CardActionFields<'de> {
        parameters: Object<ParameterFields<'de>> = "parameters",
        buttons: List<Object<QuickReplyFields<'de>>, MAX_REPLY_BUTTONS> = "buttons",
        catalog_id: Word<'de> = "catalog_id",
        product_retailer_id: Word<'de> = "product_retailer_id",
    }
}

fields! {
    /// The fields of one of its `buttons`.
    struct QuickReplyFields<'de> {
        quick_reply: Object<ReplyFields<'de>> = "quick_reply",
    }
}

/// The cards that are given, and what stands at the top of each: of every one, or of none.
pub(super) fn read(
    cards: Field<List<Object<CardFields<'_>>, MAX_CARDS>>,
    links: &mut Links<'_>,
) -> Result<(Carousel, Vec<OutgoingMedia>), ApiError> {
    let mut placed = Vec::new();
    for (usual, fields) in cards.objects(CARDS, "cards")?.into_iter().enumerate() {
        placed.push(card(fields, usual, links)?);
    }
    placed.sort_by_key(|(place, ..)| *place);
    if placed.iter().enumerate().any(|(place, (said, ..))| place != *said) {
        return Err(ApiError::value(INDEX, "the cards are to be counted from 0, each once"));
    }
    let media: Vec<_> = placed.iter_mut().filter_map(|(_, _, media)| media.take()).collect();
    let cards: Vec<_> = placed.into_iter().map(|(_, card, _)| card).collect();
    if !media.is_empty() && media.len() != cards.len() {
        return Err(ApiError::missing(HEADER));
    }
    Ok((Carousel::new(cards)?, media))
}

/// Where a card stands, what it says, and what is at its top.
fn card(
    fields: CardFields<'_>,
    usual: usize,
    links: &mut Links<'_>,
) -> Result<(usize, Card, Option<OutgoingMedia>), ApiError> {
    let place = match fields.index.optional(INDEX)? {
        None => usual,
        Some(Number(index)) => (0_u8..)
            .take(MAX_CARDS)
            .find(|place| f64::from(*place) == index)
            .map(usize::from)
            .ok_or_else(|| ApiError::value(INDEX, "it is not a number from 0 on"))?,
    };
    let Object(action) = fields.action.required(ACTION)?;
    let is_product = fields.kind.filled("interactive.action.cards.type")?;
    let is_product = is_product.is_some_and(|kind| kind.eq_ignore_ascii_case("product"));
    let action = if is_product { product(action)? } else { tapped(action)? };
    let needs_header = !matches!(action, CardAction::Product(_));
    let header = match fields.header.optional(HEADER)? {
        Some(Object(header)) => super::header(header, &PATHS, links)?,
        None => None,
    };
    let media = match header {
        Some(Top::Media(media)) => Some(media),
        Some(Top::Words(_)) => return Err(ApiError::one_of(PATHS.kind, PATHS.kinds)),
        None if needs_header => return Err(ApiError::missing(HEADER)),
        None => None,
    };
    let text =
        super::text(fields.body, ["interactive.action.cards.body", "interactive.action.cards.body.text"])?;
    Ok((place, Card::new(action).with_body(text.unwrap_or_default())?, media))
}

fn product(fields: CardActionFields<'_>) -> Result<CardAction, ApiError> {
    let catalog = fields.catalog_id.required_filled("interactive.action.cards.action.catalog_id")?;
    let product =
        fields.product_retailer_id.required_filled("interactive.action.cards.action.product_retailer_id")?;
    Ok(CardAction::Product(Product::new(catalog, product)?))
}

/// Buttons where there are some, or else a link.
fn tapped(fields: CardActionFields<'_>) -> Result<CardAction, ApiError> {
    let buttons = fields.buttons.objects(BUTTONS, "buttons")?;
    if buttons.is_empty() {
        const PARAMETERS: &str = "interactive.action.cards.action.parameters";
        let Object(link) = fields.parameters.required(PARAMETERS)?;
        let title =
            link.display_text.required_filled("interactive.action.cards.action.parameters.display_text")?;
        let url = link.url.required_filled("interactive.action.cards.action.parameters.url")?;
        return Ok(CardAction::CtaUrl(CtaUrl::new(title, url)?));
    }
    let button = |fields: QuickReplyFields<'_>| {
        let Object(reply) =
            fields.quick_reply.required("interactive.action.cards.action.buttons.quick_reply")?;
        let id = reply.id.required_filled("interactive.action.cards.action.buttons.quick_reply.id")?;
        let title =
            reply.title.required_filled("interactive.action.cards.action.buttons.quick_reply.title")?;
        Ok(ReplyButton::new(id, title)?)
    };
    let buttons = buttons.into_iter().map(button).collect::<Result<_, ApiError>>()?;
    Ok(CardAction::Buttons(ReplyButtons::new(buttons)?))
}
