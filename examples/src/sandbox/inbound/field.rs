//! A field of what was asked, which knows what it is called.

use std::fmt::Display;

use bulla::base::{MessageId, Number};
use serde_json::Value;

use super::NoMessage;

/// A field and its name, such as `interactive.button_reply.id`.
#[derive(Debug, Clone)]
pub(super) struct Field<'a> {
    name: String,
    value: &'a Value,
}

impl<'a> Field<'a> {
    /// All of it.
    pub(super) const fn whole(value: &'a Value) -> Self {
        Self { name: String::new(), value }
    }

    /// What is wrong with it.
    pub(super) fn because(&self, why: impl Display) -> NoMessage {
        NoMessage(format!("{}: {why}", self.name))
    }

    /// The field `name` in it.
    pub(super) fn required(&self, name: &str) -> Result<Self, NoMessage> {
        self.optional(name).ok_or_else(|| NoMessage(format!("{}: it is missing", self.called(name))))
    }

    /// The field `name` in it, if it is there.
    pub(super) fn optional(&self, name: &str) -> Option<Self> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        Some(Self { name: self.called(name), value })
    }

    /// The text of the field `name` in it, if it is there.
    pub(super) fn optional_text(&self, name: &str) -> Result<Option<&'a str>, NoMessage> {
        self.optional(name).map(|field| field.text()).transpose().map(|text| text.filter(|it| !it.is_empty()))
    }

    /// The fields of a list.
    pub(super) fn items(&self) -> Result<Vec<Self>, NoMessage> {
        let items = self.value.as_array().ok_or_else(|| self.because("it is no list"))?;
        let named = |(place, value)| Self { name: format!("{}[{place}]", self.name), value };
        Ok(items.iter().enumerate().map(named).collect())
    }

    pub(super) fn text(&self) -> Result<&'a str, NoMessage> {
        self.value.as_str().ok_or_else(|| self.because("it is no text"))
    }

    pub(super) fn is_true(&self) -> bool {
        self.value.as_bool() == Some(true)
    }

    pub(super) fn whole_number(&self) -> Option<u64> {
        self.value.as_u64()
    }

    /// The phone number in the field `name`.
    pub(super) fn number(&self, name: &str) -> Result<Number, NoMessage> {
        let field = self.required(name)?;
        Number::parse(field.text()?).map_err(|error| field.because(error))
    }

    /// The message that the field `name` names.
    pub(super) fn message_id(&self, name: &str) -> Result<MessageId, NoMessage> {
        let field = self.required(name)?;
        super::message_id(field.text()?).ok_or_else(|| field.because("it is no id of a message"))
    }

    /// The number in the field `name`.
    pub(super) fn degrees(&self, name: &str) -> Result<f64, NoMessage> {
        let field = self.required(name)?;
        field.value.as_f64().ok_or_else(|| field.because("it is no number"))
    }

    /// The price in the field `name`, in millionths.
    pub(super) fn micros(&self, name: &str) -> Result<u64, NoMessage> {
        let field = self.required(name)?;
        let price = field.value.as_f64().filter(|price| (0.0..1e12).contains(price));
        let price = price.ok_or_else(|| field.because("it is no price"))?;
        #[expect(clippy::cast_possible_truncation, reason = "it is in the range")]
        Ok((price * 1e6).round() as u64)
    }

    fn called(&self, name: &str) -> String {
        if self.name.is_empty() { name.to_owned() } else { format!("{}.{name}", self.name) }
    }
}
