//! What stands in one field of a request, read without the tree around it: what nobody asked for is walked
//! over and never kept.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::api_error::ApiError;

/// What stands in a field that should be a `T`.
#[derive(Default)]
pub(crate) enum Field<T> {
    /// Nothing, or `null`.
    #[default]
    Absent,
    /// Something of another JSON type.
    Mistyped,
    /// What should stand there.
    Given(T),
}

/// A JSON type a field can have. What a method does not say otherwise is of another type.
pub(crate) trait Kind<'de>: Sized {
    /// The type, as an error names it.
    const NAME: &'static str;

    fn text(_: Cow<'de, str>) -> Field<Self> {
        Field::Mistyped
    }

    fn flag(_: bool) -> Field<Self> {
        Field::Mistyped
    }

    fn number(_: f64) -> Field<Self> {
        Field::Mistyped
    }

    #[expect(clippy::cast_precision_loss, reason = "no number that means something here has so many digits")]
    fn whole_number(number: i128) -> Field<Self> {
        Self::number(number as f64)
    }

    fn empty_list() -> Field<Self> {
        Field::Mistyped
    }

    fn list<S: SeqAccess<'de>>(mut items: S) -> Result<Field<Self>, S::Error> {
        if items.next_element::<IgnoredAny>()?.is_none() {
            return Ok(Self::empty_list());
        }
        // To its end, or the parser would stand inside it when the next field is wanted.
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::Mistyped)
    }

    fn object<M: MapAccess<'de>>(mut fields: M) -> Result<Field<Self>, M::Error> {
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Field::Mistyped)
    }
}

/// A string.
pub(crate) struct Text<'de>(pub(crate) Cow<'de, str>);

impl<'de> Kind<'de> for Text<'de> {
    const NAME: &'static str = "a string";

    fn text(text: Cow<'de, str>) -> Field<Self> {
        Field::Given(Self(text))
    }
}

/// A name that somebody gave or made up. Some clients write a number for one that is in digits.
pub(crate) struct Word<'de>(Cow<'de, str>);

impl<'de> Kind<'de> for Word<'de> {
    const NAME: &'static str = Text::NAME;

    fn text(text: Cow<'de, str>) -> Field<Self> {
        Field::Given(Self(text))
    }

    fn whole_number(number: i128) -> Field<Self> {
        if number < 0 { Field::Mistyped } else { Field::Given(Self(Cow::Owned(number.to_string()))) }
    }

    fn object<M: MapAccess<'de>>(mut fields: M) -> Result<Field<Self>, M::Error> {
        let mut word = Field::Mistyped;
        while let Some(Name(name)) = fields.next_key()? {
            match fields.next_value()? {
                Field::Given(Text(digits))
                    if name == NUMBER && digits.bytes().all(|byte| byte.is_ascii_digit()) =>
                {
                    word = Field::Given(Self(digits));
                }
                Field::Absent | Field::Mistyped | Field::Given(_) => {}
            }
        }
        Ok(word)
    }
}

impl<'de> From<Field<Word<'de>>> for Field<Text<'de>> {
    fn from(word: Field<Word<'de>>) -> Self {
        match word {
            Field::Absent => Self::Absent,
            Field::Mistyped => Self::Mistyped,
            Field::Given(Word(text)) => Self::Given(Text(text)),
        }
    }
}

impl<'de> Field<Word<'de>> {
    /// As for a text.
    pub(crate) fn filled(self, path: &'static str) -> Result<Option<Cow<'de, str>>, ApiError> {
        Field::<Text<'de>>::from(self).filled(path)
    }

    /// As for a text.
    pub(crate) fn required_filled(self, path: &'static str) -> Result<Cow<'de, str>, ApiError> {
        Field::<Text<'de>>::from(self).required_filled(path)
    }
}

/// `true` or `false`, also as a word; an empty string is none.
impl<'de> Kind<'de> for bool {
    const NAME: &'static str = "true or false";

    fn text(text: Cow<'de, str>) -> Field<Self> {
        match text {
            text if text.is_empty() => Field::Absent,
            text if text.eq_ignore_ascii_case("true") => Field::Given(true),
            text if text.eq_ignore_ascii_case("false") => Field::Given(false),
            _ => Field::Mistyped,
        }
    }

    fn flag(flag: bool) -> Field<Self> {
        Field::Given(flag)
    }
}

/// A number, which some clients write as a string.
pub(crate) struct Number(pub(crate) f64);

impl<'de> Kind<'de> for Number {
    const NAME: &'static str = "a number";

    fn text(text: Cow<'de, str>) -> Field<Self> {
        if text.is_empty() { Field::Absent } else { text.parse().map_or(Field::Mistyped, Self::number) }
    }

    fn number(number: f64) -> Field<Self> {
        Field::Given(Self(number))
    }

    fn object<M: MapAccess<'de>>(mut fields: M) -> Result<Field<Self>, M::Error> {
        let mut number = Field::Mistyped;
        while let Some(Name(name)) = fields.next_key()? {
            if name == NUMBER {
                number = fields.next_value()?;
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(number)
    }
}

/// A list of which `MOST` items are kept, and the others walked over and counted.
pub(crate) struct List<T, const MOST: usize> {
    items: Vec<Field<T>>,
    count: usize,
}

impl<'de, T: Kind<'de>, const MOST: usize> Kind<'de> for List<T, MOST> {
    const NAME: &'static str = "a list";

    fn text(text: Cow<'de, str>) -> Field<Self> {
        if text.is_empty() { Field::Absent } else { Field::Mistyped }
    }

    fn list<S: SeqAccess<'de>>(mut items: S) -> Result<Field<Self>, S::Error> {
        let mut list = Self { items: Vec::new(), count: 0 };
        while list.count < MOST {
            let Some(item) = items.next_element()? else { return Ok(Field::Given(list)) };
            list.items.push(item);
            list.count += 1;
        }
        while items.next_element::<IgnoredAny>()?.is_some() {
            list.count += 1;
        }
        Ok(Field::Given(list))
    }
}

/// An object whose fields are known. Some clients write `[]` or an empty string for one that is not there.
pub(crate) struct Object<T>(pub(crate) T);

/// Declares an object by its fields: the name here, its JSON type, and the name in JSON.
macro_rules! fields {
    ($(#[$attribute:meta])* struct $name:ident<'de> { $($field:ident: $kind:ty = $json:literal,)+ }) => {
        $(#[$attribute])*
        #[derive(Default)]
        pub(crate) struct $name<'de> {
            $(pub(crate) $field: $crate::api::json_field::Field<$kind>,)+
        }

        impl<'de> $crate::api::json_field::Fields<'de> for $name<'de> {
            fn read<M>(&mut self, name: &str, value: &mut M) -> Result<(), M::Error>
            where
                M: serde::de::MapAccess<'de>,
            {
                match name {
                    $($json => self.$field = value.next_value()?,)+
                    _ => drop(value.next_value::<serde::de::IgnoredAny>()?),
                }
                Ok(())
            }
        }
    };
}

pub(crate) use fields;

/// What `serde_json` calls the one field of a number, which it hands over as an object if somebody in the
/// build has turned on its `arbitrary_precision`.
const NUMBER: &str = "$serde_json::private::Number";

/// The known fields of an object.
pub(crate) trait Fields<'de>: Default {
    /// Reads what stands in the field called `name`. Of two fields with one name the later counts.
    fn read<M: MapAccess<'de>>(&mut self, name: &str, value: &mut M) -> Result<(), M::Error>;
}

impl<'de, T: Fields<'de>> Kind<'de> for Object<T> {
    const NAME: &'static str = "an object";

    fn text(text: Cow<'de, str>) -> Field<Self> {
        if text.is_empty() { Field::Absent } else { Field::Mistyped }
    }

    fn empty_list() -> Field<Self> {
        Field::Absent
    }

    fn object<M: MapAccess<'de>>(mut map: M) -> Result<Field<Self>, M::Error> {
        let mut fields = T::default();
        while let Some(Name(name)) = map.next_key()? {
            if name == NUMBER {
                map.next_value::<IgnoredAny>()?;
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                return Ok(Field::Mistyped);
            }
            fields.read(&name, &mut map)?;
        }
        Ok(Field::Given(Self(fields)))
    }
}

impl<'de, T: Kind<'de>> Field<T> {
    /// What was given, if anything was.
    pub(crate) fn optional(self, path: &'static str) -> Result<Option<T>, ApiError> {
        match self {
            Self::Absent => Ok(None),
            Self::Mistyped => Err(ApiError::mistyped(path, T::NAME)),
            Self::Given(value) => Ok(Some(value)),
        }
    }

    /// What was given, which must be there.
    pub(crate) fn required(self, path: &'static str) -> Result<T, ApiError> {
        self.optional(path)?.ok_or_else(|| ApiError::missing(path))
    }
}

impl<'de> Field<Text<'de>> {
    /// The text that was given. An empty one is none: some clients write it for what they do not have.
    pub(crate) fn filled(self, path: &'static str) -> Result<Option<Cow<'de, str>>, ApiError> {
        Ok(self.optional(path)?.map(|Text(text)| text).filter(|text| !text.is_empty()))
    }

    /// The text that was given, which must be there and not be empty.
    pub(crate) fn required_filled(self, path: &'static str) -> Result<Cow<'de, str>, ApiError> {
        self.filled(path)?.ok_or_else(|| ApiError::missing(path))
    }
}

impl<'de, T: Fields<'de>, const MOST: usize> Field<List<Object<T>, MOST>> {
    /// The objects that were given; none if there is no list. `unit` is what an error counts them in.
    pub(crate) fn objects(self, path: &'static str, unit: &'static str) -> Result<Vec<T>, ApiError> {
        let Some(List { items, count }) = self.optional(path)? else { return Ok(Vec::new()) };
        if count > MOST {
            return Err(ApiError::long(path, unit, count, MOST));
        }
        items.into_iter().map(|item| item.required(path).map(|Object(fields)| fields)).collect()
    }
}

impl<'de, T: Kind<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor(PhantomData))
    }
}

struct FieldVisitor<T>(PhantomData<T>);

impl<'de, T: Kind<'de>> Visitor<'de> for FieldVisitor<T> {
    type Value = Field<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Field<T>, E> {
        Ok(Field::Absent)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Field<T>, E> {
        Ok(T::flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Field<T>, E> {
        Ok(T::whole_number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Field<T>, E> {
        Ok(T::whole_number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Field<T>, E> {
        Ok(T::number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Field<T>, E> {
        Ok(T::text(Cow::Owned(text.to_owned())))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Field<T>, E> {
        Ok(T::text(Cow::Borrowed(text)))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, list: S) -> Result<Field<T>, S::Error> {
        T::list(list)
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Field<T>, M::Error> {
        T::object(map)
    }
}

/// A field's name, borrowed from the body where it can be.
struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }
        }

        deserializer.deserialize_str(NameVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Nothing;

    impl<'de> Fields<'de> for Nothing {
        fn read<M: MapAccess<'de>>(&mut self, _: &str, value: &mut M) -> Result<(), M::Error> {
            value.next_value::<IgnoredAny>().map(drop)
        }
    }

    /// Also in a build in which numbers are as precise as they are long.
    #[test]
    fn a_number_is_neither_an_object_nor_a_text() {
        for number in ["5", "-5", "1.5e300", "123456789012345678901234567890"] {
            let object: Field<Object<Nothing>> = serde_json::from_str(number).unwrap();
            let text: Field<Text<'_>> = serde_json::from_str(number).unwrap();
            assert!(matches!((object, text), (Field::Mistyped, Field::Mistyped)), "{number}");
        }
        let object: Field<Object<Nothing>> = serde_json::from_str(r#"{"a": 5}"#).unwrap();
        assert!(matches!(object, Field::Given(_)));
    }

    #[test]
    fn a_whole_number_is_a_word_with_all_its_digits() {
        let read = |json: &str| match serde_json::from_str(json).unwrap() {
            Field::Given(Word(text)) => Some(text.into_owned()),
            Field::Absent | Field::Mistyped => None,
        };
        for digits in ["5", "9007199254740993", "18446744073709551615"] {
            assert_eq!(read(digits).as_deref(), Some(digits));
        }
        assert_eq!(read("\"a b\"").as_deref(), Some("a b"));
        for json in ["1.5", "-5", "1e59", "true", "{\"a\":\"5\"}", "[5]", "null"] {
            assert_eq!(read(json), None, "{json}");
        }
    }

    #[test]
    fn an_empty_list_is_no_text() {
        // Clients that know no objects send one for an object without fields.
        let text: Field<Text<'_>> = serde_json::from_str("[]").unwrap();
        assert!(matches!(text, Field::Mistyped));
        let object: Field<Object<Nothing>> = serde_json::from_str("[]").unwrap();
        assert!(!matches!(object, Field::Mistyped));
    }
}
