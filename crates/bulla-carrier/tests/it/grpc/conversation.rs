use bulla_transport::grpc::{GrpcTransport, MAX_CALLS_IN_FLIGHT};
use bulla_transport::{NumberProof, Sequence, Transport, TransportError, in_order};

use super::{Served, join};
use crate::identities::key_of;
use crate::{World, alice, caller, shop, upload};

/// All that two parties do, each with a connection of its own.
pub(super) async fn both_ways(world: &World, relay: &GrpcTransport, device: &GrpcTransport) {
    let (us, her) = (caller(shop(), 1), caller(alice(), 1));
    join(relay, &us).await;
    let connected = device.register(&her, &NumberProof::none()).await.unwrap();
    assert_eq!((connected.one_time_keys, connected.highest_one_time), (0, 0));
    let connected = device.publish(&her, upload(b"identity", 2)).await.unwrap();
    assert_eq!((connected.one_time_keys, connected.highest_one_time), (2, 2));

    let bundle = relay.bundle(&us, her.address()).await.unwrap();
    assert_eq!(
        (&bundle.identity[..], bundle.one_time.map(|key| key.id)),
        (&key_of(b"identity")[..], Some(1))
    );
    assert_eq!(device.low_stock(&her, 1).await.unwrap().one_time_keys, 1);

    for (from, there, to, here) in [(&us, relay, &her, device), (&her, device, &us, relay)] {
        let sent: Vec<_> = (0..3).map(|_| world.envelope(from, to)).collect();
        there.send(from, sent[0].clone()).await.unwrap();
        let outcome = there.send_all(from, sent[1..].to_vec()).await;
        assert!(outcome.taken == 2 && outcome.error.is_none());
        let received = in_order(here.receive(to, Sequence::START).await.unwrap(), Sequence::START);
        assert!(received.iter().map(|delivery| &delivery.envelope).eq(&sent));

        // Two of three are durable: the one between comes again.
        here.acknowledge(to, &[received[0].sequence, received[2].sequence]).await.unwrap();
        let rest = here.receive(to, Sequence::START).await.unwrap();
        assert_eq!(rest.len(), 1);
        assert_eq!(rest[0].envelope, sent[1]);
        here.acknowledge(to, &[rest[0].sequence]).await.unwrap();
    }
    device.remove(&her, her.address().device()).await.unwrap();
    assert!(matches!(device.connect(&her).await, Err(TransportError::Removed)));
}

#[tokio::test]
async fn two_parties_register_publish_fetch_send_receive_and_acknowledge() {
    let served = Served::new().await;
    both_ways(&served.world, &served.transport(), &served.transport()).await;
}

/// One connection, with a stream for each.
#[tokio::test]
async fn many_callers_share_a_connection() {
    let served = Served::new().await;
    let transport = served.transport();
    both_ways(&served.world, &transport, &transport).await;
}

/// They wait for the stream together, and go in one frame.
#[tokio::test]
async fn what_many_send_at_once_is_answered_to_each_for_itself() {
    let served = Served::new().await;
    let transport = served.transport();
    let (us, her) = (caller(shop(), 1), caller(alice(), 1));
    join(&transport, &us).await;
    join(&transport, &her).await;
    let mut all: Vec<_> = (0..20).map(|_| served.world.envelope(&us, &her)).collect();
    transport.send(&us, all[0].clone()).await.unwrap();
    // In their midst one under the id of another.
    let at = 10;
    all.insert(at, served.world.envelope_with(all[0].id(), &us, &her));
    let sending = all.iter().map(|envelope| transport.send(&us, envelope.clone()));
    for (place, outcome) in futures_util::future::join_all(sending).await.into_iter().enumerate() {
        match place == at {
            true => assert!(matches!(outcome, Err(TransportError::Id { .. })), "{outcome:?}"),
            false => outcome.unwrap(),
        }
    }
    all.remove(at);
    let received = transport.receive(&her, Sequence::START).await.unwrap();
    let received: Vec<_> = received.into_iter().map(|delivery| delivery.envelope).collect();
    assert_eq!(received.len(), all.len());
    assert!(all.iter().all(|envelope| received.contains(envelope)));
}

#[tokio::test]
async fn who_waits_is_handed_what_comes_and_may_leave_and_come_back() {
    let served = Served::new().await;
    let (relay, device) = (served.transport(), served.transport());
    let (us, her) = (caller(shop(), 1), caller(alice(), 1));
    join(&relay, &us).await;
    join(&device, &her).await;
    for _ in 0..3 {
        // It asks, and does not stay to hear the answer.
        tokio::select! {
            biased;
            _ = device.receive(&her, Sequence::START) => unreachable!("there is nothing"),
            () = tokio::task::yield_now() => {}
        }
    }
    let sent = served.world.envelope(&us, &her);
    let (received, outcome) =
        tokio::join!(device.receive(&her, Sequence::START), relay.send(&us, sent.clone()));
    outcome.unwrap();
    assert_eq!(received.unwrap()[0].envelope, sent);
}

/// They do not fit into one frame, in either direction.
#[tokio::test]
async fn the_largest_envelopes_are_sent_and_received_in_several_frames() {
    use bulla_envelope::{Envelope, Form, FrankingTag, Kind, MAX_SEALED_BYTES};

    let served = Served::new().await;
    let transport = served.transport();
    let (us, her) = (caller(shop(), 1), caller(alice(), 1));
    join(&transport, &us).await;
    join(&transport, &her).await;
    let largest = || {
        let id = bulla_base::MessageId::new(crate::NOW, &served.world.rng);
        let kind = Kind::Message(bulla_base::Category::Service);
        let (from, to) = (us.address().clone(), her.address().clone());
        let sealed = vec![7; MAX_SEALED_BYTES];
        Envelope::new(id, from, to, kind, FrankingTag::from_bytes([0; 32]), Form::Signal, sealed).unwrap()
    };
    let sent: Vec<_> = (0..25).map(|_| largest()).collect();
    let outcome = transport.send_all(&us, sent.clone()).await;
    assert!(outcome.taken == 25 && outcome.error.is_none());
    let (mut received, mut after, mut frames) = (Vec::new(), Sequence::START, 0);
    while received.len() < sent.len() {
        let deliveries = in_order(transport.receive(&her, after).await.unwrap(), after);
        after = deliveries.last().unwrap().sequence;
        received.extend(deliveries.into_iter().map(|delivery| delivery.envelope));
        frames += 1;
    }
    assert_eq!(frames, 3, "ten of them fit into a mebibyte");
    assert!(received == sent);
}

/// More than may be under way at a time: those beyond it wait for their turn, and none is lost.
#[tokio::test]
async fn a_crowd_of_calls_of_one_caller_is_served_by_and_by() {
    let served = Served::new().await;
    let transport = served.transport();
    let (us, her) = (caller(shop(), 1), caller(alice(), 1));
    join(&transport, &us).await;
    join(&transport, &her).await;
    let count = MAX_CALLS_IN_FLIGHT * 10;
    let calls = (0..count).map(|_| transport.send(&us, served.world.envelope(&us, &her)));
    let outcomes = futures_util::future::join_all(calls).await;
    assert!(outcomes.iter().all(Result::is_ok));
    let stats = served.world.carrier.stats().await.unwrap();
    assert_eq!((stats.enqueued, stats.refused), (count as u64, 0));
}
