use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::refusal::Refusal;

/// An object of a request, read field by field: a `null` counts as absent, and an error names the field by its path.
pub(crate) struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: &'static str,
}

impl<'a> Fields<'a> {
    /// The request's own fields.
    pub(crate) const fn new(map: &'a Map<String, Value>) -> Self {
        Self { map, path: "" }
    }

    pub(crate) fn text(&self, name: &'static str) -> Result<Option<&'a str>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Refusal::mistyped(&self.full(name), "a string")),
        }
    }

    pub(crate) fn required_text(&self, name: &'static str) -> Result<&'a str, Refusal> {
        self.text(name)?.ok_or_else(|| Refusal::missing(&self.full(name)))
    }

    pub(crate) fn flag(&self, name: &'static str) -> Result<Option<bool>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(Refusal::mistyped(&self.full(name), "true or false")),
        }
    }

    pub(crate) fn object(&self, name: &'static str) -> Result<Option<Self>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Self { map, path: name })),
            Some(_) => Err(Refusal::mistyped(&self.full(name), "an object")),
        }
    }

    pub(crate) fn required_object(&self, name: &'static str) -> Result<Self, Refusal> {
        self.object(name)?.ok_or_else(|| Refusal::missing(&self.full(name)))
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    fn full(&self, name: &'static str) -> Cow<'static, str> {
        if self.path.is_empty() { name.into() } else { format!("{}.{name}", self.path).into() }
    }
}
