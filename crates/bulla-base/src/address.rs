use crate::{InvalidWord, MAX_DEVICES, Number, PhoneNumberId};

/// One of a party's devices, 1 to [`MAX_DEVICES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(u8);

impl DeviceId {
    /// A party's first device. A business has no other.
    pub const PRIMARY: Self = Self(1);

    /// The device with this number.
    ///
    /// # Errors
    /// When the number is 0 or above [`MAX_DEVICES`].
    pub const fn new(number: u8) -> Result<Self, InvalidWord> {
        match number {
            1..=MAX_DEVICES => Ok(Self(number)),
            _ => Err(InvalidWord::new("device id", "it must be 1 to 10")),
        }
    }

    /// The device's number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// Who writes or is written to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Party {
    /// A consumer, known by a phone number.
    User(Number),
    /// A business, known by one of its sending numbers.
    Business(PhoneNumberId),
}

impl Party {
    /// Reads what [`Party::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the bytes are of neither form. Only the one form that `to_bytes` writes is read.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidWord> {
        let invalid = InvalidWord::new("party", "it must be `u` and digits, or `b` and 8 bytes");
        let (kind, rest) = bytes.split_first().ok_or_else(|| invalid.clone())?;
        match kind {
            b'u' => {
                let digits = std::str::from_utf8(rest).map_err(|_| invalid.clone())?;
                let number = Number::parse(digits)?;
                if number.digits() == digits { Ok(Self::User(number)) } else { Err(invalid) }
            }
            b'b' => {
                let id = rest.try_into().map_err(|_| invalid)?;
                Ok(Self::Business(PhoneNumberId::new(u64::from_be_bytes(id))))
            }
            _ => Err(invalid),
        }
    }

    /// The party as bytes: `u` and the digits, or `b` and the id as 8 bytes, big-endian.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::User(number) => [b"u", number.digits().as_bytes()].concat(),
            Self::Business(id) => [b"b".as_slice(), &id.number().to_be_bytes()].concat(),
        }
    }
}

/// One device of one party: where an envelope comes from or goes to, and the other end of a session.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    party: Party,
    device: DeviceId,
}

impl Address {
    /// The device `device` of `party`.
    #[must_use]
    pub const fn new(party: Party, device: DeviceId) -> Self {
        Self { party, device }
    }

    /// The first device of the user with this number.
    #[must_use]
    pub const fn user(number: Number) -> Self {
        Self::new(Party::User(number), DeviceId::PRIMARY)
    }

    /// The one device of the business number with this id.
    #[must_use]
    pub const fn business(id: PhoneNumberId) -> Self {
        Self::new(Party::Business(id), DeviceId::PRIMARY)
    }

    /// Reads what [`Address::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the bytes are not of that form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidWord> {
        let (device, party) = bytes.split_first().ok_or(InvalidWord::new("address", "it is empty"))?;
        Ok(Self::new(Party::from_bytes(party)?, DeviceId::new(*device)?))
    }

    /// Whose device it is.
    #[must_use]
    pub const fn party(&self) -> &Party {
        &self.party
    }

    /// Which of the party's devices it is.
    #[must_use]
    pub const fn device(&self) -> DeviceId {
        self.device
    }

    /// The address as bytes: the device's number, then the party (at most 17 bytes in all).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.device.number()];
        bytes.extend_from_slice(&self.party.to_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_back_from_their_bytes() {
        let user = Address::user(Number::parse("16505551234").unwrap());
        let business = Address::business(PhoneNumberId::new(106_540_352_242_922));
        for address in [user, business] {
            assert_eq!(Address::from_bytes(&address.to_bytes()).unwrap(), address);
        }
    }

    #[test]
    fn a_user_has_ten_devices_and_an_eleventh_is_refused() {
        let user = Party::User(Number::parse("16505551234").unwrap());
        let tenth = Address::new(user, DeviceId::new(MAX_DEVICES).unwrap());
        assert_eq!(Address::from_bytes(&tenth.to_bytes()).unwrap(), tenth);
        for beyond in [0, MAX_DEVICES + 1, u8::MAX] {
            let refused = DeviceId::new(beyond).unwrap_err();
            assert_eq!(refused.to_string(), "not a device id: it must be 1 to 10");
        }
        assert_eq!(MAX_DEVICES, 10);
    }

    #[test]
    fn only_the_written_form_is_read() {
        for bytes in
            [&b""[..], b"\x01", b"\x01u", b"\x01u+1650", b"\x01b123", b"\x00u1650", b"\x0bu1650", b"\x01x1"]
        {
            assert!(Address::from_bytes(bytes).is_err(), "{bytes:?}");
        }
    }
}
