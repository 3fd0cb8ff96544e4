//! The ids of the API: how messages and users are named to businesses. The Graph API reads the same names.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bulla_base::PhoneNumberId;
use bulla_relay::{MessageRef, UserId};

use crate::limits::{BUSINESS_DIGITS, MESSAGE_DIGITS, USER_DIGITS};

const MESSAGE_PREFIX: &str = "wamid.";
const USER_PREFIX: &str = "ZZ.";

/// What names of media that has come with a message begin with. Those of uploads begin with another digit.
const RECEIVED_MEDIA: &str = "2";

/// The name of a message: `wamid.` and the reference in URL-safe base64 without padding.
///
/// Clients take it for opaque text of at most 128 characters. Other than the names of the original, it holds
/// no phone number.
pub(crate) fn message(reference: MessageRef) -> String {
    let mut name = String::from(MESSAGE_PREFIX);
    URL_SAFE_NO_PAD.encode_string(reference.to_bytes(), &mut name);
    name
}

/// The name of a user: `ZZ.` and the id as a decimal number of 39 digits.
///
/// In the original the first two letters are the user's country. `ZZ` is the country nobody has: it is not
/// told. What follows must be digits: some clients take anything else for the id of a group.
pub(crate) fn user(user: UserId) -> String {
    format!("{USER_PREFIX}{:0USER_DIGITS$}", u128::from_be_bytes(*user.as_bytes()))
}

/// The name of what has come with `message` to `business`: by 99 decimal digits, a 2, the business's number
/// in 20, the message's id in 39 and the user's in 39.
///
/// Clients take it for opaque text; but some tell an id from the name of a file by its being digits.
pub(crate) fn media(business: PhoneNumberId, message: MessageRef) -> String {
    let (business, id) = (business.number(), u128::from_be_bytes(*message.id().as_bytes()));
    let user = u128::from_be_bytes(*message.user().as_bytes());
    format!("{RECEIVED_MEDIA}{business:0BUSINESS_DIGITS$}{id:0MESSAGE_DIGITS$}{user:0USER_DIGITS$}")
}

#[cfg(test)]
mod tests {
    use bulla_base::{MessageId, SeededRng, Timestamp};

    use super::*;

    #[test]
    fn a_message_is_named_in_49_characters() {
        let id = MessageId::new(Timestamp::from_millis(1_795_293_590_960), &SeededRng::new(1));
        let mut bytes = [0xff; MessageRef::BYTES];
        bytes[..16].copy_from_slice(id.as_bytes());
        let name = message(MessageRef::from_bytes(bytes).unwrap());
        assert_eq!(name.len(), 49);
        assert!(name.starts_with("wamid.") && name.ends_with("___8"), "{name}");
    }

    #[test]
    fn what_has_come_with_a_message_is_named_in_99_digits() {
        let id = MessageId::new(Timestamp::from_millis(1_795_293_590_960), &SeededRng::new(1));
        let mut bytes = [0xff; MessageRef::BYTES];
        bytes[..16].copy_from_slice(id.as_bytes());
        let name = media(PhoneNumberId::new(7), MessageRef::from_bytes(bytes).unwrap());
        assert!(name.len() == 99 && name.bytes().all(|byte| byte.is_ascii_digit()), "{name}");
        assert!(
            name.starts_with("200000000000000000007") && name.ends_with(&u128::MAX.to_string()),
            "{name}"
        );
    }

    #[test]
    fn a_user_is_named_in_39_digits() {
        let id = UserId::from_bytes([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(user(id), "ZZ.000000000000000000000000000000000000258");
        assert_eq!(user(UserId::from_bytes([0xff; 16])), format!("ZZ.{}", u128::MAX));
    }
}
