//! Every bound of the words that the crates share.

/// The most digits a phone number has, by ITU-T E.164.
pub const MAX_NUMBER_DIGITS: usize = 15;

/// The most devices a user has, and the highest number of one. Another is refused where its id is made.
pub const MAX_DEVICES: u8 = 10;
