//! Every bound of the words that the crates share.

/// The most digits a phone number has, by ITU-T E.164.
pub const MAX_NUMBER_DIGITS: usize = 15;
