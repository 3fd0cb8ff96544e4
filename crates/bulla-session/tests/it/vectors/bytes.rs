//! Reading the file's fields.

use serde_json::Value;

pub(crate) fn array<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().unwrap_or_else(|| panic!("no list {field}"))
}

pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no text {field}"))
}

pub(crate) fn number<T: TryFrom<u64>>(value: &Value, field: &str) -> T {
    let number = value[field].as_u64().unwrap_or_else(|| panic!("no number {field}"));
    T::try_from(number).unwrap_or_else(|_| panic!("{field} is too large"))
}

pub(crate) fn bytes(value: &Value, field: &str) -> Vec<u8> {
    unhex(text(value, field))
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    assert!(rest.is_empty());
    pairs.iter().map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
