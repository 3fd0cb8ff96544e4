#![doc = include_str!("../README.md")]

mod device;
mod error;
mod notice;
mod space;

pub use device::Device;
pub use error::{DeviceError, SendError};
pub use notice::{News, Notice};
