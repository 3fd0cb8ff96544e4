//! The fields of a request to `messages` that mean something here.

use serde::de::{IgnoredAny, MapAccess};

use super::json_field::{Field, Fields, Object, Text};

/// The fields of a request.
#[derive(Default)]
pub(crate) struct MessageFields<'de> {
    pub(crate) messaging_product: Field<Text<'de>>,
    pub(crate) recipient_type: Field<Text<'de>>,
    pub(crate) to: Field<Text<'de>>,
    pub(crate) recipient: Field<Text<'de>>,
    pub(crate) kind: Field<Text<'de>>,
    pub(crate) text: Field<Object<TextFields<'de>>>,
    pub(crate) reaction: Field<Object<ReactionFields<'de>>>,
    pub(crate) context: Field<Object<ContextFields<'de>>>,
    pub(crate) tracking: Field<Text<'de>>,
    pub(crate) status: Field<Text<'de>>,
    pub(crate) message_id: Field<Text<'de>>,
}

impl<'de> Fields<'de> for MessageFields<'de> {
    fn read<M: MapAccess<'de>>(&mut self, name: &str, value: &mut M) -> Result<(), M::Error> {
        match name {
            "messaging_product" => self.messaging_product = value.next_value()?,
            "recipient_type" => self.recipient_type = value.next_value()?,
            "to" => self.to = value.next_value()?,
            "recipient" => self.recipient = value.next_value()?,
            "type" => self.kind = value.next_value()?,
            "text" => self.text = value.next_value()?,
            "reaction" => self.reaction = value.next_value()?,
            "context" => self.context = value.next_value()?,
            "biz_opaque_callback_data" => self.tracking = value.next_value()?,
            "status" => self.status = value.next_value()?,
            "message_id" => self.message_id = value.next_value()?,
            _ => ignore(value)?,
        }
        Ok(())
    }
}

/// The fields of `text`.
#[derive(Default)]
pub(crate) struct TextFields<'de> {
    pub(crate) body: Field<Text<'de>>,
    pub(crate) preview_url: Field<bool>,
}

impl<'de> Fields<'de> for TextFields<'de> {
    fn read<M: MapAccess<'de>>(&mut self, name: &str, value: &mut M) -> Result<(), M::Error> {
        match name {
            "body" => self.body = value.next_value()?,
            "preview_url" => self.preview_url = value.next_value()?,
            _ => ignore(value)?,
        }
        Ok(())
    }
}

/// The fields of `reaction`.
#[derive(Default)]
pub(crate) struct ReactionFields<'de> {
    pub(crate) message_id: Field<Text<'de>>,
    pub(crate) emoji: Field<Text<'de>>,
}

impl<'de> Fields<'de> for ReactionFields<'de> {
    fn read<M: MapAccess<'de>>(&mut self, name: &str, value: &mut M) -> Result<(), M::Error> {
        match name {
            "message_id" => self.message_id = value.next_value()?,
            "emoji" => self.emoji = value.next_value()?,
            _ => ignore(value)?,
        }
        Ok(())
    }
}

/// The fields of `context`.
#[derive(Default)]
pub(crate) struct ContextFields<'de> {
    pub(crate) message_id: Field<Text<'de>>,
}

impl<'de> Fields<'de> for ContextFields<'de> {
    fn read<M: MapAccess<'de>>(&mut self, name: &str, value: &mut M) -> Result<(), M::Error> {
        match name {
            "message_id" => self.message_id = value.next_value()?,
            _ => ignore(value)?,
        }
        Ok(())
    }
}

fn ignore<'de, M: MapAccess<'de>>(value: &mut M) -> Result<(), M::Error> {
    value.next_value::<IgnoredAny>().map(|_| ())
}
