#![doc = include_str!("../README.md")]

mod device;
mod error;
mod metrics;
mod notice;
mod space;

pub use bulla_endpoint::SafetyNumber;
pub use bulla_transport::Proof;
pub use device::Device;
pub use error::{DeviceError, SendError};
pub use notice::{News, Notice};
