use std::time::Duration;

use bulla_carrier::grpc::{Admission, Authenticator, NoAuthentication, OPENING_DEADLINE, RequestContext};
use bulla_envelope::Envelope;
use bulla_transport::grpc::proto::carrier_frame::Frame;
use bulla_transport::grpc::proto::{self, Refusal, client_frame};
use bulla_transport::grpc::{GrpcTransport, PlainTcp};
use bulla_transport::{Caller, IdentityProblem, Sequence, Transport, TransportError};
use tonic::metadata::MetadataMap;

use super::{RawStream, Served, join, real_time};
use crate::{alice, caller, shop};

/// How often the carrier's heart beats, unless the host says otherwise.
const HEARTBEAT: Duration = Duration::from_secs(240);

fn reason(status: &tonic::Status) -> &'static str {
    Refusal::in_status(status).unwrap().reason().as_str_name()
}

fn receive(call: u64) -> client_frame::Frame {
    client_frame::Frame::Receive(proto::Receive { call, epoch: 0, number: 0 })
}

#[tokio::test]
async fn an_empty_queue_is_said_to_be_and_what_comes_then_follows() {
    let served = Served::trusting().await;
    let (us, her) = (served.world.join(shop()).await, caller(alice(), 1));
    let mut client = served.raw().await;
    let mut stream = RawStream::open(&mut client, &her).await;
    stream.say(receive(7));
    assert!(matches!(stream.next().await, Frame::QueueEmpty(empty) if empty.call == 7));
    let envelope = served.world.envelope(&us, &her);
    served.world.carrier.send(&us, envelope.clone()).await.unwrap();
    let Frame::Deliveries(deliveries) = stream.next().await else { panic!("it was not delivered") };
    assert_eq!((deliveries.call, deliveries.deliveries.len()), (7, 1));
    let delivered = Envelope::from_bytes(deliveries.deliveries[0].envelope.clone()).unwrap();
    assert_eq!(delivered, envelope);
    // What is there at once is not said not to be.
    stream.say(receive(8));
    assert!(matches!(stream.next().await, Frame::Deliveries(deliveries) if deliveries.call == 8));
}

/// Thirty-two who did nothing else slowed everybody to a fifth.
#[tokio::test]
async fn who_reads_the_same_again_and_again_waits_ever_longer_and_new_mail_does_not() {
    let served = Served::trusting().await;
    let (us, her) = (served.world.join(shop()).await, caller(alice(), 1));
    let mut client = served.raw().await;
    let mut stream = RawStream::open(&mut client, &her).await;
    for _ in 0..2 {
        served.world.carrier.send(&us, served.world.envelope(&us, &her)).await.unwrap();
    }
    let mut place = (0, 0);
    for call in 1..=7 {
        stream.say(receive(call));
        let Frame::Deliveries(read) = stream.next().await else { panic!("it was not delivered") };
        assert_eq!((read.call, read.deliveries.len()), (call, 2));
        place = (read.epoch, read.deliveries[1].number);
    }
    stream.say(receive(18));
    tokio::select! {
        _ = stream.next() => panic!("it came at once"),
        () = real_time(Duration::from_millis(50)) => {}
    }
    let (epoch, number) = place;
    stream.say(client_frame::Frame::Receive(proto::Receive { call: 19, epoch, number }));
    assert!(matches!(stream.next().await, Frame::QueueEmpty(empty) if empty.call == 19), "what is new");
    stream.say(receive(20));
    real_time(Duration::from_millis(50)).await;
    served.clock.advance(Duration::from_secs(1));
    assert!(matches!(stream.next().await, Frame::Deliveries(read) if read.call == 20));
}

#[tokio::test]
async fn when_a_caller_opens_a_second_stream_the_first_ends_and_says_why() {
    let served = Served::trusting().await;
    let her = caller(alice(), 1);
    let (mut here, mut there) = (served.raw().await, served.raw().await);
    let mut first = RawStream::open(&mut here, &her).await;
    let mut second = RawStream::open(&mut there, &her).await;
    let end = first.end().await;
    assert_eq!((end.code(), reason(&end)), (tonic::Code::Aborted, "REASON_CONFLICTING_STREAM"));
    second.say(receive(1));
    assert!(matches!(second.next().await, Frame::QueueEmpty(_)), "it goes on");

    // Our own client says so, too, and that it may pass.
    let waits = |transport: GrpcTransport| {
        let her = her.clone();
        tokio::spawn(async move { transport.receive(&her, Sequence::START).await })
    };
    let waiting = waits(served.transport());
    assert_eq!(reason(&second.end().await), "REASON_CONFLICTING_STREAM");
    let _other = waits(served.transport());
    let ended = waiting.await.unwrap();
    let Err(TransportError::Unavailable { source: Some(why) }) = ended else { panic!("{ended:?}") };
    assert_eq!(why.to_string(), "the same caller has opened another stream");
}

#[tokio::test]
async fn who_has_been_replaced_is_told_so_and_takes_nobodys_place() {
    let served = Served::trusting().await;
    let (old, new) = (caller(alice(), 1), caller(alice(), 2));
    let (mut here, mut there) = (served.raw().await, served.raw().await);
    let mut first = RawStream::open(&mut here, &old).await;
    let mut second = RawStream::open(&mut there, &new).await;
    assert_eq!(reason(&first.end().await), "REASON_FENCED");
    let refused = RawStream::begin(&mut here, client_frame::Frame::Open((&old).into())).await;
    let refusal = Refusal::in_status(&refused.err().unwrap()).unwrap();
    assert_eq!((refusal.ours, refusal.highest, refusal.reinstalled), (1, 2, false));
    second.say(receive(1));
    assert!(matches!(second.next().await, Frame::QueueEmpty(_)));
}

#[tokio::test]
async fn a_heartbeat_that_is_not_answered_ends_the_stream() {
    let served = Served::trusting().await;
    let mut client = served.raw().await;
    let mut stream = RawStream::open(&mut client, &caller(alice(), 1)).await;
    for _ in 0..3 {
        served.clock.advance(HEARTBEAT);
        assert!(matches!(stream.next().await, Frame::Heartbeat(_)));
        stream.say(client_frame::Frame::Heartbeat(proto::Heartbeat {}));
        // Answered by what comes behind it: so it was read.
        stream.say(receive(1));
        assert!(matches!(stream.next().await, Frame::QueueEmpty(_)));
    }
    served.clock.advance(HEARTBEAT);
    assert!(matches!(stream.next().await, Frame::Heartbeat(_)));
    served.clock.advance(HEARTBEAT);
    assert_eq!(reason(&stream.end().await), "REASON_IDLE");
}

/// A quiet stream stays, for hours; one whose carrier has fallen silent does not.
#[tokio::test]
async fn our_client_answers_heartbeats() {
    let served = Served::trusting().await;
    let (us, her) = (served.world.join(shop()).await, caller(alice(), 1));
    let transport = served.transport();
    let waiting = {
        let (transport, her) = (transport.clone(), her.clone());
        tokio::spawn(async move { transport.receive(&her, Sequence::START).await })
    };
    while served.world.carrier.send(&us, served.world.envelope(&us, &her)).await.is_err() {
        tokio::task::yield_now().await;
    }
    let first = waiting.await.unwrap().unwrap();
    let after = first[0].sequence;
    let waiting = tokio::spawn(async move { transport.receive(&her, after).await });
    for _ in 0..20 {
        served.clock.advance(HEARTBEAT);
        // There and back over a real socket.
        real_time(Duration::from_millis(50)).await;
    }
    assert!(!waiting.is_finished(), "{:?}", waiting.await);
}

#[tokio::test]
async fn a_server_that_stops_answers_what_was_begun_and_says_that_it_stops() {
    let served = Served::trusting().await;
    let mut client = served.raw().await;
    let mut stream = RawStream::open(&mut client, &caller(alice(), 1)).await;
    stream.say(receive(1));
    assert!(matches!(stream.next().await, Frame::QueueEmpty(_)));
    served.stop.send(()).unwrap();
    let end = stream.end().await;
    assert_eq!((end.code(), reason(&end)), (tonic::Code::Unavailable, "REASON_SHUTTING_DOWN"));
    drop((stream, client));
    served.server.await.unwrap();
    assert!(tokio::net::TcpStream::connect(served.address).await.is_err(), "nobody listens any more");
}

/// Lets those speak who bring the word.
struct Word;

impl Authenticator for Word {
    fn may_speak<'a>(&'a self, request: &'a RequestContext, _: &'a Caller) -> Admission<'a> {
        let is_theirs = request.metadata().get("authorization").is_some_and(|word| word == "Bearer abc");
        let refused = TransportError::Unauthenticated { problem: IdentityProblem::Missing };
        Box::pin(std::future::ready(if is_theirs { Ok(()) } else { Err(refused) }))
    }
}

fn is_refused<R>(result: Result<R, TransportError>) -> bool {
    matches!(result, Err(TransportError::Unauthenticated { problem: IdentityProblem::Missing }))
}

#[tokio::test]
async fn who_does_not_bring_what_the_host_asks_for_does_not_come_in() {
    let served = Served::with(Word).await;
    let us = caller(shop(), 1);
    let without = served.transport();
    assert!(is_refused(without.connect(&us).await));
    assert!(is_refused(without.receive(&us, Sequence::START).await));
    assert_eq!(served.world.carrier.stats().await.unwrap().refused, 0, "the carrier was not asked");

    let mut metadata = MetadataMap::new();
    metadata.insert("authorization", "Bearer abc".parse().unwrap());
    let connector = PlainTcp::new(served.address.to_string()).unwrap();
    let rng = std::sync::Arc::new(bulla_base::SeededRng::new(5));
    let with = GrpcTransport::with_metadata(connector, served.clock.clone(), rng, metadata);
    join(&with, &us).await;
    with.acknowledge(&us, &[Sequence::new(1, 1)]).await.unwrap();
    assert_eq!(format!("{NoAuthentication:?} {with:?}"), "NoAuthentication GrpcTransport(…)");
}

/// Else whoever connects and says nothing, or is gone without a word, would have a place for good.
#[tokio::test]
async fn connections_that_nobody_uses_are_closed() {
    let served = Served::trusting().await;
    let silent = tokio::net::TcpStream::connect(served.address).await.unwrap();
    let mut bytes = [0; 1024];
    let closed = loop {
        served.clock.advance(OPENING_DEADLINE);
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        // The server says first how it speaks HTTP/2.
        match silent.try_read(&mut bytes) {
            Ok(0) => break true,
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => break false,
            _ => {}
        }
    };
    assert!(closed);
    let mut client = served.raw().await;
    client.connect(proto::ConnectRequest { caller: Some((&caller(alice(), 1)).into()) }).await.unwrap();
    while client.connect(proto::ConnectRequest { caller: None }).await.err().unwrap().code()
        == tonic::Code::InvalidArgument
    {
        for _ in 0..4 {
            served.clock.advance(HEARTBEAT);
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
        }
    }
}
