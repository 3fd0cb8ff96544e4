//! What a call fails with, as the wire says it.

use std::time::Duration;

use bulla_base::{DeviceSet, Timestamp};
use bulla_envelope::InvalidEnvelope;
use bytes::Bytes;
use prost::Message;
use tonic::{Code, Status};

use super::codec;
use super::limits::MAX_DETAIL_BYTES;
use super::proto::{self, FieldProblem, IdProblem, Reason, Refusal};
use crate::{IdentityProblem, Incarnation, Restriction, TransportError};

/// What Protocol Buffers call our message where any may stand.
const TYPE_URL: &str = "type.googleapis.com/bulla.carrier.v1.Refusal";

/// What is wrong with an envelope's id, in words and on the wire.
const ID_PROBLEMS: [(&str, IdProblem); 3] = [
    ("that of another envelope", IdProblem::Taken),
    ("older than 30 days", IdProblem::TooOld),
    ("more than a day ahead", IdProblem::TooNew),
];

/// What is missing of a proof of identity, and on the wire.
const IDENTITY_PROBLEMS: [(IdentityProblem, proto::IdentityProblem); 9] = [
    (IdentityProblem::Missing, proto::IdentityProblem::Missing),
    (IdentityProblem::Unknown, proto::IdentityProblem::Unknown),
    (IdentityProblem::OtherConnection, proto::IdentityProblem::OtherConnection),
    (IdentityProblem::OtherCaller, proto::IdentityProblem::OtherCaller),
    (IdentityProblem::Expired, proto::IdentityProblem::Expired),
    (IdentityProblem::NonceUsed, proto::IdentityProblem::NonceUsed),
    (IdentityProblem::Binding, proto::IdentityProblem::Binding),
    (IdentityProblem::OtherKey, proto::IdentityProblem::OtherKey),
    (IdentityProblem::Signature, proto::IdentityProblem::Signature),
];

/// The fields that are refused by name. A carrier that is newer than this client may name others.
const FIELDS: [&str; 45] = [
    "address",
    "answer to a statement",
    "attempt",
    "billing request",
    "caller",
    "deliveries at once",
    "device",
    "device list",
    "device list (bytes)",
    "device list (it is malformed)",
    "device list (it is not of the identity that leaves it)",
    "device list (it is not signed by its first device)",
    "device list (its version is not above that of the one that is kept)",
    "device list (only a user's first device leaves one)",
    "devices",
    "envelope (bytes)",
    "envelopes",
    "envelopes at once",
    "fields of a frame",
    "form",
    "frame",
    "frame (bytes)",
    "franking stamp",
    "franking tag",
    "from",
    "id",
    "identity key",
    "identity key (it must be that of the installation that was registered)",
    "installation",
    "key upload (bytes)",
    "kind",
    "kyber prekey",
    "nonce (bytes)",
    "number acknowledged through",
    "one-time prekey",
    "one-time prekeys",
    "proof (bytes)",
    "report",
    "report (bytes)",
    "sealed (bytes)",
    "sequences at once",
    "signature",
    "signature of the device list",
    "signed prekey",
    "to",
];

impl Refusal {
    /// Why `error` refuses, without anything of what was sent.
    #[must_use]
    pub fn of(error: &TransportError) -> Self {
        match error {
            TransportError::Unavailable { .. } => Self::because(Reason::Unavailable),
            TransportError::CarrierFailed { .. } => Self::because(Reason::CarrierFailed),
            TransportError::Fenced { ours, highest, reinstalled } => Self {
                ours: ours.number(),
                highest: highest.number(),
                reinstalled: *reinstalled,
                ..Self::because(Reason::Fenced)
            },
            TransportError::Unproven => Self::because(Reason::Unproven),
            TransportError::Unauthenticated { problem } => {
                let problem = IDENTITY_PROBLEMS.iter().find(|(ours, _)| ours == problem);
                let problem = problem.map_or(proto::IdentityProblem::Unspecified, |(_, theirs)| *theirs);
                Self { identity_problem: problem.into(), ..Self::because(Reason::Unauthenticated) }
            }
            TransportError::TooManyAttempts { retry_after } => {
                Self { retry_after_seconds: seconds(*retry_after), ..Self::because(Reason::TooManyAttempts) }
            }
            TransportError::UnknownRecipient => Self::because(Reason::UnknownRecipient),
            TransportError::Devices { now } => Self { devices: now.bits(), ..Self::because(Reason::Devices) },
            TransportError::Removed => Self::because(Reason::Removed),
            TransportError::NoKeys => Self::because(Reason::NoKeys),
            TransportError::Reinstalled => Self::because(Reason::Reinstalled),
            TransportError::NotTheSender => Self::because(Reason::NotTheSender),
            TransportError::NoLog => Self::because(Reason::NoLog),
            TransportError::NoReports => Self::because(Reason::NoReports),
            TransportError::NoStatement => Self::because(Reason::NoStatement),
            TransportError::NotProven => Self::because(Reason::NotProven),
            TransportError::Restricted { restriction, until } => Self {
                restriction: proto::Restriction::of(*restriction).into(),
                until_ms: until.map_or(0, Timestamp::as_millis),
                ..Self::because(Reason::Restricted)
            },
            TransportError::TooFast { retry_after } => {
                Self { retry_after_seconds: seconds(*retry_after), ..Self::because(Reason::TooFast) }
            }
            TransportError::MessagingLimit { retry_after } => {
                Self { retry_after_seconds: seconds(*retry_after), ..Self::because(Reason::MessagingLimit) }
            }
            TransportError::MarketingLimit { retry_after } => {
                Self { retry_after_seconds: seconds(*retry_after), ..Self::because(Reason::MarketingLimit) }
            }
            TransportError::Id { why } => {
                let problem = ID_PROBLEMS.iter().find(|(words, _)| words == why);
                let problem = problem.map_or(IdProblem::Unspecified, |(_, problem)| *problem);
                Self { id_problem: problem.into(), ..Self::because(Reason::Id) }
            }
            TransportError::Invalid { source } => Self::invalid(source),
        }
    }

    /// The refusal for this reason.
    #[must_use]
    pub fn because(reason: Reason) -> Self {
        Self { reason: reason.into(), ..Self::default() }
    }

    fn invalid(why: &InvalidEnvelope) -> Self {
        let (problem, field, actual, limit) = match why {
            InvalidEnvelope::Field { field } => (FieldProblem::Missing, *field, 0, 0),
            InvalidEnvelope::TooLarge { field, actual, limit } => {
                (FieldProblem::TooLarge, *field, *actual, *limit)
            }
            InvalidEnvelope::Word { field, .. } => (FieldProblem::NotValid, *field, 0, 0),
            _ => (FieldProblem::Malformed, "", 0, 0),
        };
        let number = |number| u64::try_from(number).unwrap_or(u64::MAX);
        Self {
            field_problem: problem.into(),
            field: field.to_owned(),
            actual: number(actual),
            limit: number(limit),
            ..Self::because(Reason::Invalid)
        }
    }

    /// The refusal in the details of `status`, if its sender has put one there.
    #[must_use]
    pub fn in_status(status: &Status) -> Option<Self> {
        codec::decode(detail(status, TYPE_URL)?).ok()
    }

    /// What the refusal comes to for the caller.
    #[must_use]
    pub fn into_error(self) -> TransportError {
        match self.reason() {
            Reason::Unavailable | Reason::ConflictingStream | Reason::Idle | Reason::ShuttingDown => {
                TransportError::unavailable(self.words())
            }
            Reason::CarrierFailed => TransportError::carrier_failed("the carrier says so"),
            Reason::Fenced => TransportError::Fenced {
                ours: Incarnation::new(self.ours),
                highest: Incarnation::new(self.highest),
                reinstalled: self.reinstalled,
            },
            Reason::Unproven => TransportError::Unproven,
            Reason::Unauthenticated => {
                let problem = IDENTITY_PROBLEMS.iter().find(|(_, theirs)| *theirs == self.identity_problem());
                let problem = problem.map_or(IdentityProblem::Unspecified, |(ours, _)| *ours);
                TransportError::Unauthenticated { problem }
            }
            Reason::TooManyAttempts => TransportError::TooManyAttempts {
                retry_after: Duration::from_secs(u64::from(self.retry_after_seconds)),
            },
            Reason::UnknownRecipient => TransportError::UnknownRecipient,
            Reason::Devices => match DeviceSet::from_bits(self.devices) {
                Ok(now) => TransportError::Devices { now },
                Err(source) => InvalidEnvelope::Word { field: "devices", source }.into(),
            },
            Reason::Removed => TransportError::Removed,
            Reason::NoKeys => TransportError::NoKeys,
            Reason::Reinstalled => TransportError::Reinstalled,
            Reason::NotTheSender => TransportError::NotTheSender,
            Reason::NoLog => TransportError::NoLog,
            Reason::NoStatement => TransportError::NoStatement,
            Reason::NoReports => TransportError::NoReports,
            Reason::NotProven => TransportError::NotProven,
            Reason::Restricted => TransportError::Restricted {
                restriction: self.restriction().known(),
                until: Some(self.until_ms).filter(|until| *until > 0).map(Timestamp::from_millis),
            },
            Reason::TooFast => TransportError::TooFast {
                retry_after: Duration::from_secs(u64::from(self.retry_after_seconds)),
            },
            Reason::MessagingLimit => TransportError::MessagingLimit {
                retry_after: Duration::from_secs(u64::from(self.retry_after_seconds)),
            },
            Reason::MarketingLimit => TransportError::MarketingLimit {
                retry_after: Duration::from_secs(u64::from(self.retry_after_seconds)),
            },
            Reason::Id => {
                let words = ID_PROBLEMS.iter().find(|(_, problem)| *problem == self.id_problem());
                TransportError::Id { why: words.map_or("not one that may be used", |(words, _)| words) }
            }
            Reason::Invalid => self.into_invalid().into(),
            Reason::Unspecified => {
                InvalidEnvelope::Field { field: "what this version of the carrier asks for" }.into()
            }
        }
    }

    fn into_invalid(self) -> InvalidEnvelope {
        let field = FIELDS.iter().find(|field| **field == self.field);
        let field = field.copied().unwrap_or("a field that this version does not know");
        let number = |number| usize::try_from(number).unwrap_or(usize::MAX);
        match self.field_problem() {
            FieldProblem::Malformed => InvalidEnvelope::Malformed,
            FieldProblem::TooLarge => {
                InvalidEnvelope::TooLarge { field, actual: number(self.actual), limit: number(self.limit) }
            }
            FieldProblem::Missing | FieldProblem::NotValid | FieldProblem::Unspecified => {
                InvalidEnvelope::Field { field }
            }
        }
    }

    /// The status with which a call or a stream ends: its code and text for people, the refusal itself for
    /// programs.
    #[must_use]
    pub fn into_status(self) -> Status {
        let code = match self.reason() {
            Reason::Unavailable | Reason::ShuttingDown => Code::Unavailable,
            Reason::CarrierFailed => Code::Internal,
            Reason::Unproven | Reason::Unauthenticated => Code::Unauthenticated,
            Reason::TooManyAttempts | Reason::TooFast | Reason::MessagingLimit | Reason::MarketingLimit => {
                Code::ResourceExhausted
            }
            Reason::UnknownRecipient | Reason::NoLog | Reason::NoStatement => Code::NotFound,
            Reason::NoReports => Code::Unimplemented,
            Reason::Removed | Reason::NotTheSender | Reason::Restricted => Code::PermissionDenied,
            Reason::Fenced | Reason::Devices | Reason::NoKeys | Reason::Reinstalled => {
                Code::FailedPrecondition
            }
            Reason::Id | Reason::Invalid | Reason::NotProven => Code::InvalidArgument,
            Reason::ConflictingStream => Code::Aborted,
            Reason::Idle => Code::DeadlineExceeded,
            Reason::Unspecified => Code::Unknown,
        };
        let (words, value) = (self.words(), Bytes::from(self.encode_to_vec()));
        status_with(code, words, TYPE_URL, value)
    }

    fn words(&self) -> String {
        match self.reason() {
            Reason::ConflictingStream => "the same caller has opened another stream".to_owned(),
            Reason::Idle => "a heartbeat was not answered".to_owned(),
            Reason::ShuttingDown => "the carrier stops".to_owned(),
            Reason::Unavailable => "the carrier cannot answer now".to_owned(),
            Reason::Unspecified => "refused for a reason that this version does not know".to_owned(),
            Reason::Invalid => self.clone().into_invalid().to_string(),
            _ => self.clone().into_error().to_string(),
        }
    }
}

impl proto::Restriction {
    pub(super) const fn of(restriction: Restriction) -> Self {
        match restriction {
            Restriction::Limited => Self::Limited,
            Restriction::Paused => Self::Paused,
            Restriction::Stopped => Self::Stopped,
        }
    }

    /// One that this version does not know is the mildest: what it forbids, the carrier refuses again.
    pub(super) const fn known(self) -> Restriction {
        match self {
            Self::Unspecified | Self::Limited => Restriction::Limited,
            Self::Paused => Restriction::Paused,
            Self::Stopped => Restriction::Stopped,
        }
    }
}

/// As many as are over when it is.
fn seconds(span: Duration) -> u32 {
    u32::try_from(span.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX)
}

/// A status with one message of the type `type_url` in its details.
pub(super) fn status_with(code: Code, words: String, type_url: &str, value: Bytes) -> Status {
    let details = vec![Any { type_url: type_url.to_owned(), value }];
    let details = RpcStatus { code: i32::from(code), message: words.clone(), details };
    Status::with_details(code, words, details.encode_to_vec().into())
}

/// The message of the type `type_url` in the details of `status`, if its sender has put one there.
pub(super) fn detail(status: &Status, type_url: &str) -> Option<Bytes> {
    if status.details().len() > MAX_DETAIL_BYTES {
        return None;
    }
    let details: RpcStatus = codec::decode(Bytes::copy_from_slice(status.details())).ok()?;
    details.details.into_iter().find(|detail| detail.type_url == type_url).map(|detail| detail.value)
}

/// What became of a call that ended with `status`.
pub(crate) fn error_of(status: Status) -> TransportError {
    match Refusal::in_status(&status) {
        Some(refusal) => refusal.into_error(),
        // Whatever stands between us and the carrier, or the carrier's own wire, has said something.
        None => TransportError::unavailable(status),
    }
}

/// `google.rpc.Status`, as every gRPC library reads it from the details of a status.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

impl codec::Bounded for RpcStatus {
    const NESTED: &'static [bulla_base::Nested] = &[bulla_base::Nested { field: 3, within: &[] }];
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "bytes", tag = "2")]
    value: Bytes,
}

#[cfg(test)]
mod tests {
    use bulla_base::{DeviceId, DeviceSet};

    use super::*;

    /// Every error there is, but for the sources of those that have one.
    fn errors() -> Vec<TransportError> {
        let too_large = InvalidEnvelope::TooLarge { field: "sealed (bytes)", actual: 98_305, limit: 98_304 };
        let (ours, highest) = (Incarnation::new(3), Incarnation::new(u64::MAX));
        let mut all = vec![
            TransportError::unavailable("why"),
            TransportError::carrier_failed("why"),
            TransportError::Fenced { ours, highest, reinstalled: false },
            TransportError::Fenced { ours, highest, reinstalled: true },
            TransportError::Unproven,
            TransportError::TooManyAttempts { retry_after: Duration::from_secs(599) },
            TransportError::UnknownRecipient,
            TransportError::Devices { now: DeviceSet::of(DeviceId::new(10).unwrap()) },
            TransportError::Removed,
            TransportError::NoKeys,
            TransportError::Reinstalled,
            TransportError::NotTheSender,
            TransportError::NoLog,
            TransportError::NoReports,
            TransportError::NoStatement,
            TransportError::NotProven,
            TransportError::Restricted {
                restriction: Restriction::Paused,
                until: Some(Timestamp::from_millis(1_795_293_590_960)),
            },
            TransportError::Restricted { restriction: Restriction::Stopped, until: None },
            TransportError::TooFast { retry_after: Duration::from_secs(3_599) },
            TransportError::MessagingLimit { retry_after: Duration::from_secs(86_400) },
            TransportError::MarketingLimit { retry_after: Duration::from_secs(21_600) },
            InvalidEnvelope::Malformed.into(),
            too_large.into(),
        ];
        all.extend(IdentityProblem::ALL.map(|problem| TransportError::Unauthenticated { problem }));
        all.extend(ID_PROBLEMS.map(|(why, _)| TransportError::Id { why }));
        all.extend(FIELDS.map(|field| InvalidEnvelope::Field { field }.into()));
        all
    }

    /// All of an error but its source, which stays where it happened.
    fn told(error: &TransportError) -> String {
        match error {
            TransportError::Unavailable { .. } | TransportError::CarrierFailed { .. } => error.to_string(),
            _ => format!("{error:?}"),
        }
    }

    #[test]
    fn every_error_comes_back_from_a_status_and_its_details_stay_short() {
        for error in errors() {
            let status = Refusal::of(&error).into_status();
            assert!(status.details().len() <= MAX_DETAIL_BYTES / 8, "{error:?}");
            assert_ne!(status.code(), Code::Ok);
            assert_eq!(told(&error_of(status)), told(&error));
        }
    }

    #[test]
    fn a_word_comes_back_by_the_name_of_its_field() {
        let source = DeviceId::new(0).unwrap_err();
        let error = InvalidEnvelope::Word { field: "device", source }.into();
        let refusal = Refusal::of(&error);
        assert!(refusal.field_problem() == FieldProblem::NotValid && refusal.field == "device");
        let read = refusal.into_error();
        assert_eq!(told(&read), told(&InvalidEnvelope::Field { field: "device" }.into()));
    }

    #[test]
    fn the_ends_of_a_stream_may_pass_and_what_is_not_known_does_not() {
        for reason in [Reason::ConflictingStream, Reason::Idle, Reason::ShuttingDown] {
            assert!(error_of(Refusal::because(reason).into_status()).may_pass(), "{}", reason.as_str_name());
        }
        let unknown = Refusal { reason: 99, ..Refusal::default() };
        assert!(!error_of(unknown.into_status()).may_pass());
        let named = Refusal { field: "a new field".to_owned(), ..Refusal::because(Reason::Invalid) };
        assert!(matches!(named.into_error(), TransportError::Invalid { .. }));
    }

    #[test]
    fn a_status_without_our_details_or_with_spoilt_ones_is_the_networks() {
        let garbage = Status::with_details(Code::Internal, "", Bytes::from_static(&[0x7b, 0x7c]));
        let long = Status::with_details(Code::Internal, "", vec![0; MAX_DETAIL_BYTES + 1].into());
        for status in [Status::internal("x"), garbage, long] {
            assert!(matches!(error_of(status), TransportError::Unavailable { source: Some(_) }));
        }
    }
}
