//! How media is named to the outside.
//!
//! ```text
//! upload                      1 ‖ business's number (20 digits) ‖ id (39)
//! came with a user's message  2 ‖ business's number (20) ‖ the message's id (39) ‖ the user's (39)
//! ```
//!
//! Clients take it for opaque text; but some of them tell an id from the name of a file by its being digits.
//! The number stands in it because a request about media names none beside it, and its token may open
//! several.

use bulla_base::PhoneNumberId;
use bulla_relay::{MediaId, MessageRef};

/// No zero: whoever drops those in front loses no digit.
const UPLOAD: &str = "1";
const RECEIVED: &str = "2";
const BUSINESS_DIGITS: usize = 20;
const ID_DIGITS: usize = 39;

/// The name of `media` of `business`.
pub(crate) fn write(business: PhoneNumberId, media: MediaId) -> String {
    let (business, id) = (business.number(), u128::from_be_bytes(media.to_bytes()));
    match media.message() {
        None => format!("{UPLOAD}{business:0BUSINESS_DIGITS$}{id:0ID_DIGITS$}"),
        Some(message) => {
            let user = u128::from_be_bytes(*message.user().as_bytes());
            format!("{RECEIVED}{business:0BUSINESS_DIGITS$}{id:0ID_DIGITS$}{user:0ID_DIGITS$}")
        }
    }
}

/// What [`write`] named so; nothing when it is not a name that `write` gives.
pub(crate) fn read(name: &str) -> Option<(PhoneNumberId, MediaId)> {
    let (first, digits) = name.split_at_checked(UPLOAD.len())?;
    // A parser would take a sign for a digit.
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (business, ids) = digits.split_at_checked(BUSINESS_DIGITS)?;
    let (id, user) = ids.split_at_checked(ID_DIGITS)?;
    let bytes = |digits: &str| Some(digits.parse::<u128>().ok()?.to_be_bytes());
    // Of one length, so that media has one name.
    let media = match (first, user.len()) {
        (UPLOAD, 0) => MediaId::from_bytes(bytes(id)?).ok()?,
        (RECEIVED, ID_DIGITS) => {
            let message = [bytes(id)?, bytes(user)?].concat().try_into().ok()?;
            MediaId::of_message(MessageRef::from_bytes(message).ok()?)
        }
        _ => return None,
    };
    Some((PhoneNumberId::new(business.parse().ok()?), media))
}

/// What the id of an upload in several parts begins with, as clients know it.
const SESSION: &str = "upload:";

/// The same in a path, as some clients write it.
const SESSION_IN_PATH: &str = "upload%3A";

/// What the handle of one begins with when it is finished: some clients know a handle by it.
const HANDLE: &str = "4:";

/// The id of an upload in several parts that is not finished.
pub(crate) fn write_session(business: PhoneNumberId, media: MediaId) -> String {
    format!("{SESSION}{}", write(business, media))
}

/// What [`write_session`] named so.
pub(crate) fn read_session(name: &str) -> Option<(PhoneNumberId, MediaId)> {
    let name = name.strip_prefix(SESSION).or_else(|| name.strip_prefix(SESSION_IN_PATH))?;
    read(name).filter(|(_, media)| media.message().is_none())
}

/// The handle of what was uploaded in several parts.
pub(crate) fn write_handle(business: PhoneNumberId, media: MediaId) -> String {
    format!("{HANDLE}{}", write(business, media))
}

/// What [`write_handle`] named so.
pub(crate) fn read_handle(handle: &str) -> Option<(PhoneNumberId, MediaId)> {
    read(handle.strip_prefix(HANDLE)?).filter(|(_, media)| media.message().is_none())
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
    fn a_session_and_its_handle_lead_back_to_the_upload() {
        let business = PhoneNumberId::new(7);
        let (session, handle) = (write_session(business, media()), write_handle(business, media()));
        assert!(session.starts_with("upload:1") && handle.starts_with("4:1"), "{session} {handle}");
        for name in [&session, &session.replacen(':', "%3A", 1)] {
            assert_eq!(read_session(name), Some((business, media())), "{name}");
        }
        let mut bytes = [0xa5; MessageRef::BYTES];
        bytes[..16].copy_from_slice(&media().to_bytes());
        let came = MediaId::of_message(MessageRef::from_bytes(bytes).unwrap());
        assert_eq!(read_session(&write_session(business, came)), None);
        assert_eq!(read_handle(&write_handle(business, came)), None);
        assert_eq!(read_handle(&handle), Some((business, media())));
        for text in ["", "4:", "4:aW1hZ2U=", &session, &write(business, media())] {
            assert_eq!(read_handle(text), None, "{text}");
        }
    }

    #[test]
    fn what_has_come_with_a_message_is_named_by_it() {
        let mut bytes = [0xa5; MessageRef::BYTES];
        bytes[..16].copy_from_slice(&media().to_bytes());
        for user in [0x00, 0xa5, 0xff] {
            bytes[16..].fill(user);
            let of_message = MediaId::of_message(MessageRef::from_bytes(bytes).unwrap());
            let name = write(PhoneNumberId::new(7), of_message);
            assert!(name.len() == 99 && name.bytes().all(|byte| byte.is_ascii_digit()), "{name}");
            assert_eq!(read(&name), Some((PhoneNumberId::new(7), of_message)));
            let ((_, rest), (short, _), (start, _)) =
                (name.split_at(1), name.split_at(98), name.split_at(60));
            for text in [&format!("1{rest}"), &format!("3{rest}"), &format!("{name}0"), short, start] {
                assert_eq!(read(text), None, "{text}");
            }
            assert_eq!(read(&format!("{start}{}", "9".repeat(39))), None, "more than an id can be");
        }
    }

    #[test]
    fn only_names_that_were_given_are_read() {
        let name = write(PhoneNumberId::new(7), media());
        let ((of_number, of_id), (_, short)) = (name.split_at(21), name.split_at(1));
        for text in [
            "",
            "1",
            "é",
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
