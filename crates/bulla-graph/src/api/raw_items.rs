//! Lists that are read item by item: what an item comes to is kept, and not its fields, of which a short body
//! may have many.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::json_field::{Field, Fields, Object};
use crate::api_error::ApiError;

/// The items of the list in `raw`, as they were written: none if there is no list, and at most `most`. `unit`
/// is what an error counts them in.
pub(crate) fn items<'de>(
    raw: Option<&'de RawValue>,
    path: &'static str,
    unit: &'static str,
    most: usize,
) -> Result<Vec<&'de RawValue>, ApiError> {
    // Some clients write an empty string for what they do not have.
    let Some(raw) = raw.filter(|raw| !matches!(raw.get(), "null" | "\"\"")) else { return Ok(Vec::new()) };
    let mistyped = || ApiError::mistyped(path, "a list");
    let mut json = serde_json::Deserializer::from_str(raw.get());
    let Listed { mut items, count } = Listed::deserialize(&mut json).map_err(|_| mistyped())?;
    if count > most {
        return Err(ApiError::long(path, unit, count, most));
    }
    items.retain(|item| item.get() != "null");
    Ok(items)
}

/// The object in `raw`.
pub(crate) fn object<'de, T: Fields<'de>>(raw: &'de RawValue, path: &'static str) -> Result<T, ApiError> {
    let mistyped = || ApiError::mistyped(path, "an object");
    let field: Field<Object<T>> = serde_json::from_str(raw.get()).map_err(|_| mistyped())?;
    field.required(path).map(|Object(fields)| fields)
}

/// Some items, and how many there are.
struct Listed<'de> {
    items: Vec<&'de RawValue>,
    count: usize,
}

impl<'de> Deserialize<'de> for Listed<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor;

        impl<'de> Visitor<'de> for ListVisitor {
            type Value = Listed<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Listed<'de>, S::Error> {
                let (mut items, mut count) = (Vec::new(), 0);
                while count < crate::limits::MAX_LISTED_ITEMS {
                    let Some(item) = list.next_element()? else { return Ok(Listed { items, count }) };
                    items.push(item);
                    count += 1;
                }
                while list.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Listed { items, count })
            }
        }

        deserializer.deserialize_seq(ListVisitor)
    }
}
