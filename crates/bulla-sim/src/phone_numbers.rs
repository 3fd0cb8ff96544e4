//! The numbers of the business and the users.

use bulla::relay::Business;
use bulla_base::{BusinessAccountId, Number, PhoneNumberId};

/// The business's number, by its id.
pub(crate) const BUSINESS: PhoneNumberId = PhoneNumberId::new(106_540_352_242_922);

/// The business.
pub(crate) fn business() -> Business {
    Business::new(BUSINESS, BusinessAccountId::new(1), Number::parse("15550783881").unwrap())
}

/// What the numbers of users begin with who are in different countries.
const ABROAD: [&str; 3] = ["1650555", "5511987", "9198765"];

/// The number of a user, if all are in one country.
pub(crate) fn number(user: usize) -> Number {
    Number::parse(&format!("1650555{user:04}")).unwrap()
}

/// The number of a user, if each is in another.
pub(crate) fn number_abroad(user: usize) -> Number {
    Number::parse(&format!("{}{user:04}", ABROAD[user % ABROAD.len()])).unwrap()
}

/// The user with a number.
pub(crate) fn user_of(number: &Number) -> usize {
    number.digits().get(7..).and_then(|digits| digits.parse().ok()).unwrap()
}
