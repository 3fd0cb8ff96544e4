//! The numbers of the business and the users.

use bulla::relay::Business;
use bulla_base::{Address, BusinessAccountId, DeviceId, Number, Party, PhoneNumberId};

/// The business's number, by its id.
pub(crate) const BUSINESS: PhoneNumberId = PhoneNumberId::new(106_540_352_242_922);

/// The business.
pub(crate) fn business() -> Business {
    Business::new(BUSINESS, BusinessAccountId::new(1), Number::parse("15550783881").unwrap())
}

/// The number of a user.
pub(crate) fn number(user: usize) -> Number {
    Number::parse(&format!("1650555{user:04}")).unwrap()
}

/// A device of a user.
pub(crate) fn device_address(user: usize, device: u8) -> Address {
    Address::new(Party::User(number(user)), DeviceId::new(device).unwrap())
}

/// The user with a number.
pub(crate) fn user_of(number: &Number) -> usize {
    number.digits().get(7..).and_then(|digits| digits.parse().ok()).unwrap()
}
