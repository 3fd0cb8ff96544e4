//! What fuzzing checks of the messages on the wire.

use bulla_envelope::{KeyBundle, KeyUpload};
use bytes::Bytes;
use prost::Message;
use tonic::{Code, Status};

use super::codec::{self, Bounded};
use super::limits::{MAX_FIELDS, MAX_FRAME_BYTES};
use super::proto::{self, carrier_frame, client_frame, upload_frame};
use super::refusal::error_of;
use super::{IdentityProof, blob_id, blobs};
use crate::{BlobSize, Connected, LogConsistency, LogLeaves, MAX_DELIVERIES, NumberProof};

/// What a client sends, by the first byte: a frame of the exchange, one of the calls, a frame of an upload.
///
/// Whatever it is, it is refused, or a message that says the same when it is written and read again; and what
/// the carrier reads of it keeps to its bounds.
pub fn requests(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    match which {
        0 => read(bytes, client_frame),
        1 => read(bytes, |_: proto::ChallengeRequest| {}),
        2 => read(bytes, |proof: proto::ProveRequest| drop(IdentityProof::read(proof))),
        3 => read(bytes, |register: proto::RegisterRequest| {
            drop((proto::Caller::read_new(register.caller), NumberProof::new(Vec::from(register.proof))));
        }),
        4 => read(bytes, |connect: proto::ConnectRequest| caller(connect.caller)),
        5 => read(bytes, |publish: proto::PublishRequest| {
            caller(publish.caller);
            drop(KeyUpload::from_bytes(publish.keys));
        }),
        6 => read(bytes, |fetch: proto::FetchKeysRequest| {
            caller(fetch.caller);
            drop(super::address("address", &fetch.of));
        }),
        7 => read(bytes, |remove: proto::RemoveDeviceRequest| caller(remove.caller)),
        8 => read(bytes, |head: proto::FetchLogHeadRequest| caller(head.caller)),
        9 => read(bytes, |grown: proto::ProveLogConsistencyRequest| caller(grown.caller)),
        10 => read(bytes, |frame: proto::UploadFrame| {
            if let Some(upload_frame::Frame::Open(open)) = frame.frame {
                caller(open.caller);
                drop(blob_id(&open.blob));
            }
        }),
        11 => read(bytes, |begin: proto::BeginUploadRequest| {
            caller(begin.caller);
            drop((blob_id(&begin.blob), BlobSize::new(begin.size)));
        }),
        12 => read(bytes, |blob: proto::BlobRequest| caller(blob.caller)),
        13 => read(bytes, |download: proto::DownloadRequest| caller(download.caller)),
        14 => read(bytes, |leaves: proto::FetchLogLeavesRequest| caller(leaves.caller)),
        15 => read(bytes, |report: proto::ReportRequest| caller(report.caller)),
        16 => read(bytes, |billing: proto::BillingRequest| caller(billing.caller)),
        _ => {}
    }
}

/// What a carrier sends, by the first byte: a frame of the exchange, one of the answers, a frame of a
/// download, or the details of a status, of a call or about a blob.
///
/// The same of what a client reads.
pub fn answers(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    match which {
        0 => read(bytes, carrier_frame),
        1 => read(bytes, |_: proto::ChallengeResponse| {}),
        2 => read(bytes, |_: proto::Credential| {}),
        3 => read(bytes, |connected: proto::Connected| {
            let connected = Connected::from(connected);
            assert!(Connected::from(proto::Connected::from(connected)) == connected);
        }),
        4 => read(bytes, |keys: proto::FetchKeysResponse| drop(KeyBundle::from_bytes(keys.bundle))),
        5 => read(bytes, |_: proto::RemoveDeviceResponse| {}),
        6 => read(bytes, |_: proto::FetchLogHeadResponse| {}),
        7 => read(bytes, |grown: proto::ProveLogConsistencyResponse| {
            drop(LogConsistency::new(grown.old_root, grown.proof));
        }),
        8 => read(bytes, |_: proto::UploadProgress| {}),
        9 => read(bytes, |_: proto::DownloadFrame| {}),
        10 => read(bytes, |_: proto::DeleteBlobResponse| {}),
        11 => read(bytes, |refusal: proto::Refusal| drop(refusal.into_error())),
        12 => drop(error_of(status(bytes)).to_string()),
        13 => drop(blobs::blob_error_of(status(bytes)).to_string()),
        14 => read(bytes, |leaves: proto::FetchLogLeavesResponse| drop(LogLeaves::new(leaves.leaves))),
        15 => read(bytes, |_: proto::BillingResponse| {}),
        _ => {}
    }
}

fn status(details: &[u8]) -> Status {
    Status::with_details(Code::Internal, "", Bytes::copy_from_slice(details))
}

fn client_frame(frame: proto::ClientFrame) {
    match frame.frame {
        Some(client_frame::Frame::Open(open)) => caller(Some(open)),
        Some(client_frame::Frame::Send(send)) => {
            if let Ok(envelopes) = send.read() {
                assert!((1..=MAX_DELIVERIES).contains(&envelopes.len()));
            }
        }
        Some(client_frame::Frame::Acknowledge(these)) => {
            if let Ok(sequences) = these.read() {
                assert!(sequences.len() <= MAX_DELIVERIES);
            }
        }
        _ => {}
    }
}

fn carrier_frame(frame: proto::CarrierFrame) {
    match frame.frame {
        Some(carrier_frame::Frame::Deliveries(deliveries)) => {
            if let Ok(deliveries) = deliveries.read() {
                assert!(deliveries.len() <= MAX_DELIVERIES);
            }
        }
        Some(carrier_frame::Frame::Sent(sent)) => drop(sent.refusal.map(proto::Refusal::into_error)),
        Some(carrier_frame::Frame::Refused(refused)) => {
            drop(refused.refusal.map(proto::Refusal::into_error));
        }
        _ => {}
    }
}

/// One that can be read is written as it was read.
fn caller(caller: Option<proto::Caller>) {
    if let Ok(caller) = proto::Caller::read(caller) {
        assert!(proto::Caller::read(Some((&caller).into())).is_ok_and(|again| again == caller));
    }
}

fn read<M: Message + Default + Bounded + PartialEq + Clone>(bytes: &[u8], used: impl FnOnce(M)) {
    if bytes.len() > MAX_FRAME_BYTES {
        return;
    }
    let Ok(message) = codec::decode::<M>(Bytes::copy_from_slice(bytes)) else { return };
    let written = message.encode_to_vec();
    assert!(written.len() <= bytes.len() + MAX_FIELDS, "nothing is added");
    assert!(codec::decode::<M>(written.into()).is_ok_and(|again| again == message));
    used(message);
}
