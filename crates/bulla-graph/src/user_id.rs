//! How a user is named to a business without their number: `ZZ.` and the id in 32 upper-case hexadecimal digits.
//!
//! In the original the first two letters are the user's country. `ZZ` is the country nobody has: it is not told.

use std::fmt::Write;

use bulla_relay::UserId;

const PREFIX: &str = "ZZ.";

/// The name of the user with this id.
pub(crate) fn write(user: UserId) -> String {
    let mut name = String::with_capacity(PREFIX.len() + 32);
    name.push_str(PREFIX);
    for byte in user.as_bytes() {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02X}");
    }
    name
}

/// The id that [`write`] named so; nothing when it is not a name that `write` gives.
pub(crate) fn read(name: &str) -> Option<UserId> {
    let digits = name.strip_prefix(PREFIX)?.as_bytes();
    let (pairs, rest) = digits.as_chunks::<2>();
    let mut bytes = [0; 16];
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(UserId::from_bytes(bytes))
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_back_to_its_user() {
        let user = UserId::from_bytes(*b"\x00\x01\x0a\xa0\xff5678901234\x80");
        assert_eq!(write(user), "ZZ.00010AA0FF3536373839303132333480");
        assert_eq!(read(&write(user)), Some(user));
    }

    #[test]
    fn only_names_that_were_given_are_read() {
        let name = write(UserId::from_bytes([0xab; 16]));
        let lower = name.replace("AB", "ab");
        let longer = format!("{name}00");
        for text in [
            "",
            "ZZ.",
            "US.13491208655302741918",
            name.trim_start_matches("ZZ."),
            &format!("ZZ.{}", "0".repeat(31)),
            &longer,
            &lower,
            &name.replace('A', "é"),
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
