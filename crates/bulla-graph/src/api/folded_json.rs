//! Objects that clients write as text: as the fields of a form, or as JSON within JSON.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::json_field::{Field, Text};

/// The fields of messages and templates that are objects or lists.
const OBJECTS: [&str; 14] = [
    "audio",
    "components",
    "contacts",
    "context",
    "document",
    "image",
    "interactive",
    "location",
    "reaction",
    "sticker",
    "template",
    "text",
    "typing_indicator",
    "video",
];

/// A form of words as a JSON object: each field a string, and an object or a list where one belongs.
pub(crate) fn of_form(form: &[u8]) -> Vec<u8> {
    let mut json = Vec::with_capacity(form.len() + 2);
    json.push(b'{');
    for (name, value) in form_urlencoded::parse(form) {
        match is_folded(&name, &value) {
            true => put(&mut json, &name, value.as_bytes()),
            false => put(&mut json, &name, &quoted(&value)),
        }
    }
    json.push(b'}');
    json
}

/// The JSON object `body` with the objects and lists in it that are written as strings; nothing if there is
/// none. They stand behind all else: of two fields with one name the later counts.
pub(crate) fn unfolded(body: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(body).ok()?.trim_end();
    let Folded(found) = serde_json::from_str(text).ok()?;
    let mut json = text.strip_suffix('}')?.as_bytes().to_vec();
    for (name, value) in found.iter().filter(|(name, value)| is_folded(name, value)) {
        put(&mut json, name, value.as_bytes());
    }
    let is_longer = json.len() >= text.len();
    json.push(b'}');
    is_longer.then_some(json)
}

/// Whether `value` is the JSON of what belongs into the field called `name`.
fn is_folded(name: &str, value: &str) -> bool {
    value.trim_start().starts_with(['{', '['])
        && OBJECTS.contains(&name)
        && serde_json::from_str::<IgnoredAny>(value).is_ok()
}

fn put(json: &mut Vec<u8>, name: &str, value: &[u8]) {
    if json.len() > 1 {
        json.push(b',');
    }
    json.extend(quoted(name));
    json.push(b':');
    json.extend_from_slice(value);
}

fn quoted(text: &str) -> Vec<u8> {
    serde_json::Value::from(text).to_string().into_bytes()
}

/// What the fields in [`OBJECTS`] say that are strings: each once, and nothing else is kept.
struct Folded<'de>(Vec<(&'static str, Cow<'de, str>)>);

impl<'de> Deserialize<'de> for Folded<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FoldedVisitor;

        impl<'de> Visitor<'de> for FoldedVisitor {
            type Value = Folded<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut fields: M) -> Result<Folded<'de>, M::Error> {
                let mut found = Vec::<(&str, Cow<'de, str>)>::new();
                while let Some(name) = fields.next_key::<Cow<'de, str>>()? {
                    let Some(known) = OBJECTS.into_iter().find(|known| *known == name) else {
                        fields.next_value::<IgnoredAny>()?;
                        continue;
                    };
                    found.retain(|(other, _)| *other != known);
                    if let Field::Given(Text(text)) = fields.next_value()? {
                        found.push((known, text));
                    }
                }
                Ok(Folded(found))
            }
        }

        deserializer.deserialize_map(FoldedVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_form_is_an_object_of_strings_and_of_objects_where_they_belong() {
        let form = "to=1&text=%7B%22body%22%3A%22a%22%7D&biz_opaque_callback_data=%7B%7D&image=%7B&a=%22";
        let json = r#"{"to":"1","text":{"body":"a"},"biz_opaque_callback_data":"{}","image":"{","a":"\""}"#;
        assert_eq!(text(of_form(form.as_bytes())), json);
        assert_eq!(text(of_form(b"")), "{}");
    }

    #[test]
    fn what_is_folded_stands_unfolded_behind_the_rest() {
        let body = "{\"text\":\"{\\\"body\\\":1}\",\"a\":\"[]\",\"contacts\":\" [1]\"} \n";
        let unfolded = text(super::unfolded(body.as_bytes()).unwrap());
        let end = r#","text":{"body":1},"contacts": [1]}"#;
        assert_eq!(unfolded, format!("{}{end}", body.trim_end().strip_suffix('}').unwrap()));
        // Of two the later counts, and what is no JSON stays a string.
        for body in [
            r#"{"text":"{}","text":{"body":"a"}}"#,
            r#"{"text":"{"}"#,
            r#"{"text":"{} {}"}"#,
            r#"{"text":5}"#,
            "{}",
            "[]",
            "",
            "{",
        ] {
            assert_eq!(super::unfolded(body.as_bytes()), None, "{body}");
        }
    }
}
