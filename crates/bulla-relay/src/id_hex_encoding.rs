//! The text form of ids: lower-case hexadecimal digits, so that an id has one form and no other.

use std::fmt;
use std::str::FromStr;

use bulla_base::MessageId;
use thiserror::Error;

use crate::{MessageRef, UserId};

/// A text that is no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidId {
    /// It is no [`UserId`].
    #[error("a user id is 32 lower-case hexadecimal digits")]
    User,
    /// It is no [`MessageRef`].
    #[error(
        "a reference is a message id and a user id, each of 32 lower-case hexadecimal digits, with a hyphen between them"
    )]
    MessageRef,
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for UserId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let digits = text.as_bytes();
        if digits.len() != 32 {
            return Err(InvalidId::User);
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Ok(Self::from_bytes(bytes))
    }
}

const fn nibble(digit: u8) -> Result<u8, InvalidId> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(InvalidId::User),
    }
}

impl fmt::Display for MessageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.id(), self.user())
    }
}

impl FromStr for MessageRef {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (id, user) = text.split_once('-').ok_or(InvalidId::MessageRef)?;
        let id = MessageId::parse(id).map_err(|_| InvalidId::MessageRef)?;
        Ok(Self::new(id, user.parse().map_err(|_| InvalidId::MessageRef)?))
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::{SeededRng, Timestamp};

    use super::*;

    #[test]
    fn ids_come_back_from_their_text() {
        let rng = SeededRng::new(1);
        for seed in 0..=u8::MAX {
            let user = UserId::from_bytes([seed; 16]);
            assert_eq!(user.to_string().parse(), Ok(user));
            let reference =
                MessageRef::new(MessageId::new(Timestamp::from_millis(u64::from(seed)), &rng), user);
            assert_eq!(reference.to_string().parse(), Ok(reference));
        }
        assert_eq!(UserId::from_bytes([0xa7; 16]).to_string(), "a7".repeat(16));
    }

    #[test]
    fn other_texts_are_no_ids() {
        let user = UserId::from_bytes([0xab; 16]).to_string();
        let (long, short) = (format!("{user}0"), "ab".repeat(15) + "a");
        for text in ["", "ab", &short, &long, &user.to_uppercase(), &user.replace('b', "g"), &"é".repeat(16)]
        {
            assert_eq!(text.parse::<UserId>(), Err(InvalidId::User), "{text}");
            assert_eq!(format!("{user}-{text}").parse::<MessageRef>(), Err(InvalidId::MessageRef), "{text}");
        }
        let reference = MessageRef::new(
            MessageId::new(Timestamp::default(), &SeededRng::new(1)),
            UserId::from_bytes([1; 16]),
        );
        let text = reference.to_string();
        for text in
            [text.replace('-', ""), text.replace('-', "--"), text.replace('-', ":"), format!("{text}-")]
        {
            assert_eq!(text.parse::<MessageRef>(), Err(InvalidId::MessageRef), "{text}");
        }
    }
}
