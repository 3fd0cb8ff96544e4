#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`Number`], [`PhoneNumberId`], [`Party`], [`Address`] and [`DeviceSet`] say who, [`MessageId`] and
//! [`Category`] what, [`Quality`] and [`Tier`] how a business stands, [`Timestamp`] and [`Day`] when;
//! [`Clock`] and [`Rng`] are the ports; [`Backoff`] and [`Retries`] say how long to wait before what failed
//! is tried again.

mod address;
mod business_ids;
mod device_set;
mod partition;
mod phone_number;

mod category;
mod message_id;

mod quality;
mod tier;

mod clock;
mod time;

mod rng;

mod backoff;

mod stack_wiping;

mod error;
mod hex;
mod limits;
mod protobuf;

pub use address::{Address, DeviceId, Party};
pub use business_ids::{BusinessAccountId, PhoneNumberId};
pub use device_set::DeviceSet;
pub use limits::{MAX_DEVICES, MAX_NUMBER_DIGITS};
pub use partition::{Partition, Pepper};
pub use phone_number::Number;

pub use category::Category;
pub use message_id::MessageId;

pub use quality::Quality;
pub use tier::Tier;

pub use clock::{Clock, ManualClock, Sleep};
pub use time::{Day, Timestamp};

pub use rng::{Draw, Rng, SeededRng};

pub use backoff::{Backoff, InvalidBackoff, Retries, jitter};

pub use stack_wiping::{HASHING_STACK_BYTES, without_trace};

pub use error::InvalidWord;
pub use protobuf::{Nested, flat_fields, is_flat};
