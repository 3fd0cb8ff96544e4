//! What a call about a blob fails with, as the wire says it.

use bytes::Bytes;
use prost::Message;
use tonic::{Code, Status};

use crate::grpc::codec;
use crate::grpc::proto::{BlobReason, BlobRefusal, Refusal};
use crate::grpc::refusal::{detail, error_of, status_with};
use crate::{BlobError, TransportError};

/// What Protocol Buffers call our message where any may stand.
const TYPE_URL: &str = "type.googleapis.com/bulla.carrier.v1.BlobRefusal";

/// The fields that are refused by name. A carrier that is newer than this client may name others.
const FIELDS: [&str; 11] = [
    "blob",
    "blob (bytes)",
    "blobs (bytes)",
    "blobs",
    "data",
    "frame (bytes)",
    "open",
    "part (bytes)",
    "range (bytes)",
    "unfinished blobs",
    "upload (bytes)",
];

impl BlobRefusal {
    /// Why `error` refuses, unless it is an error of any call.
    fn of(error: &BlobError) -> Result<Self, &TransportError> {
        let because = |reason: BlobReason| Self { reason: reason.into(), ..Self::default() };
        Ok(match error {
            BlobError::Transport(error) => return Err(error),
            BlobError::NotOffered => because(BlobReason::NotOffered),
            BlobError::Unknown => because(BlobReason::Unknown),
            BlobError::Incomplete => because(BlobReason::Incomplete),
            BlobError::Taken => because(BlobReason::Taken),
            BlobError::Gap { offset, stored } => {
                Self { actual: *offset, stored: *stored, ..because(BlobReason::Gap) }
            }
            BlobError::NoBucket { actual } => Self { actual: *actual, ..because(BlobReason::NoBucket) },
            BlobError::TooLarge { field, actual, limit } => {
                because(BlobReason::TooLarge).named(field, *actual, *limit)
            }
            BlobError::Invalid { field } => because(BlobReason::Invalid).named(field, 0, 0),
            BlobError::Quota { field, actual, limit } => {
                because(BlobReason::Quota).named(field, *actual, *limit)
            }
            BlobError::StorageFull => because(BlobReason::StorageFull),
        })
    }

    fn named(self, field: &str, actual: u64, limit: u64) -> Self {
        Self { field: field.to_owned(), actual, limit, ..self }
    }

    fn into_error(self) -> BlobError {
        let field = FIELDS.iter().find(|field| **field == self.field);
        let field = field.copied().unwrap_or("a field that this version does not know");
        let Self { actual, limit, stored, .. } = self;
        match self.reason() {
            BlobReason::Unspecified => {
                BlobError::Invalid { field: "what this version of the carrier asks for" }
            }
            BlobReason::NotOffered => BlobError::NotOffered,
            BlobReason::Unknown => BlobError::Unknown,
            BlobReason::Incomplete => BlobError::Incomplete,
            BlobReason::Taken => BlobError::Taken,
            BlobReason::Gap => BlobError::Gap { offset: actual, stored },
            BlobReason::NoBucket => BlobError::NoBucket { actual },
            BlobReason::TooLarge => BlobError::TooLarge { field, actual, limit },
            BlobReason::Invalid => BlobError::Invalid { field },
            BlobReason::Quota => BlobError::Quota { field, actual, limit },
            BlobReason::StorageFull => BlobError::StorageFull,
        }
    }

    fn code(&self) -> Code {
        match self.reason() {
            BlobReason::NotOffered => Code::Unimplemented,
            BlobReason::Unknown => Code::NotFound,
            BlobReason::Taken => Code::AlreadyExists,
            BlobReason::Incomplete | BlobReason::Gap => Code::FailedPrecondition,
            BlobReason::NoBucket | BlobReason::TooLarge | BlobReason::Invalid => Code::InvalidArgument,
            BlobReason::Quota | BlobReason::StorageFull => Code::ResourceExhausted,
            BlobReason::Unspecified => Code::Unknown,
        }
    }
}

/// The status with which a call about a blob ends that `error` refuses.
#[must_use]
pub fn blob_status(error: &BlobError) -> Status {
    match BlobRefusal::of(error) {
        Ok(refusal) => {
            let value = Bytes::from(refusal.encode_to_vec());
            status_with(refusal.code(), error.to_string(), TYPE_URL, value)
        }
        Err(error) => Refusal::of(error).into_status(),
    }
}

/// What became of a call about a blob that ended with `status`.
pub(crate) fn blob_error_of(status: Status) -> BlobError {
    let refusal = detail(&status, TYPE_URL).and_then(|value| codec::decode::<BlobRefusal>(value).ok());
    match refusal {
        Some(refusal) => refusal.into_error(),
        None => error_of(status).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_comes_back_from_a_status() {
        let mut errors = vec![
            BlobError::NotOffered,
            BlobError::Unknown,
            BlobError::Incomplete,
            BlobError::Taken,
            BlobError::Gap { offset: 9, stored: 3 },
            BlobError::NoBucket { actual: 5 },
            BlobError::StorageFull,
            TransportError::Unproven.into(),
        ];
        for field in FIELDS {
            errors.push(BlobError::Invalid { field });
            errors.push(BlobError::TooLarge { field, actual: u64::MAX, limit: 7 });
            errors.push(BlobError::Quota { field, actual: 8, limit: 7 });
        }
        for error in errors {
            let status = blob_status(&error);
            assert_eq!(status.message(), error.to_string());
            assert_eq!(format!("{:?}", blob_error_of(status)), format!("{error:?}"));
        }
    }

    #[test]
    fn what_is_not_known_is_not_repeated_and_what_is_spoilt_is_the_networks() {
        let unknown = BlobRefusal { reason: 99, ..BlobRefusal::default() };
        assert!(!unknown.into_error().may_pass());
        let spoilt = status_with(Code::NotFound, String::new(), TYPE_URL, Bytes::from_static(&[0x7b]));
        assert!(matches!(
            blob_error_of(spoilt),
            BlobError::Transport(TransportError::Unavailable { source: Some(_) })
        ));
    }
}
