#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`Number`], [`PhoneNumberId`], [`Party`] and [`Address`] say who, [`MessageId`] and [`Category`] what,
//! [`Timestamp`] and [`Day`] when; [`Clock`] and [`Rng`] are the ports.

mod address;
mod business;
mod category;
mod clock;
mod error;
mod hex;
mod message_id;
mod number;
mod partition;
mod protobuf;
mod rng;
mod time;
mod trace;

pub use address::{Address, DeviceId, Party};
pub use business::{BusinessAccountId, PhoneNumberId};
pub use category::Category;
pub use clock::{Clock, ManualClock, Sleep};
pub use error::InvalidWord;
pub use message_id::MessageId;
pub use number::{MAX_NUMBER_DIGITS, Number};
pub use partition::{Partition, Pepper};
pub use protobuf::is_flat;
pub use rng::{Draw, Rng, SeededRng};
pub use time::{Day, Timestamp};
pub use trace::{HASHING, without_trace};
