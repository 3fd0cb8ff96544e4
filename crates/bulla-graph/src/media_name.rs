//! How media is named to the outside: by 60 decimal digits, a 1, the business's number in 20 and the id in
//! 39.
//!
//! Clients take it for opaque text; but some of them tell an id from the name of a file by its being digits.
//! The number stands in it because a request about media names none beside it, and its token may open
//! several.

use bulla_base::PhoneNumberId;
use bulla_relay::MediaId;

/// So that a client which makes a number of it loses no digit.
const FIRST: &str = "1";
const BUSINESS_DIGITS: usize = 20;
const ID_DIGITS: usize = 39;

/// The name of `media` of `business`.
pub(crate) fn write(business: PhoneNumberId, media: MediaId) -> String {
    let (business, id) = (business.number(), u128::from_be_bytes(media.to_bytes()));
    format!("{FIRST}{business:0BUSINESS_DIGITS$}{id:0ID_DIGITS$}")
}

/// What [`write`] named so; nothing when it is not a name that `write` gives.
pub(crate) fn read(name: &str) -> Option<(PhoneNumberId, MediaId)> {
    let digits = name.strip_prefix(FIRST)?;
    // Of one length, so that media has one name; and a parser would take a sign for a digit.
    if digits.len() != BUSINESS_DIGITS + ID_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (business, id) = digits.split_at_checked(BUSINESS_DIGITS)?;
    let media = MediaId::from_bytes(id.parse::<u128>().ok()?.to_be_bytes()).ok()?;
    Some((PhoneNumberId::new(business.parse().ok()?), media))
}

#[cfg(test)]
mod tests {
    use bulla_base::{MessageId, SeededRng, Timestamp};

    use super::*;

    fn media() -> MediaId {
        let id = MessageId::new(Timestamp::from_millis(1_795_293_590_960), &SeededRng::new(1));
        MediaId::from_bytes(*id.as_bytes()).unwrap()
    }

    #[test]
    fn a_name_is_digits_and_leads_back_to_its_media() {
        for business in [0, 106_540_352_242_922, u64::MAX].map(PhoneNumberId::new) {
            let name = write(business, media());
            assert!(name.len() == 60 && name.bytes().all(|byte| byte.is_ascii_digit()), "{name}");
            assert_eq!(read(&name), Some((business, media())));
        }
    }

    #[test]
    fn only_names_that_were_given_are_read() {
        let name = write(PhoneNumberId::new(7), media());
        let ((of_number, of_id), (_, short)) = (name.split_at(21), name.split_at(1));
        for text in [
            "",
            "1",
            "900000000000008",
            short,
            &format!("{name}0"),
            &format!("2{short}"),
            &name.replacen('0', "+", 1),
            // More than a number can be, more than an id can be, and an id of another kind.
            &format!("1{}{of_id}", "9".repeat(20)),
            &format!("{of_number}{}", "9".repeat(39)),
            &format!("{of_number}{}", "0".repeat(39)),
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
