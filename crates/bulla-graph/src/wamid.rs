//! How a message is named to the outside: `wamid.` and the reference in URL-safe base64 without padding, 49
//! characters in all.
//!
//! Clients take it for opaque text of at most 128 characters. Other than the names of the original, it holds
//! no phone number.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bulla_relay::MessageRef;

const PREFIX: &str = "wamid.";
const ENCODED_CHARS: usize = 43;

/// The name of the message with this reference.
pub(crate) fn write(reference: MessageRef) -> String {
    let mut name = String::with_capacity(PREFIX.len() + ENCODED_CHARS);
    name.push_str(PREFIX);
    URL_SAFE_NO_PAD.encode_string(reference.to_bytes(), &mut name);
    name
}

/// The reference that [`write`] named so; nothing when it is not a name that `write` gives.
pub(crate) fn read(name: &str) -> Option<MessageRef> {
    // Of one length, so that a message has one name.
    let encoded = name.strip_prefix(PREFIX).filter(|encoded| encoded.len() == ENCODED_CHARS)?;
    let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
    MessageRef::from_bytes(bytes.try_into().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use bulla_base::{MessageId, SeededRng, Timestamp};

    use super::*;

    fn reference(tag: u8) -> MessageRef {
        let mut bytes = [tag; MessageRef::BYTES];
        let id = MessageId::new(Timestamp::from_millis(1_795_293_590_960), &SeededRng::new(1));
        bytes[..16].copy_from_slice(id.as_bytes());
        MessageRef::from_bytes(bytes).unwrap()
    }

    #[test]
    fn a_name_leads_back_to_its_message() {
        for tag in [0, 1, 0xff] {
            let name = write(reference(tag));
            assert_eq!(name.len(), 49);
            assert_eq!(read(&name), Some(reference(tag)));
        }
    }

    #[test]
    fn only_names_that_were_given_are_read() {
        let name = write(reference(7));
        let mut loose = name.clone();
        loose.pop();
        // The last of 43 characters carries two bits that are nobody's: a second name for the same message
        // must not exist.
        let last = name.chars().last().unwrap();
        let other = char::from(u8::try_from(last).unwrap() + 1);
        for text in [
            "",
            "wamid.",
            "wamid.X",
            &loose,
            &format!("{loose}{other}"),
            &format!("{name}="),
            &name.to_uppercase(),
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
