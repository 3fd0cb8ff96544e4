use std::fmt;

use crate::{Day, InvalidWord, Rng, Timestamp, hex};

/// A message's id: a UUID of version 7 (RFC 9562 §5.7), so that the day it belongs to can be read from it.
///
/// The other 74 bits are random: an id tells nothing about who writes to whom.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId([u8; 16]);

impl MessageId {
    /// A fresh id for a message made `now`.
    #[must_use]
    pub fn new(now: Timestamp, rng: &dyn Rng) -> Self {
        let mut bytes = [0; 16];
        rng.fill(&mut bytes[6..]);
        bytes[..6].copy_from_slice(&now.as_millis().to_be_bytes()[2..]);
        bytes[6] = 0x70 | bytes[6] & 0x0f;
        bytes[8] = 0x80 | bytes[8] & 0x3f;
        Self(bytes)
    }

    /// Reads an id from its sixteen bytes.
    ///
    /// # Errors
    /// When they are not a UUID of version 7.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidWord> {
        match <[u8; 16]>::try_from(bytes) {
            Ok(bytes) if bytes[6] >> 4 == 7 && bytes[8] >> 6 == 0b10 => Ok(Self(bytes)),
            _ => Err(InvalidWord::new("message id", "it must be the 16 bytes of a version 7 UUID")),
        }
    }

    /// Reads an id from the 32 lower-case hexadecimal digits its `Display` writes.
    ///
    /// # Errors
    /// When the text is of another form.
    pub fn parse(text: &str) -> Result<Self, InvalidWord> {
        let bytes: [u8; 16] =
            hex::decode(text).ok_or(InvalidWord::new("message id", "it must be 32 hexadecimal digits"))?;
        Self::from_bytes(&bytes)
    }

    /// The id's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// When the message was made, as its maker's clock had it.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        let mut millis = [0; 8];
        millis[2..].copy_from_slice(&self.0[..6]);
        Timestamp::from_millis(u64::from_be_bytes(millis))
    }

    /// The day the message was made on, under which all about it is kept.
    #[must_use]
    pub fn day(&self) -> Day {
        self.time().day()
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededRng;

    #[test]
    fn an_id_knows_its_time_and_comes_back_from_text_and_bytes() {
        let now = Timestamp::from_millis(1_795_293_590_960);
        let rng = SeededRng::new(1);
        let id = MessageId::new(now, &rng);
        assert_eq!(id.time(), now);
        assert_eq!(MessageId::parse(&id.to_string()).unwrap(), id);
        assert_eq!(MessageId::from_bytes(id.as_bytes()).unwrap(), id);
        assert_ne!(MessageId::new(now, &rng), id);
    }

    #[test]
    fn other_uuids_are_refused() {
        let id = MessageId::new(Timestamp::from_millis(1), &SeededRng::new(1));
        let mut version_4 = *id.as_bytes();
        version_4[6] = 0x40;
        assert!(MessageId::from_bytes(&version_4).is_err());
        let mut variant = *id.as_bytes();
        variant[8] = 0xff;
        assert!(MessageId::from_bytes(&variant).is_err());
        assert!(MessageId::from_bytes(&[0; 15]).is_err());
        assert!(MessageId::parse("zz").is_err());
    }
}
