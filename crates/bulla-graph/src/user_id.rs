//! How a user is named to a business without their number: `ZZ.` and the id as a decimal number of 39 digits.
//!
//! In the original the first two letters are the user's country. `ZZ` is the country nobody has: it is not
//! told. What follows must be digits: some clients take anything else for the id of a group.

use bulla_relay::UserId;

const PREFIX: &str = "ZZ.";

/// As many digits as 2¹²⁸ − 1 has.
const DIGITS: usize = 39;

/// The id with this name; nothing when no user is named so. Webhooks write the names.
pub(crate) fn read(name: &str) -> Option<UserId> {
    let digits = name.strip_prefix(PREFIX)?;
    if digits.len() != DIGITS || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u128>().ok().map(|number| UserId::from_bytes(number.to_be_bytes()))
}

/// The name of a user.
pub(crate) fn write(user: UserId) -> String {
    format!("{PREFIX}{:0DIGITS$}", u128::from_be_bytes(*user.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_back_to_its_user() {
        let user = UserId::from_bytes([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(read("ZZ.000000000000000000000000000000000000258"), Some(user));
        for user in [user, UserId::from_bytes([0; 16]), UserId::from_bytes([0xff; 16])] {
            assert_eq!(read(&write(user)), Some(user));
        }
    }

    #[test]
    fn only_names_that_were_given_are_read() {
        let name = write(UserId::from_bytes([0xab; 16]));
        for text in [
            "",
            "ZZ.",
            "US.13491208655302741918",
            name.trim_start_matches("ZZ."),
            &format!("ZZ.{}", "0".repeat(DIGITS - 1)),
            &format!("ZZ.+{}", "0".repeat(DIGITS - 1)),
            &format!("ZZ.{}", "9".repeat(DIGITS)),
            &format!("{name}0"),
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
