//! Compact JSON in pure ASCII: what is beyond is written as `\uxxxx`, in lower case, and as two of them
//! beyond U+FFFF.
//!
//! The original signs this form, and some consumers bring a body into it before they check the signature.

use std::io;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

/// `value` as ASCII JSON.
pub(crate) fn write(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::with_capacity(512);
    value.serialize(&mut Serializer::with_formatter(&mut bytes, Ascii))?;
    Ok(bytes)
}

struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for part in fragment.split_inclusive(|character: char| !character.is_ascii()) {
            let other = part.chars().next_back().filter(|character| !character.is_ascii());
            let plain = part.len() - other.map_or(0, char::len_utf8);
            writer.write_all(&part.as_bytes()[..plain])?;
            if let Some(other) = other {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> String {
        String::from_utf8(write(&text).unwrap()).unwrap()
    }

    #[test]
    fn what_is_beyond_ascii_is_escaped_in_lower_case() {
        assert_eq!(written("é👍x\u{2028}\u{ffff}"), r#""\u00e9\ud83d\udc4dx\u2028\uffff""#);
        assert_eq!(written("a\"\\/\n\u{1f}\u{7f}"), "\"a\\\"\\\\/\\n\\u001f\u{7f}\"");
        assert_eq!(written(""), r#""""#);
    }

    proptest! {
        #[test]
        fn every_text_is_ascii_and_comes_back(text in any::<String>()) {
            let written = written(&text);
            prop_assert!(written.is_ascii());
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }
    }
}
