//! The rows that hold one or two plain values, as they are read back.

use bulla_base::{DeviceId, MessageId, Number, Timestamp};
use bulla_meter::LocalDate;
use bulla_store::StoreError;

/// The number of a user, in digits.
pub(crate) fn contact(bytes: &[u8]) -> Result<Number, StoreError> {
    let digits = std::str::from_utf8(bytes).map_err(|_| StoreError::Damaged { what: "number" })?;
    Number::parse(digits).map_err(|_| StoreError::Damaged { what: "number" })
}

/// The message that was sent under an idempotency key (16 bytes), and the fingerprint of what was asked for.
pub(crate) fn sent_once(bytes: &[u8]) -> Result<(MessageId, &[u8]), StoreError> {
    let (id, fingerprint) = bytes.split_at_checked(16).unwrap_or_default();
    let id = MessageId::from_bytes(id).map_err(|_| StoreError::Damaged { what: "idempotency key" })?;
    Ok((id, fingerprint))
}

/// How many bytes an upload will have (u64, big-endian), and what it is said to be.
pub(crate) fn upload(bytes: &[u8]) -> Result<(u64, &str), StoreError> {
    let damaged = || StoreError::Damaged { what: "upload" };
    let (size, media_type) = bytes.split_first_chunk().ok_or_else(damaged)?;
    Ok((u64::from_be_bytes(*size), std::str::from_utf8(media_type).map_err(|_| damaged())?))
}

/// When the business last wrote to a user outside of a window (milliseconds, u64, big-endian).
pub(crate) fn recipient(bytes: &[u8]) -> Result<Timestamp, StoreError> {
    let at = bytes.try_into().map(u64::from_be_bytes);
    at.map(Timestamp::from_millis).map_err(|_| StoreError::Damaged { what: "recipient" })
}

/// Of which month an account was told a tier (its first day, u32, big-endian), and how many units come before
/// that (u64).
pub(crate) fn volume_tier(bytes: &[u8]) -> Result<(LocalDate, u64), StoreError> {
    let damaged = || StoreError::Damaged { what: "volume tier" };
    let (day, above) = bytes.split_first_chunk().ok_or_else(damaged)?;
    let above = above.try_into().map(u64::from_be_bytes).map_err(|_| damaged())?;
    Ok((LocalDate::from_days(u32::from_be_bytes(*day)), above))
}

pub(crate) fn from_volume_tier(month: LocalDate, above: u64) -> Vec<u8> {
    [&month.days().to_be_bytes()[..], &above.to_be_bytes()].concat()
}

/// The device that has sent a message which was opened (one byte).
pub(crate) fn opened(bytes: &[u8]) -> Result<DeviceId, StoreError> {
    let device = bytes.first().and_then(|device| DeviceId::new(*device).ok());
    device.ok_or(StoreError::Damaged { what: "opened message" })
}
