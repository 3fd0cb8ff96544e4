//! What users say besides texts and reactions.

mod contacts;
mod media;

use bulla_content::{
    Body, ButtonReply, CallPermission, CallPermissionReply, FormReply, InteractiveReply, ListReply, Location,
    Order, OrderItem, QuickReply,
};
use bulla_relay::Subject;
use serde::Serialize;

use self::contacts::Contact;
use self::media::Media;

/// What was said, under the name of its kind.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Other<'a> {
    Location(Place<'a>),
    Contacts(Vec<Contact<'a>>),
    Interactive(Tapped<'a>),
    Button(Button<'a>),
    Order(Cart<'a>),
    Image(Media<'a>),
    Video(Media<'a>),
    Audio(Media<'a>),
    Document(Media<'a>),
    Sticker(Media<'a>),
}

impl<'a> Other<'a> {
    /// What `body` says, if businesses are told of its kind.
    pub(super) fn of(body: &'a Body, about: &Subject) -> Option<Self> {
        Some(match body {
            Body::Location(location) => Self::Location(location.into()),
            Body::Contacts(contacts) => {
                Self::Contacts(contacts.contacts().iter().map(Contact::from).collect())
            }
            Body::InteractiveReply(reply) => Self::Interactive(Tapped::of(reply)?),
            Body::QuickReply(reply) => Self::Button(reply.into()),
            Body::Order(order) => Self::Order(order.into()),
            Body::Image(_) => Self::Image(Media::of(body, about)?),
            Body::Video(_) => Self::Video(Media::of(body, about)?),
            Body::Audio(_) => Self::Audio(Media::of(body, about)?),
            Body::Document(_) => Self::Document(Media::of(body, about)?),
            Body::Sticker(_) => Self::Sticker(Media::of(body, about)?),
            _ => return None,
        })
    }
}

#[derive(Serialize)]
pub(super) struct Place<'a> {
    latitude: f64,
    longitude: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
}

impl<'a> From<&'a Location> for Place<'a> {
    fn from(location: &'a Location) -> Self {
        Self {
            latitude: location.latitude(),
            longitude: location.longitude(),
            name: location.name(),
            address: location.address(),
            url: location.url(),
        }
    }
}

/// What was tapped, under the name of what it was.
#[derive(Serialize)]
#[serde(tag = "type")]
pub(super) enum Tapped<'a> {
    #[serde(rename = "button_reply")]
    Button { button_reply: TappedButton<'a> },
    #[serde(rename = "list_reply")]
    Row { list_reply: TappedRow<'a> },
    #[serde(rename = "nfm_reply")]
    Form { nfm_reply: Form<'a> },
    #[serde(rename = "call_permission_reply")]
    CallPermission { call_permission_reply: Permission },
}

impl<'a> Tapped<'a> {
    fn of(reply: &'a InteractiveReply) -> Option<Self> {
        Some(match reply {
            InteractiveReply::Button(reply) => Self::Button { button_reply: reply.into() },
            InteractiveReply::List(reply) => Self::Row { list_reply: reply.into() },
            InteractiveReply::Form(reply) => Self::Form { nfm_reply: reply.into() },
            InteractiveReply::CallPermission(reply) => {
                Self::CallPermission { call_permission_reply: reply.into() }
            }
            _ => return None,
        })
    }
}

#[derive(Serialize)]
pub(super) struct TappedButton<'a> {
    id: &'a str,
    title: &'a str,
}

impl<'a> From<&'a ButtonReply> for TappedButton<'a> {
    fn from(reply: &'a ButtonReply) -> Self {
        Self { id: reply.id(), title: reply.title() }
    }
}

#[derive(Serialize)]
pub(super) struct TappedRow<'a> {
    id: &'a str,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
}

impl<'a> From<&'a ListReply> for TappedRow<'a> {
    fn from(reply: &'a ListReply) -> Self {
        Self { id: reply.id(), title: reply.title(), description: reply.description() }
    }
}

#[derive(Serialize)]
pub(super) struct Form<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    /// As a string, which its readers parse.
    response_json: &'a str,
}

impl<'a> From<&'a FormReply> for Form<'a> {
    fn from(reply: &'a FormReply) -> Self {
        Self { name: reply.name(), body: reply.body(), response_json: reply.response_json() }
    }
}

#[derive(Serialize)]
pub(super) struct Permission {
    response: &'static str,
    is_permanent: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_timestamp: Option<u64>,
}

impl From<&CallPermissionReply> for Permission {
    fn from(reply: &CallPermissionReply) -> Self {
        let is_accepted = reply.permission() == CallPermission::Accepted;
        Self {
            response: if is_accepted { "accept" } else { "reject" },
            is_permanent: is_accepted && reply.ends().is_none(),
            expiration_timestamp: reply.ends(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Button<'a> {
    payload: &'a str,
    text: &'a str,
}

impl<'a> From<&'a QuickReply> for Button<'a> {
    fn from(reply: &'a QuickReply) -> Self {
        Self { payload: reply.payload(), text: reply.text() }
    }
}

#[derive(Serialize)]
pub(super) struct Cart<'a> {
    catalog_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    product_items: Vec<Item<'a>>,
}

impl<'a> From<&'a Order> for Cart<'a> {
    fn from(order: &'a Order) -> Self {
        let product_items = order.items().iter().map(Item::from).collect();
        Self { catalog_id: order.catalog_id(), text: order.text(), product_items }
    }
}

#[derive(Serialize)]
struct Item<'a> {
    product_retailer_id: &'a str,
    quantity: u32,
    item_price: f64,
    currency: &'a str,
}

impl<'a> From<&'a OrderItem> for Item<'a> {
    #[expect(clippy::cast_precision_loss, reason = "consumers read prices as such numbers")]
    fn from(item: &'a OrderItem) -> Self {
        Self {
            product_retailer_id: item.product_retailer_id(),
            quantity: item.quantity(),
            item_price: item.price_micros() as f64 / 1e6,
            currency: item.currency(),
        }
    }
}
