//! What strangers send that is too much, or nothing at all.

use bulla_transport::grpc::MAX_FRAME_BYTES;
use bulla_transport::grpc::proto::carrier_frame::Frame;
use bulla_transport::grpc::proto::{self, FieldProblem, Refusal, client_frame};
use bulla_transport::{MAX_DELIVERIES, MAX_PROOF_BYTES};
use bytes::Bytes;
use tonic::Status;

use super::{RawStream, Served};
use crate::{alice, caller, shop};

/// The field a call was refused for, what is wrong with it, and what it may be at most.
fn field(status: &Status) -> (String, FieldProblem, u64) {
    let refusal = Refusal::in_status(status).unwrap();
    assert_eq!(refusal.reason().as_str_name(), "REASON_INVALID");
    (refusal.field.clone(), refusal.field_problem(), refusal.limit)
}

fn is_field(status: &Status, name: &str, problem: FieldProblem, limit: u64) {
    let found = field(status);
    assert!(found == (name.to_owned(), problem, limit), "{} {}", found.0, found.1.as_str_name());
}

fn sending(envelopes: Vec<Bytes>) -> client_frame::Frame {
    client_frame::Frame::Send(proto::Send { call: 1, envelopes })
}

#[tokio::test]
async fn a_frame_that_is_too_long_ends_the_stream_by_name() {
    let served = Served::trusting().await;
    let mut client = served.raw().await;
    for first in [false, true] {
        let long = sending(vec![vec![0; MAX_FRAME_BYTES].into()]);
        let end = match first {
            true => RawStream::begin(&mut client, long).await.err().unwrap(),
            false => {
                let mut stream = RawStream::open(&mut client, &caller(alice(), 1)).await;
                stream.say(long);
                stream.end().await
            }
        };
        is_field(&end, "frame (bytes)", FieldProblem::TooLarge, MAX_FRAME_BYTES as u64);
    }
}

#[tokio::test]
async fn what_is_in_a_frame_is_refused_by_name_and_the_stream_goes_on() {
    let served = Served::trusting().await;
    let (us, her) = (caller(shop(), 1), caller(alice(), 1));
    let mut client = served.raw().await;
    let mut stream = RawStream::open(&mut client, &us).await;
    let envelope = |bytes: usize| Bytes::from(vec![0; bytes]);
    let whole = served.world.envelope(&us, &her).to_bytes();
    let many = vec![whole.clone(); MAX_DELIVERIES + 1];
    for (envelopes, name, problem, limit) in [
        (Vec::new(), "envelopes", FieldProblem::Missing, 0),
        (many, "envelopes at once", FieldProblem::TooLarge, MAX_DELIVERIES as u64),
        (vec![envelope(98_561)], "envelope (bytes)", FieldProblem::TooLarge, 98_560),
        (vec![whole.slice(..whole.len() - 1)], "", FieldProblem::Malformed, 0),
        (vec![Bytes::new()], "franking tag", FieldProblem::Missing, 0),
    ] {
        stream.say(sending(envelopes));
        let Frame::Sent(sent) = stream.next().await else { panic!("{name}") };
        let refusal = sent.refusal.unwrap();
        assert_eq!((sent.taken, refusal.field.as_str(), refusal.limit), (0, name, limit));
        assert!(refusal.field_problem() == problem, "{name}");
    }
    let numbers = vec![1; MAX_DELIVERIES + 1];
    stream.say(client_frame::Frame::Acknowledge(proto::Acknowledge {
        call: 2,
        epoch: 1,
        numbers,
        through: 0,
    }));
    let Frame::Refused(refused) = stream.next().await else { panic!("it was not refused") };
    assert_eq!(refused.refusal.unwrap().field, "sequences at once");
    assert_eq!(refused.call, 2);

    // One that is not a caller's turn ends it.
    stream.say(client_frame::Frame::Open((&us).into()));
    is_field(&stream.end().await, "frame", FieldProblem::Missing, 0);
}

#[tokio::test]
async fn a_stream_begins_with_who_it_is() {
    let served = Served::trusting().await;
    let mut client = served.raw().await;
    let whole = proto::Caller::from(&caller(alice(), 1));
    let nobody = proto::Caller { address: Bytes::new(), ..whole.clone() };
    let nothing = proto::Caller { installation: Bytes::from_static(&[0; 15]), ..whole };
    for (first, name, problem) in [
        (client_frame::Frame::Heartbeat(proto::Heartbeat {}), "open", FieldProblem::Missing),
        (client_frame::Frame::Open(nobody), "address", FieldProblem::NotValid),
        (client_frame::Frame::Open(nothing), "installation", FieldProblem::Missing),
    ] {
        let end = RawStream::begin(&mut client, first).await.err().unwrap();
        is_field(&end, name, problem, 0);
    }
}

#[tokio::test]
async fn calls_are_refused_by_name() {
    let served = Served::trusting().await;
    let mut client = served.raw().await;
    let caller = Some(proto::Caller::from(&caller(alice(), 1)));
    let connect = proto::ConnectRequest { caller: None };
    is_field(&client.connect(connect).await.err().unwrap(), "caller", FieldProblem::Missing, 0);
    let proof = vec![0; MAX_PROOF_BYTES + 1].into();
    let register = proto::RegisterRequest { caller: caller.clone(), proof };
    let refused = client.register(register).await.err().unwrap();
    is_field(&refused, "proof (bytes)", FieldProblem::TooLarge, MAX_PROOF_BYTES as u64);
    let publish = |bytes| proto::PublishRequest { caller: caller.clone(), keys: vec![0; bytes].into() };
    let refused = client.publish(publish(425_985)).await.err().unwrap();
    is_field(&refused, "key upload (bytes)", FieldProblem::TooLarge, 425_984);
    let fetch = proto::FetchKeysRequest { caller: caller.clone(), of: Bytes::from_static(b"\x01x") };
    is_field(&client.fetch_keys(fetch).await.err().unwrap(), "address", FieldProblem::NotValid, 0);
    for device in [0, 11, 257] {
        let remove = proto::RemoveDeviceRequest { caller: caller.clone(), device };
        is_field(&client.remove_device(remove).await.err().unwrap(), "device", FieldProblem::NotValid, 0);
    }
    // A call of its own that is too long is refused by the library, which tells the bound.
    let refused = client.publish(publish(MAX_FRAME_BYTES + 1)).await.err().unwrap();
    assert_eq!(refused.code(), tonic::Code::OutOfRange);
    assert!(refused.message().contains("1048576"), "{}", refused.message());
}
